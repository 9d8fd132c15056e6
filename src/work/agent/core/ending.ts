import { tellRetry } from "#/model/index.ts";
import { adviseForeground, describeBackground, type LeftProcess } from "./foreground.ts";
import type { Exit, Outcome, StopCause } from "./state.ts";

/** Why an instance is not running any more, or never did. `lines`: the last of its output. */
export type Ending =
  | { readonly what: "start"; readonly message: string; readonly lines: readonly string[] }
  | { readonly what: "background"; readonly left: readonly LeftProcess[]; readonly lines: readonly string[] }
  | { readonly what: "check"; readonly message: string; readonly lines: readonly string[] }
  | { readonly what: "exit"; readonly exit: Exit; readonly ranMs: number; readonly lines: readonly string[] };

/** For people: `exit status 3`, `killed by SIGKILL`. */
export function describeEnd(exit: Exit): string {
  if (exit.signal !== undefined) return `killed by ${exit.signal}`;
  if (exit.code === undefined) return "ended, nobody saw how";
  const meaning: Readonly<Record<number, string>> = { 126: ": the program cannot be executed", 127: ": program not found" };
  return `exit status ${exit.code}${meaning[exit.code] ?? ""}`;
}

/** Reason and message of a failure: what ended it, how often, when it goes on, and what it said last. */
export function describeFailure(ending: Ending, failures: number, retryAtMs: number): { readonly reason: string; readonly message: string } {
  const said = ending.lines.length === 0 ? "" : `; its last lines: ${ending.lines.slice(-5).join(" | ")}`;
  const again = `${failures > 1 ? `, ${failures} times in a row` : ""}${tellRetry(retryAtMs)}`;
  switch (ending.what) {
    case "start":
      return { reason: "StartFailed", message: `${ending.message}${again}${said}` };
    case "background":
      return { reason: "WentToBackground", message: `${describeBackground(ending.left)}${again}. ${adviseForeground(ending.left)}${said}` };
    case "check":
      return {
        reason: failures >= 3 ? "CrashLoop" : "Unhealthy",
        message: `${ending.message}: it was stopped${again}${said || "; it printed nothing"}`,
      };
    case "exit":
      return {
        reason: failures >= 3 ? "CrashLoop" : "Crashed",
        message: `${describeEnd(ending.exit)} after ${formatSeconds(ending.ranMs)}${again}${said || "; it printed nothing"}`,
      };
  }
}

/** What happened before, of one that has just been started again: whoever looks in this moment wants to know it. Empty if nothing did. */
export function describeFormer(failures: number, exit: Exit | undefined): string {
  if (failures === 0 || exit === undefined) return "";
  const said = exit.lines.length === 0 ? "it printed nothing" : `its last lines: ${exit.lines.slice(-5).join(" | ")}`;
  return `; before, ${describeEnd(exit)}${failures > 1 ? `, ${failures} times in a row` : ""}; ${said}`;
}

/** What came of a run of a job, for people. */
export function describeRun(outcome: Outcome, exit: Exit | undefined, startedAtMs: number | undefined): string {
  if (startedAtMs === undefined || exit === undefined) return outcome === "Cancelled" ? "it was stopped before it was started" : "it was not started";
  const said = exit.lines.length === 0 ? "; it printed nothing" : `; its last lines: ${exit.lines.slice(-5).join(" | ")}`;
  const ended = `${describeEnd(exit)} after ${formatSeconds(Math.max(0, exit.atMs - startedAtMs))}`;
  switch (outcome) {
    case "Succeeded":
      return ended;
    case "Failed":
      return `${ended}${said}`;
    case "TimedOut":
      return `it had not ended within its timeout and was stopped: ${ended}${said}`;
    case "Cancelled":
      return `somebody has stopped it: ${ended}${said}`;
    case "Interrupted":
      return `it was stopped with everything on its host: ${ended}${said}`;
    case "Unknown":
      return `it ended and nobody saw how (did its host go down?): what of its work is done is not known${said}`;
  }
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

/** What an end means for a run of a job. */
export function outcomeOf(exit: Exit, cause: StopCause | undefined): Outcome {
  if (cause === "timeout") return "TimedOut";
  if (cause === "cancelled") return "Cancelled";
  // Also where it ends with 0: that is how many programs answer SIGTERM in the middle of their work.
  if (cause !== undefined) return "Interrupted";
  if (exit.code === 0) return "Succeeded";
  return exit.code === undefined && exit.signal === undefined ? "Unknown" : "Failed";
}
