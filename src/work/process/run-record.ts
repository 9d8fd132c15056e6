import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { syncFolder, writeFileDurably } from "./durable-file.ts";
import { type ProcessExit, parseExitStatus } from "./exit.ts";
import type { ProcessIdentity } from "./proc-stat.ts";
import type { ProcessMarks } from "./process-scan.ts";

/** What was going to be started: on the disk before anything is. */
export interface Intention {
  readonly bootId: string;
  readonly command: readonly string[];
  readonly marks: ProcessMarks;
  /** See `ProcessSigns.home`. */
  readonly home?: string;
  readonly logPath: string;
  /** Where this run's output begins in its log. */
  readonly logFrom: number;
  /** Where the output of the run before began; absent for the first. */
  readonly previousLogFrom?: number;
  readonly startedAtMs: number;
  /** Whatever the starter wants to know again after its own restart. */
  readonly note?: string;
}

/** What stands in the file `process` of a run. `claimed`: someone has taken the run's right to start. */
export type RunIdentity =
  | { readonly state: "absent" | "incomplete" | "claimed" }
  | ({ readonly state: "started"; readonly session: number } & ProcessIdentity);

/** The records of one run: `<folder>/run-<number>/{intention.json,process,exit}`. A folder of its own, so that a shim that comes late finds it gone instead of writing into the next run's. */
export class RunRecord {
  readonly number: number;
  readonly path: string;
  readonly intention: Intention;

  constructor(number: number, folder: string, intention: Intention) {
    this.number = number;
    this.path = folder;
    this.intention = intention;
  }

  identity(): RunIdentity {
    const text = readIfThere(path.join(this.path, "process"));
    if (text === undefined) return { state: "absent" };
    if (!text.endsWith("\n")) return { state: "incomplete" };
    const [pid = Number.NaN, startTime = Number.NaN, session = Number.NaN] = text.trim().split(" ").map(Number);
    return Number.isInteger(session) ? { state: "started", pid, startTime, session } : { state: "claimed" };
  }

  /** Takes the run's right to start away; false if its shim was faster. */
  claim(): boolean {
    try {
      const descriptor = openSync(path.join(this.path, "process"), "wx", 0o600);
      try {
        writeFileSync(descriptor, "claimed\n");
      } finally {
        closeSync(descriptor);
      }
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  }

  /** How the run ended, if its shim has said so. */
  exit(): ProcessExit | undefined {
    const file = path.join(this.path, "exit");
    const text = readIfThere(file);
    if (text === undefined || !text.endsWith("\n")) return undefined;
    const status = Number(text.trim());
    return Number.isInteger(status) ? parseExitStatus(status, statSync(file).mtimeMs) : undefined;
  }

  /** Writes what the shim could not, because it was killed with its program. */
  writeExit(status: number): void {
    if (this.exit() !== undefined) return;
    writeFileSync(path.join(this.path, "exit"), `${status}\n`, { mode: 0o600 });
  }
}

/** The newest run in `folder`; `undefined` if nothing was ever going to be started. */
export function findNewestRun(folder: string): RunRecord | undefined {
  for (const number of listRuns(folder).reverse()) {
    const run = path.join(folder, `run-${number}`);
    const text = readIfThere(path.join(run, "intention.json"));
    // A folder without an intention was left by a starter that died before it started anything.
    if (text !== undefined) return new RunRecord(number, run, JSON.parse(text) as Intention);
  }
  return undefined;
}

/** What the newest run in `folder` was going to be; `undefined` if there was none. */
export function findNewestIntention(folder: string): Intention | undefined {
  return findNewestRun(folder)?.intention;
}

/** Begins a new run: its intention is on the disk when this returns, and the records of older ones are gone. */
export function createRun(folder: string, intention: Intention): RunRecord {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const older = listRuns(folder);
  const number = (older.at(-1) ?? 0) + 1;
  const run = path.join(folder, `run-${number}`);
  mkdirSync(run, { mode: 0o700 });
  writeFileDurably(path.join(run, "intention.json"), `${JSON.stringify(intention)}\n`);
  syncFolder(folder);
  for (const old of older) rmSync(path.join(folder, `run-${old}`), { recursive: true, force: true });
  return new RunRecord(number, run, intention);
}

function listRuns(folder: string): number[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => (/^run-\d+$/.test(name) ? [Number(name.slice(4))] : [])).sort((a, b) => a - b);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
