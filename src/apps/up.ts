/** The supervisor in the background: `orrery up --detach` starts it, `orrery down` ends it with `END_SIGNAL`. It tells whoever started it, over the channel of child_process.fork, how far it is; afterwards nobody listens. */
import { once } from "node:events";
import path from "node:path";
import { describeError, LastGuard, OrreryError, systemClock, systemRandom } from "#/base/index.ts";
import { parseChildOptions } from "./child-options.ts";
import { boundHeapGrowthSoon } from "./heap-growth.ts";
import { END_SIGNAL } from "./interrupts.ts";
import { fileLog } from "./json-log.ts";
import { guardOutput } from "./output.ts";
import type { SupervisorMessage } from "./supervisor/messages.ts";
import { startSupervisor } from "./supervisor/supervisor.ts";

guardOutput();
const options = parseChildOptions();
const log = fileLog(path.join(options.data, "logs", "supervisor.log"));
// Nobody starts a supervisor anew: it goes on.
const guard = new LastGuard({ clock: systemClock, log, giveUp: () => undefined });
guard.watchProcess();
// Whoever started this may have gone: telling it is a courtesy.
const tell = (message: SupervisorMessage): void => {
  if (process.connected === true) process.send?.(message, () => undefined);
};

// The first signal ends everything in order; a second one waits for no request any longer.
const stopping = new AbortController();
const hurry = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => (stopping.signal.aborted ? hurry : stopping).abort());
process.on(END_SIGNAL, () => stopping.abort());
// The terminal of whoever started this may close.
process.on("SIGHUP", () => log.info("terminal closed"));

try {
  const supervisor = await startSupervisor({
    ...options,
    clock: systemClock,
    random: systemRandom,
    log,
    guard,
    signal: stopping.signal,
    say: (text) => {
      log.info(text);
      tell({ type: "progress", text });
    },
  });
  log.info("ready", { pid: process.pid, ...supervisor.endpoints });
  boundHeapGrowthSoon(systemClock);
  tell({ type: "ready" });
  if (process.connected) process.disconnect?.();
  if (!stopping.signal.aborted) await once(stopping.signal, "abort");
  log.info("stopping");
  await supervisor.stop(hurry.signal);
  log.info("stopped");
} catch (error) {
  log.error(describeError(error));
  tell({ type: "failed", code: error instanceof OrreryError ? error.code : "up/failed", message: describeError(error) });
  process.exitCode = 1;
} finally {
  if (process.connected) process.disconnect?.();
}
