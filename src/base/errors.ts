/** What a caller may do after a failure: nothing (`never`), try the same again later (`backoff`), or read the object again first (`after-reread`). */
export type Retry = "never" | "backoff" | "after-reread";

/** The shape of an error code: `room/what`, as in `tree/conflict`. */
export type ErrorCode = `${string}/${string}`;

export interface OrreryErrorOptions {
  /** Default `never`. */
  readonly retry?: Retry;
  /** Facts for programs: object names, expected and found values. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one class of expected failures. Recognise one by `code`, never by message text; a bug is an assertion, not an `OrreryError`. */
export class OrreryError extends Error {
  override readonly name = "OrreryError";
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: OrreryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? "never";
    this.details = options.details ?? {};
  }
}

/** True if `error` is an `OrreryError`, of `code` where one is given. Works across copies of this module (a bundled SDK has its own class). */
export function isOrreryError(error: unknown, code?: ErrorCode): error is OrreryError {
  if (!(error instanceof Error) || error.name !== "OrreryError") return false;
  return code === undefined || (error as OrreryError).code === code;
}

/** A message for people from whatever was thrown; never empty, so that no sentence ends with its colon. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error) || "an unknown error";
  if (error.message !== "") return error.message;
  // Node.js gives no message where it has tried several addresses.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(describeError).join("; ");
  return String((error as NodeJS.ErrnoException).code ?? error.name);
}
