import { describeError, isOrreryError, OrreryError, sleep, systemClock } from "#/base/index.ts";
import type { Terminal } from "#/face/cli/index.ts";
import { askHolder, endProcesses, nameFolder, scanProcesses } from "#/work/process/index.ts";
import { END_SIGNAL, type Interrupts } from "../interrupts.ts";
import { isAlive, type ProcessRecord, readRunFile, recordOf } from "../run-file.ts";
import { readIdentity } from "../site-identity.ts";
import { checkOwner, checkStarted, isDataFolder } from "./data-folder.ts";
import { stopOrphans } from "./orphans.ts";
import { describeSiteProcess, findSiteProcesses, type SiteProcess } from "./site-processes.ts";
import { askStopMs } from "./site-stop.ts";
import { isRunning, takeLock } from "./supervisor.ts";

export interface DownOptions {
  readonly data: string;
  readonly timeoutMs: number;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
}

/** Beyond what the services may need: the rest of a stop in order. */
const STOP_MS = 120_000;
/** Of processes that nobody looks after any more. */
const LEFT_GRACE_MS = 10_000;
const MOMENT_MS = 1000;
const SHOWN_MAX = 20;

/** `orrery down`: asks the supervisor to end everything, or, where it is gone, does so itself; then looks. 0 when nothing runs any more, 1 when something does: it is named.
 *  @throws data/none: no site was ever started on this folder, and no process works on it */
export async function down(options: DownOptions): Promise<number> {
  const { data, terminal, interrupts } = options;
  interrupts.claim();
  checkOwner(data);
  const identity = readIdentity(data);
  if (identity.state === "copied") {
    terminal.out(`nothing runs on ${data}: it is a copy of ${identity.from}, and nothing was started on it`);
    return 0;
  }
  const before = findSiteProcesses(data).length;
  const supervisor = readRunFile(data, "supervisor") ?? (await askSupervisor(data));
  // Whoever mistypes a name must not believe that his site is down.
  if (supervisor === undefined && before === 0) checkStarted(data);
  if (supervisor !== undefined) {
    if (!(await endSupervisor(supervisor, options))) return 1;
  } else if (before > 0) await endAlone(options, identity.state === "own" ? identity.id : "");
  terminal.progress(undefined);
  const left = await endLeft(data, (text) => terminal.progress(text));
  terminal.progress(undefined);
  if (left.length > 0) return sayLeft(terminal, left);
  if (supervisor !== undefined) terminal.out("down: nothing runs any more");
  else terminal.out(before === 0 ? `nothing runs on ${data}` : "down: nothing runs any more (the supervisor was gone already)");
  return 0;
}

/** Names what still runs; returns the exit status. */
export function sayLeft(terminal: Terminal, left: readonly SiteProcess[]): number {
  terminal.note(
    terminal.paintNote("red", `down: ${left.length === 1 ? "1 process still runs" : `${left.length} processes still run`}, and could not be ended:`),
  );
  for (const one of left.slice(0, SHOWN_MAX)) terminal.note(`  ${describeSiteProcess(one)}`);
  if (left.length > SHOWN_MAX) terminal.note(`  and ${left.length - SHOWN_MAX} more`);
  terminal.note(
    `end ${left.length === 1 ? "it" : "them"} as root: kill -KILL ${left
      .slice(0, SHOWN_MAX)
      .map(({ pid }) => pid)
      .join(" ")}`,
  );
  return 1;
}

/** Looks for what an orderly stop has left, ends it, and returns what cannot be ended. */
export async function endLeft(data: string, say: (text: string) => void): Promise<readonly SiteProcess[]> {
  const find = (): readonly SiteProcess[] => findSiteProcesses(data);
  // What has been told to end may need a moment to be gone.
  for (const endMs = performance.now() + MOMENT_MS; performance.now() < endMs; await sleep(systemClock, 50)) if (find().length === 0) return [];
  say("ending what nobody looks after any more");
  try {
    await endProcesses(() => {
      const pids = new Set(find().map(({ pid }) => pid));
      return scanProcesses().filter((stat) => pids.has(stat.pid));
    }, LEFT_GRACE_MS);
  } catch (error) {
    if (!isOrreryError(error, "process/unkillable")) throw error;
  }
  return find();
}

/** A supervisor whose data folder was removed under it still holds its name. */
async function askSupervisor(data: string): Promise<ProcessRecord | undefined> {
  const answer = await askHolder(nameFolder(data), "supervisor");
  // Without a folder it is `up`, or another `down`, that only looks.
  return answer?.["identity"] === undefined ? undefined : recordOf(answer.pid);
}

/** False if it does not end. */
async function endSupervisor(supervisor: ProcessRecord, { data, timeoutMs, terminal, interrupts }: DownOptions): Promise<boolean> {
  const begunMs = performance.now();
  const patienceMs = timeoutMs + ((await askStopMs(data)) ?? 0) + STOP_MS;
  signal(supervisor, await endSignalOf(data));
  let isHurried = false;
  while (isAlive(supervisor)) {
    const waitedMs = performance.now() - begunMs;
    if (!isHurried && (waitedMs > timeoutMs || interrupts.first.aborted)) {
      isHurried = true;
      terminal.note("no longer waiting for requests that run");
      signal(supervisor, "SIGTERM");
    }
    if (waitedMs > patienceMs) {
      terminal.note(terminal.paintNote("red", `the supervisor (process ${supervisor.pid}) does not end; see ${data}/logs/supervisor.log`));
      return false;
    }
    terminal.progress(describeStop(data));
    await sleep(systemClock, 50);
  }
  return true;
}

/** One of an older release knows SIGTERM only, and would be ended at once by another. */
async function endSignalOf(data: string): Promise<NodeJS.Signals> {
  return (await askHolder(nameFolder(data), "supervisor"))?.["endSignal"] === END_SIGNAL ? END_SIGNAL : "SIGTERM";
}

function signal(supervisor: ProcessRecord, name: NodeJS.Signals): void {
  try {
    process.kill(supervisor.pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPERM")
      throw new OrreryError("up/not-allowed", `the supervisor (process ${supervisor.pid}) is another user's; run this as that user, or as root`, {
        cause: error,
      });
    if (code !== "ESRCH")
      throw new OrreryError("up/not-allowed", `cannot end the supervisor (process ${supervisor.pid}): ${describeError(error)}`, { cause: error });
  }
}

function describeStop(data: string): string {
  if (isRunning(data, "agent")) return "ending requests that run, then the services";
  return "stopping the platform";
}

async function endAlone({ data, terminal, interrupts }: DownOptions, identity: string): Promise<void> {
  if (!isDataFolder(data)) return;
  const lock = await takeLock(data);
  try {
    await stopOrphans({ data, identity, say: (text) => terminal.progress(text), hurry: interrupts.first });
  } finally {
    await lock.release();
  }
}
