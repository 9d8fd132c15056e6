import { type ErrorCode, OrreryError, type Retry } from "#/base/index.ts";

/** What the API adds to `Status.details`, so that our own clients get back the very error that was thrown. */
export interface CarriedError {
  readonly code: string;
  readonly retry: Retry;
  readonly details: Readonly<Record<string, unknown>>;
}

interface Status {
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly details?: {
    readonly orrery?: CarriedError;
    readonly causes?: readonly { readonly reason?: string; readonly field?: string; readonly message?: string }[];
  };
}

const CODES: Readonly<Record<string, { readonly code: ErrorCode; readonly retry?: Retry }>> = {
  NotFound: { code: "store/missing" },
  AlreadyExists: { code: "store/exists" },
  Conflict: { code: "store/conflict", retry: "after-reread" },
  Invalid: { code: "store/invalid" },
  BadRequest: { code: "api/bad-request" },
  Unauthorized: { code: "api/unauthorized" },
  Forbidden: { code: "api/forbidden" },
  Expired: { code: "store/gone", retry: "after-reread" },
  Gone: { code: "store/gone", retry: "after-reread" },
  TooManyRequests: { code: "api/busy", retry: "backoff" },
  ServiceUnavailable: { code: "store/unavailable", retry: "backoff" },
  RequestEntityTooLarge: { code: "api/too-large" },
};

/** The error behind an answer of `code` ≥ 400 whose body is a Kubernetes Status (or anything else). */
export function statusError(code: number, body: unknown): OrreryError {
  const status: Status = typeof body === "object" && body !== null ? (body as Status) : {};
  const message =
    typeof status.message === "string" ? status.message : typeof body === "string" && body !== "" ? body.slice(0, 1_000) : `the API answered ${code}`;
  const carried = status.details?.orrery;
  if (carried !== undefined && typeof carried.code === "string")
    return new OrreryError(carried.code as ErrorCode, message, { retry: carried.retry, details: { ...carried.details, status: code } });
  const causes = status.details?.causes ?? [];
  const conflicts = causes.filter((cause) => cause.reason === "FieldManagerConflict");
  if (conflicts.length > 0)
    return new OrreryError("store/apply-conflict", message, {
      details: { status: code, conflicts: conflicts.map(({ field, message: words }) => ({ field, manager: /"([^"]*)"/.exec(words ?? "")?.[1] })) },
    });
  const known =
    CODES[String(status.reason)] ??
    (code === 404
      ? { code: "api/missing" }
      : code === 401
        ? { code: "api/unauthorized" }
        : code >= 500
          ? { code: "store/unavailable", retry: "backoff" }
          : { code: "api/bad-request" });
  return new OrreryError(known.code, message, {
    retry: known.retry ?? "never",
    details: { status: code, ...(causes.length > 0 ? { causes: causes.map(({ field, message: words }) => ({ field, message: words })) } : {}) },
  });
}
