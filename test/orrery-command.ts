/** Runs the real command `./orrery` for whole-process tests, on data folders of their own. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { patience, patientTimeout } from "../tools/patience.ts";

/** The command, as these tests call it. */
export const ORRERY = path.join(import.meta.dirname, "../orrery");

/** What a command is to say it says within this, on a machine that has time for it. */
const SAID_MS = 60_000;

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly note: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when `text` stands in the output or in the notes; rejects if the command ends without it. */
  until(text: string): Promise<void>;
}

/** A folder that is removed after the test. */
export function makeFolder(t: { after(end: () => void): void }, name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `orrery-${name}-`));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A data folder for one site, which is ended before the folder is removed. */
export function makeDataFolder(t: { after(end: () => unknown): void }, name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `orrery-${name}-`));
  const data = path.join(folder, "data");
  endWhenInterrupted(data);
  // In one hook: of two, the first made would run first, and `down` would find nothing to end.
  t.after(async () => {
    await orrery(["down", "--data", data]);
    openFolders.delete(data);
    rmSync(folder, { recursive: true, force: true });
  });
  return data;
}

const openFolders = new Set<string>();

/** A site outlives whoever started it, and no hook runs in a test that is interrupted (a time limit, Ctrl-C): its sites are ended here. */
function endWhenInterrupted(data: string): void {
  if (openFolders.size === 0 && process.listenerCount("SIGTERM") === 0) {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        for (const open of openFolders) spawnSync(ORRERY, ["down", "--data", open, "--timeout", "2s"], { stdio: "ignore", timeout: 60_000 });
        process.exit(1);
      });
    }
  }
  openFolders.add(data);
}

/** Starts `orrery` with these arguments. */
export function startOrrery(args: readonly string[], options: { readonly input?: string } = {}): Running {
  const { NODE_TEST_CONTEXT: _, FORCE_COLOR: _color, ...env } = process.env;
  const child = spawn(ORRERY, args, { stdio: ["pipe", "pipe", "pipe"], env });
  child.stdin.end(options.input ?? "");
  let out = "";
  let note = "";
  const listeners = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    note += text;
    for (const listener of listeners) listener();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, out, note }));
  });
  const until = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        listeners.delete(look);
        cancelLimit();
      };
      const look = (): void => {
        if (!out.includes(text) && !note.includes(text)) return;
        settle();
        resolve();
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const cancelLimit = patientTimeout(SAID_MS, () => fail(new Error(`not within ${SAID_MS / 1000} s: "${text}"; said until now: ${out}${note}`)));
      listeners.add(look);
      look();
      ended.then((result) => fail(new Error(`ended without "${text}": ${JSON.stringify(result)}`)), fail);
    });
  return { process: child, ended, until };
}

/** Runs `orrery` to its end. */
export function orrery(args: readonly string[], options: { readonly input?: string } = {}): Promise<Ended> {
  return startOrrery(args, options).ended;
}

/** Processes whose command line or environment names `folder`: nothing may be left of a site that is down. */
export function processesOf(folder: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const [command, environment] = ["cmdline", "environ"].map((file) => readFileSync(`/proc/${pid}/${file}`, "utf8"));
      return command?.includes(folder) || environment?.includes(folder) ? [`${pid} ${command?.replaceAll("\0", " ")}`] : [];
    } catch {
      return [];
    }
  });
}

/** Waits until `isSo` holds; fails after `timeoutMs` (more on a busy machine) with `what`. For what other processes do and nobody here is told of. */
export async function eventually(what: string, timeoutMs: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const begunMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - begunMs > timeoutMs * patience()) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Where API and edge of a running site are. */
export function endpointsOf(data: string): { api: string; edge: string } {
  return JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8"));
}
