import type { PlatformProcess } from "./platform.ts";

/** Why the centre answers nobody, and what lets it go on, if it was stopped by a signal or a debugger. */
export function describePausedCentre(processes: readonly PlatformProcess[]): string | undefined {
  const centre = processes.find((one) => one.name === "centre");
  return centre?.phase === "Paused" && centre.pid !== undefined
    ? `the centre was stopped by a signal (SIGSTOP, Ctrl-Z) or a debugger; it goes on after: kill -CONT ${centre.pid}`
    : undefined;
}
