import { describeError } from "#/base/index.ts";

/** True if it is what `deadline` ends with. */
export function isLate(error: unknown): boolean {
  const name = error instanceof Error ? error.name : "";
  return name === "TimeoutError" || name === "AbortError";
}

/** What a failed connection to `place` means, for people. */
export function describeConnectError(error: unknown, place: string, timeoutMs: number): string {
  if (isLate(error)) return `no answer from ${place} within ${timeoutMs} ms`;
  switch ((error as NodeJS.ErrnoException).code) {
    case "ECONNREFUSED":
      return `nothing listens on ${place}`;
    case "ECONNRESET":
    case "EPIPE":
      return `${place} cut the connection`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name in ${place} is not known`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `${place} cannot be reached from here`;
    default:
      return `${place}: ${describeError(error)}`;
  }
}

/** Aborts with `signal` or after `timeoutMs`. Where the machine has no time for this process, what it comes late itself is not counted: an answer that has come meanwhile is read. */
export function deadline(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = new AbortController();
  const dueMs = performance.now() + timeoutMs;
  const end = (): void => timeout.abort(new DOMException("no answer in time", "TimeoutError"));
  setTimeout(() => setTimeout(end, performance.now() - dueMs).unref(), timeoutMs).unref();
  return signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, signal]);
}
