import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { RunningSite } from "./running-site.ts";

/** What every service here does: JSON on $PORT, an end on SIGTERM when what runs is answered, and the trace headers handed on. */
const COMMON = `
import { createServer } from "node:http";
const NAMES = ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-orrery-generation"];
export const trace = (request) => Object.fromEntries(NAMES.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])));
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export function serve(answer, atEnd = () => {}) {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://service");
    try {
      const body = url.pathname === "/health" ? {} : await answer(url, request);
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    } catch (error) {
      response.writeHead(error.status ?? 500).end(String(error.message));
    }
  });
  server.listen(Number(process.env.PORT), process.env.HOST);
  process.on("SIGTERM", () => server.close(async () => { await atEnd(); process.exit(0); }));
}
`;

/** Asks pointing twice in each request, with a pause between. */
const PORTAL = `
import { serve, trace, wait } from "./common.mjs";
const ask = async (request) => {
  const answer = await fetch(process.env.SERVICE_POINTING_URL + "/aim", { headers: trace(request) });
  if (answer.status !== 200) throw Object.assign(new Error(await answer.text()), { status: answer.status });
  return (await answer.json()).version;
};
serve(async (url, request) => {
  const first = await ask(request);
  await wait(Number(url.searchParams.get("ms") ?? 20));
  return { first, second: await ask(request) };
});
`;

const NEWS = `
import { serve, wait } from "./common.mjs";
serve(async (url) => {
  await wait(Number(url.searchParams.get("ms") ?? 0));
  return { version: process.env.ORRERY_VERSION };
});
`;

/** Works with a thing that only one process may hold: takes it when it becomes active, which takes a while, and lets it go when it ends. The lock is the thing; the log tells who had it. */
const POINTING = `
import { appendFileSync, openSync, readFileSync, unlinkSync } from "node:fs";
import { serve, wait } from "./common.mjs";
const { LOCK, LOG, ORRERY_STATE, ORRERY_VERSION: version } = process.env;
const note = (what) => appendFileSync(LOG, what + " " + version + " " + process.pid + "\\n");
let isHolding = false;
let taking;
async function take() {
  await wait(150);
  try {
    openSync(LOCK, "wx");
    isHolding = true;
    note("taken");
  } catch (error) {
    note("refused " + error.code);
  }
}
const become = async (state) => { if (state === "active") await (taking ??= take()); };
await become(readFileSync(ORRERY_STATE, "utf8").trim());
serve(
  async (url, request) => {
    if (url.pathname === "/state") {
      let body = "";
      for await (const chunk of request) body += chunk;
      await become(JSON.parse(body).state);
      return {};
    }
    // One that is handed over compatibly is called before the one before has let go.
    for (let tries = 0; process.env.PATIENT === "1" && !isHolding && tries < 300; tries++) await wait(10);
    if (!isHolding) throw Object.assign(new Error("pointing " + version + " does not hold its thing"), { status: 503 });
    return { version };
  },
  async () => {
    if (!isHolding) return;
    await wait(Number(process.env.LETS_GO_MS ?? 0));
    unlinkSync(LOCK);
    note("released");
  },
);
`;

/** Tells what a file says, again and again. */
const PROBE = `
import { readFileSync } from "node:fs";
const tell = () => console.log(JSON.stringify({ observed: { tracking: readFileSync(process.argv[2], "utf8").trim() === "yes" } }));
setInterval(tell, 50);
tell();
`;

/** So long version v4 of pointing needs to let its thing go. */
const SLOW_TO_LET_GO_MS = 2000;

const health = { startup: { http: { path: "/health" }, interval: "100ms", failureThreshold: 300 }, readiness: { http: { path: "/health" } } };

/** A site with a thing that only one revision may use: `pointing` holds it, `portal` calls pointing, `news` calls nobody; pointing is not updated while the antenna is tracking. */
export class ExclusiveSite {
  readonly running: RunningSite;
  readonly #folder: string;

  private constructor(running: RunningSite) {
    this.running = running;
    this.#folder = running.siteFolder;
  }

