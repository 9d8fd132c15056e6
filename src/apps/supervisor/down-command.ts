import { existsSync } from "node:fs";
import { sleep, systemClock } from "#/base/index.ts";
import type { Terminal } from "#/cli/index.ts";
import type { Interrupts } from "../interrupts.ts";
import { isAlive, readRunFile } from "../run-file.ts";
import { stopOrphans } from "./orphans.ts";
import { isRunning, takeLock } from "./supervisor.ts";

export interface DownOptions {
  readonly data: string;
  readonly timeoutMs: number;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
}

/** `orrery down`: asks the supervisor to end everything, or, where it is gone, does so itself. 0 when nothing runs any more. */
export async function down({ data, timeoutMs, terminal, interrupts }: DownOptions): Promise<number> {
  interrupts.claim();
  const supervisor = readRunFile(data, "supervisor");
  if (supervisor === undefined) return await downAlone(data, terminal, interrupts.first);
  const begunMs = performance.now();
  process.kill(supervisor.pid, "SIGTERM");
  let isHurried = false;
  while (isAlive(supervisor)) {
    const waitedMs = performance.now() - begunMs;
    if (!isHurried && (waitedMs > timeoutMs || interrupts.first.aborted)) {
      isHurried = true;
      terminal.note("no longer waiting for requests that run");
      process.kill(supervisor.pid, "SIGTERM");
    }
    if (waitedMs > timeoutMs + 150_000) {
      terminal.note(terminal.paintNote("red", `the supervisor (process ${supervisor.pid}) does not end; see ${data}/logs/supervisor.log`));
      return 1;
    }
    terminal.progress(describeStop(data));
    await sleep(systemClock, 50);
  }
  terminal.progress(undefined);
  terminal.out("down: nothing runs any more");
  return 0;
}

function describeStop(data: string): string {
  if (isRunning(data, "gateway")) return "refusing new requests, ending those that run";
  return isRunning(data, "agent") ? "stopping the services" : "stopping the platform";
}

async function downAlone(data: string, terminal: Terminal, hurry: AbortSignal): Promise<number> {
  if (!existsSync(data)) {
    terminal.out(`nothing runs on ${data}`);
    return 0;
  }
  const lock = await takeLock(data);
  try {
    const ended = await stopOrphans(data, (text) => terminal.progress(text), hurry);
    terminal.progress(undefined);
    terminal.out(ended === 0 ? `nothing runs on ${data}` : "down: nothing runs any more (the supervisor was gone already)");
    return 0;
  } finally {
    await lock.release();
  }
}
