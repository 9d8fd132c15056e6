import { describeError } from "#/base/index.ts";

/** What a failed connection to `place` means, for people. */
export function describeConnectError(error: unknown, place: string, timeoutMs: number): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "TimeoutError" || name === "AbortError") return `no answer from ${place} within ${timeoutMs} ms`;
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

/** Aborts with `signal` or after `timeoutMs`. */
export function deadline(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}