  /** Makes the site in a folder of its own and starts it. `holdMs`: the Site's hold. */
  static async start(folder: string, holdMs: number): Promise<ExclusiveSite> {
    const site = new ExclusiveSite(new RunningSite(path.join(folder, "site"), folder));
    mkdirSync(path.join(site.#folder, "versions"), { recursive: true });
    for (const [name, text] of Object.entries({ common: COMMON, portal: PORTAL, news: NEWS, pointing: POINTING, probe: PROBE }))
      writeFileSync(path.join(site.#folder, `${name}.mjs`), text);
    writeFileSync(path.join(folder, "log"), "");
    site.track(false);
    const manifests: Readonly<Record<string, object>> = {
      "site.yaml": object("Site", "site", { hold: `${holdMs}ms` }),
      "portal.yaml": service("portal", "v1", { calls: ["pointing"] }),
      "news.yaml": service("news", "v1", { calls: [] }),
      "pointing.yaml": site.#pointing("v1", {}),
      "versions/pointing-v2.yaml": site.#pointing("v2", {}),
      "versions/pointing-v3.yaml": site.#pointing("v3", { handover: "compatible", env: { PATIENT: "1" } }),
      "versions/pointing-v4.yaml": site.#pointing("v4", { env: { LETS_GO_MS: String(SLOW_TO_LET_GO_MS) } }),
      "antenna.yaml": object("Resource", "antenna", {
        id: "antenna/test",
        type: "thing",
        files: [
          { from: "probe.mjs", to: "." },
          { from: "common.mjs", to: "." },
        ],
        probe: { command: ["node", "probe.mjs", path.join(folder, "tracking")], interval: "1s" },
        maxAge: "10s",
      }),
      "point.yaml": object("Route", "point", { path: { prefix: "/point" }, service: "portal", timeout: "20s" }),
      "news-route.yaml": object("Route", "news", { path: { prefix: "/news" }, service: "news" }),
    };
    for (const [name, one] of Object.entries(manifests)) writeFileSync(path.join(site.#folder, name), stringify(one));
    const { status, out, err } = await site.running.up();
    if (status !== 0) {
      await site.running.close();
      throw new Error(`up failed with ${status}: ${out}${err}`);
    }
    return site;
  }

  #pointing(version: string, more: { readonly handover?: string; readonly env?: Readonly<Record<string, string>> }): object {
    const { folder } = this.running;
    return service("pointing", version, {
      calls: [],
      stateUrl: { path: "/state" },
      ...(more.handover === undefined ? {} : { handover: more.handover }),
      env: { LOCK: path.join(folder, "lock"), LOG: path.join(folder, "log"), ...more.env },
    });
  }

  /** What the antenna's probe will see. */
  track(isTracking: boolean): void {
    const file = path.join(this.running.folder, "tracking");
    // Replaced as a whole, so that the probe never reads half of it.
    writeFileSync(`${file}.new`, isTracking ? "yes" : "no");
    renameSync(`${file}.new`, file);
  }

  /** Who has taken the thing and let it go, in order, as in `taken v1 4711`. */
  log(): string[] {
    return readFileSync(path.join(this.running.folder, "log"), "utf8").split("\n").slice(0, -1);
  }
}

function object(kind: string, name: string, spec: object): object {
  return { apiVersion: "orrery.dev/v1", kind, metadata: { name }, spec };
}

function service(
  name: string,
  version: string,
  more: { readonly env?: Readonly<Record<string, string>>; readonly [field: string]: unknown },
): object {
  const { env = {}, ...template } = more;
  const isPointing = name === "pointing";
  return object("Microservice", name, {
    ...(isPointing ? { exclusive: true, notDuring: [{ resource: "antenna", condition: "tracking" }] } : {}),
    template: {
      version,
      files: ["common.mjs", `${name}.mjs`].map((from) => ({ from, to: "." })),
      run: { command: ["node", `${name}.mjs`] },
      env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
      health,
      ...template,
    },
  });
}
