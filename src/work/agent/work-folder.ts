import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import { renderText } from "./core/index.ts";

/** Bytes of a file with `render: true`, before and after: it is read and written at each start, on the agent's one thread. */
export const RENDERED_BYTES_MAX = 1_048_576;

/** Of a volume's folder below the data folder: `agent/volumes/NAMESPACE/SERVICE/VOLUME/SLOT`. */
const VOLUME_PARTS = 6;

/** What belongs into an instance's folder. */
export interface WorkFolderContent {
  /** Folder of its files; absent: it has none. */
  readonly artifact?: string | undefined;
  /** Files of the artifact that are rendered, relative to it. */
  readonly rendered: readonly string[];
  /** Folders of volumes by the place where they stand. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** What is put into rendered files. */
  readonly values: Readonly<Record<string, string>>;
}

/** Makes the working folder: a link for each entry at the top of the artifact, and a copy of each rendered file with its values in it (mode 0600, as they may be secrets). A folder that holds a rendered file or a volume is made, and its other entries linked. A volume is a link to its folder; one that leads to where the data folder was before is made anew. What the service has written stays.
 *  @throws agent/work-folder: something of the service's is where an entry of the artifact belongs
 *  @throws agent/render: a file cannot be rendered; the message says where and why */
export function prepareWorkFolder(work: string, content: WorkFolderContent): void {
  new Preparation(work, content).run();
}

class Preparation {
  readonly #work: string;
  readonly #content: WorkFolderContent;
  readonly #rendered: ReadonlySet<string>;
  /** Folders that are made instead of linked, as a rendered file or a volume is in them. */
  readonly #made: ReadonlySet<string>;

  constructor(work: string, content: WorkFolderContent) {
    this.#work = work;
    this.#content = content;
    this.#rendered = new Set(content.rendered);
    this.#made = new Set([...content.rendered, ...Object.keys(content.volumes ?? {})].flatMap(parentsOf));
  }

  run(): void {
    mkdirSync(this.#work, { recursive: true, mode: 0o700 });
    for (const folder of ["", ...this.#made]) this.#unlink(folder);
    const { artifact, volumes = {} } = this.#content;
    if (artifact !== undefined) this.#link(artifact);
    for (const [place, folder] of Object.entries(volumes)) this.#mount(place, folder);
  }

  #mount(place: string, folder: string): void {
    const link = path.join(this.#work, place);
    mkdirSync(path.dirname(link), { recursive: true, mode: 0o700 });
    const present = lstatSync(link, { throwIfNoEntry: false });
    if (present?.isSymbolicLink() === true) {
      const target = readlinkSync(link);
      if (target === folder) return;
      // Made at an earlier start, before the data folder was moved or copied.
      if (isVolumeFolder(target, folder)) rmSync(link);
    }
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined)
      throw new OrreryError(
        "agent/work-folder",
        `${link} is where the volume ${place} should stand: it is one of the instance's files, or was written by the service; give the volume another path`,
      );
    symlinkSync(folder, link);
  }

  #link(artifact: string): void {
    for (const file of this.#rendered)
      if (lstatSync(path.join(artifact, file), { throwIfNoEntry: false })?.isFile() !== true)
        throw new OrreryError("agent/render", `${file}: render is for single files, and there is none of this name among the instance's files`);
    this.#fill(artifact, "");
  }

  /** Takes away the links that an earlier start has made in `folder`. */
  #unlink(folder: string): void {
    const place = path.join(this.#work, folder);
    if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) return;
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      const link = path.join(place, entry.name);
      if (entry.isSymbolicLink() && isArtifactEntry(readlinkSync(link), path.join(folder, entry.name))) rmSync(link);
    }
  }

  #fill(artifact: string, folder: string): void {
    for (const name of readdirSync(path.join(artifact, folder))) {
      const entry = path.join(folder, name);
      const source = path.join(artifact, entry);
      const place = path.join(this.#work, entry);
      const present = lstatSync(place, { throwIfNoEntry: false });
      if (this.#made.has(entry) && statSync(source).isDirectory() && (present === undefined || present.isDirectory())) {
        mkdirSync(place, { recursive: true, mode: 0o700 });
        this.#fill(artifact, entry);
      } else if (this.#rendered.has(entry) && (present === undefined || present.isFile())) {
        this.#render(source, entry, place);
      } else if (present === undefined) {
        symlinkSync(source, place);
      } else {
        throw new OrreryError(
          "agent/work-folder",
          `${place} is in the way of ${name} of the instance's files; it was written by the service: let it write elsewhere`,
        );
      }
    }
  }

  #render(source: string, entry: string, place: string): void {
    const text = renderText(readText(source, entry), this.#content.values, entry);
    if (Buffer.byteLength(text) > RENDERED_BYTES_MAX) throw tooLarge(entry, "becomes larger");
    // Whole or not at all; and never through a link or into a file that others have opened.
    const temporary = `${place}.rendering`;
    rmSync(temporary, { recursive: true, force: true });
    writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
    if ((statSync(source).mode & 0o100) !== 0) chmodSync(temporary, 0o700);
    renameSync(temporary, place);
  }
}

function readText(source: string, entry: string): string {
  if (statSync(source).size > RENDERED_BYTES_MAX) throw tooLarge(entry, "is larger");
  const bytes = readFileSync(source);
  try {
    if (!bytes.includes(0)) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Told below, with what to do.
  }
  throw new OrreryError("agent/render", `${entry} is no UTF-8 text: only texts are rendered; take render from it`);
}

function tooLarge(entry: string, how: string): OrreryError {
  return new OrreryError(
    "agent/render",
    `${entry} ${how} than ${RENDERED_BYTES_MAX} bytes, the most that is rendered; render a small file that refers to it`,
  );
}

/** `a/b/c` gives `a`, `a/b`. */
function parentsOf(entry: string): string[] {
  const parts = entry.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Links into `<data>/artifacts/<digest>/` that stand where the entry would are ours, all others the service's own. */
function isArtifactEntry(target: string, entry: string): boolean {
  return target.endsWith(`/${entry}`) && /\/[0-9a-f]{64}$/.test(target.slice(0, -entry.length - 1));
}

/** True if `target` is where the volume `folder` was, or its original is, below another data folder. */
function isVolumeFolder(target: string, folder: string): boolean {
  const own = (one: string): string => one.split("/").slice(-VOLUME_PARTS).join("/");
  return own(target) === own(folder);
}
