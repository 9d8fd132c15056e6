import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { type Clock, describeError, type Log } from "#/base/index.ts";
import { type Builds, type BuiltFile, findBuilds } from "./builds.ts";
import { SECURITY_HEADERS } from "./security.ts";

/** Where nothing was built when it was asked for, it is looked for again after so long. */
const LOOK_AGAIN_MS = 2_000;
const YEAR_SECONDS = 31_536_000;
const HTML = "text/html; charset=utf-8";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

export interface PagesOptions {
  /** Of the builds: one folder each, named by its hash. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What matters of a request. */
export interface PageRequest {
  /** Below /console: decoded parts of the path; undefined for `/console` without a slash. */
  readonly path: readonly string[] | undefined;
  readonly header: (name: string) => string | undefined;
}

/** The whole answer. */
export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string | Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** The built console's files. Everything is public: nothing of a site is in them. */
export interface Pages {
  /** Answers what was asked for below /console; never throws for what is asked.
   *  A file is immutable for its name; every other path is the one page (`index.html`, never cached), which finds its own way; a file that is not there is 404 and never a page, so that no browser takes HTML for a script. */
  answer(request: PageRequest): Promise<Page>;
}

/** Serves the console that the set-up has built into `folder`. Which build is newest is decided once, at the start: a centre serves the console of its own version, and keeps it. */
export function createPages(options: PagesOptions): Pages {
  return new ConsolePages(options);
}

class ConsolePages implements Pages {
  readonly #options: PagesOptions;
  #builds: Promise<Builds | undefined> | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: PagesOptions) {
    this.#options = options;
    void this.#find();
  }

  async answer({ path, header }: PageRequest): Promise<Page> {
    if (path === undefined) return { ...textPage(308, "see /console/"), headers: { ...SECURITY_HEADERS, location: "/console/" } };
    const builds = await this.#find();
    if (builds === undefined) return textPage(503, NOT_BUILT, { "retry-after": "5" });
    const name = path.join("/");
    const file = builds.files.get(name);
    if (file !== undefined) return await this.#file(name, file, header);
    if (isFile(path, header))
      return textPage(404, `/console/${name.slice(0, 200)} is not there: the console has been built anew since; load the page again`);
    return index(builds, header);
  }

  async #file(name: string, file: BuiltFile, header: PageRequest["header"]): Promise<Page> {
    const isHashed = name.startsWith("assets/");
    const etag = `"${name}"`;
    const headers: Record<string, string> = {
      ...SECURITY_HEADERS,
      "cache-control": isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache",
      vary: "Accept-Encoding",
    };
    if (isHashed) headers["etag"] = etag;
    const contentType = TYPES[extname(name)] ?? "application/octet-stream";
    if (isHashed && matches(header("if-none-match"), etag)) return { status: 304, contentType, text: "", headers };
    const accepted = header("accept-encoding") ?? "";
    const encoding = (["br", "gzip"] as const).find((one) => file.encodings.has(one) && accepts(accepted, one));
    if (encoding !== undefined) headers["content-encoding"] = encoding;
    const path = encoding === undefined ? file.path : `${file.path}.${encoding === "br" ? "br" : "gz"}`;
    try {
      return { status: 200, contentType, text: await readFile(path), headers };
    } catch (error) {
      this.#options.log.warn(`console: ${file.path} cannot be read: ${describeError(error)}`);
      return textPage(404, `/console/${name} cannot be read any more; load the page again`);
    }
  }

  #find(): Promise<Builds | undefined> {
    const { folder, clock, log } = this.#options;
    if (this.#builds !== undefined) return this.#builds;
    const nowMs = clock.monotonic();
    if (nowMs - this.#lookedMs < LOOK_AGAIN_MS) return Promise.resolve(undefined);
    this.#lookedMs = nowMs;
    const looking = findBuilds(folder).catch((error: unknown) => {
      log.warn(`console: ${folder} cannot be read: ${describeError(error)}`);
      return undefined;
    });
    this.#builds = looking;
    void looking.then((builds) => {
      if (builds === undefined) this.#builds = undefined;
    });
    return looking;
  }
}

const NOT_BUILT =
  "the console is not built on this machine: run `sh tools/setup.sh` in the project's folder, or see docs/console.md for a ready bundle; then load this page again";

function index({ index: { text, etag }, hash }: Builds, header: PageRequest["header"]): Page {
  const headers = { ...SECURITY_HEADERS, "cache-control": "no-cache", etag, "orrery-console": hash };
  if (matches(header("if-none-match"), etag)) return { status: 304, contentType: HTML, text: "", headers };
  return { status: 200, contentType: HTML, text, headers };
}

function textPage(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Page {
  return {
    status,
    contentType: "text/plain; charset=utf-8",
    text: `${text}\n`,
    headers: { ...SECURITY_HEADERS, "cache-control": "no-store", ...headers },
  };
}

/** Whether a file was asked for, not a page: by its place, by its ending, or because the browser says what it will be used for. */
function isFile(path: readonly string[], header: PageRequest["header"]): boolean {
  if (path[0] === "assets") return true;
  const use = header("sec-fetch-dest");
  if (use !== undefined) return use !== "document" && use !== "empty";
  return extname(path.at(-1) ?? "") in TYPES;
}

/** RFC 9110 (13.1.2): a list of tags, weak or not, or `*`. */
function matches(given: string | undefined, etag: string): boolean {
  const tags = given?.split(",").map((one) => one.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(etag) || tags.includes("*");
}

/** RFC 9110 (12.5.3): named, and not with weight 0. */
function accepts(given: string, encoding: string): boolean {
  return given.split(",").some((one) => {
    const [name = "", ...parameters] = one.split(";").map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}
