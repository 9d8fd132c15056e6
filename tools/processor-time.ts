import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A clock tick of /proc in milliseconds: Linux tells user space of 100 in a second on all processors that Node runs on. */
const TICK_MS = 10;

export interface ProcessTime {
  readonly pid: number;
  readonly parent: number;
  /** Begun at, in ticks since the machine's start; with the pid it names one process for good. */
  readonly begun: string;
  /** Its own processor time, and that of children that ended and were asked for. */
  readonly ms: number;
}

/** What /proc/PID/stat says; `undefined` if it is not of that form. */
export function parseStat(text: string): ProcessTime | undefined {
  // The second field is the name in parentheses, which may hold blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).map(Number);
  const begun = fields[19];
  if (begun === undefined || ticks.some(Number.isNaN)) return undefined;
  const ms = ticks.reduce((sum, one) => sum + one, 0) * TICK_MS;
  return { pid: Number(text.slice(0, text.indexOf(" "))), parent: Number(fields[1]), begun, ms };
}

/** Processor time of this process and of its children that have ended; 0 without a /proc. */
export function ownProcessorMs(): number {
  return readTime("self")?.ms ?? 0;
}

/** Adds up the processor time of processes that left their parents: no parent is told of it when they end, so it is looked at while they run.
 *  Processes that do have their parent are left out: it knows. */
export class OrphanTime {
  #seen: ReadonlyMap<number, ProcessTime> = new Map();
  #goneMs = 0;
  #root = 0;

  /** `alive`: all processes of one test run. `root`: the one that the others came from, which is asked itself. */
  look(alive: readonly ProcessTime[], root: number): void {
    const now = new Map(alive.map((one) => [one.pid, one]));
    for (const one of this.#seen.values()) {
      const isAlive = now.get(one.pid)?.begun === one.begun;
      if (!isAlive && !now.has(one.parent) && this.#isOrphan(one, root)) this.#goneMs += one.ms;
    }
    this.#seen = now;
    this.#root = root;
  }

  get totalMs(): number {
    let ms = this.#goneMs;
    for (const one of this.#seen.values()) if (this.#isOrphan(one, this.#root)) ms += one.ms;
    return ms;
  }

  #isOrphan(one: ProcessTime, root: number): boolean {
    for (let at: ProcessTime | undefined = one; at !== undefined; at = this.#seen.get(at.parent)) if (at.pid === root) return false;
    return true;
  }
}

interface Known {
  readonly begun: string;
  readonly marker: string | undefined;
  readonly looks: number;
}

/** Finds the processes whose environment, arguments or folder name one of some markers, without reading all that twice. */
export class MarkedProcesses {
  #known = new Map<string, { readonly begun: string; readonly marker: string | undefined; readonly looks: number }>();

  /** By marker. Without a /proc nothing is found. */
  find(markers: readonly string[]): ReadonlyMap<string, readonly ProcessTime[]> {
    const found = new Map<string, ProcessTime[]>(markers.map((marker) => [marker, []]));
    const known = new Map<string, Known>();
    for (const pid of listPids()) {
      const time = readTime(pid);
      if (time === undefined) continue;
      const before = this.#known.get(pid);
      const looks = before?.begun === time.begun ? before.looks : 0;
      // A process that is just being started still has its parent's arguments: who is unmarked is looked at once more.
      const isKnown = looks > 1 || (looks === 1 && before?.marker !== undefined);
      const marker = isKnown ? before?.marker : readMarker(pid, markers);
      known.set(pid, { begun: time.begun, marker, looks: looks + 1 });
      if (marker !== undefined) found.get(marker)?.push(time);
    }
    this.#known = known;
    return found;
  }
}

function listPids(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function readTime(pid: string): ProcessTime | undefined {
  return parseStat(read(() => readFileSync(`/proc/${pid}/stat`, "utf8")));
}

function readMarker(pid: string, markers: readonly string[]): string | undefined {
  const texts = [
    read(() => readFileSync(`/proc/${pid}/environ`, "utf8")),
    read(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")),
    read(() => readlinkSync(`/proc/${pid}/cwd`)),
  ];
  return markers.find((marker) => texts.some((text) => text.includes(marker)));
}

/** Another user's, or just gone: the empty text. */
function read(get: () => string): string {
  try {
    return get();
  } catch {
    return "";
  }
}
