/** Requests to the API, as the person who is logged in. */
import { readSecret, sessionEnd } from "./secret.ts";

/** What the API has refused or failed at; `code` 0: it could not be reached. */
export class ApiError extends Error {
  readonly code: number;
  /** `Conflict`, `Forbidden`, …, or an error code of Orrery's. */
  readonly reason: string;
  readonly details: unknown;

  constructor(code: number, reason: string, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Of the body; default JSON. */
  readonly contentType?: string;
  /** Why it is done, for the audit. */
  readonly reason?: string;
  readonly signal?: AbortSignal;
  /** True: it needs no session, and 401 ends none. */
  readonly isOpen?: boolean;
}

const TIMEOUT_MS = 30_000;

/** Sends a request and returns the body of its answer.
 *  @throws ApiError: `code` tells what to do: 0 and 503 are worth another try, 409 wants reading again, 403 and 422 are final. 401 ends the session of this page. */
export async function send<Body = unknown>(request: ApiRequest): Promise<Body> {
  const { method = "GET", path, body, contentType = "application/json", reason, isOpen = false } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  const secret = readSecret();
  if (secret !== undefined && !isOpen) headers["orrery-session"] = secret;
  if (body !== undefined) headers["content-type"] = contentType;
  if (reason !== undefined && reason !== "") headers["orrery-reason"] = encodeURIComponent(reason);
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: request.signal === undefined ? timeout : anyOf([request.signal, timeout]),
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
    });
  } catch (error) {
    request.signal?.throwIfAborted();
    throw new ApiError(0, "Unreachable", timeout.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : "the centre cannot be reached", error);
  }
  const text = await response.text().catch(() => "");
  const answer = parse(text);
  if (response.ok) return answer as Body;
  const status = (typeof answer === "object" && answer !== null ? answer : {}) as { reason?: string; message?: string; details?: unknown };
  const failure = new ApiError(response.status, status.reason ?? "", status.message ?? (text.slice(0, 300) || response.statusText), status.details);
  if (response.status === 401 && !isOpen) sessionEnd.set(failure.message);
  throw failure;
}

function parse(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** AbortSignal.any is younger than the oldest browser that is served. */
function anyOf(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true, signal: controller.signal });
  }
  return controller.signal;
}
