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

/** It was taken, and is done when others have approved it. */
export class WaitsForOthers extends Error {
  /** Of the Approval. */
  readonly approval: string;
  /** Roles that have to approve. */
  readonly roles: readonly string[];
  /** What was asked for. */
  readonly request: ApiRequest;

  constructor(approval: string, roles: readonly string[], request: ApiRequest) {
    super(`it waits as approval ${approval} until ${roles.join(", ")} approve`);
    this.approval = approval;
    this.roles = roles;
    this.request = request;
  }
}

/** Does alone, in need, what others have to approve; all are told, and it stays marked until one of them has looked at it. What waits of it is taken back.
 *  @throws ApiError: it was not done */
export async function breakGlass({ request, approval }: WaitsForOthers, reason: string): Promise<void> {
  await send({ ...request, breakGlass: reason });
  // Approved later, it would be done a second time, or fail as "changed since".
  await send({ method: "POST", path: `/approvals/${encodeURIComponent(approval)}/withdraw`, body: { reason } }).catch(() => undefined);
}

export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Of the body; default JSON. */
  readonly contentType?: string;
  /** Why it is done, for the audit. */
  readonly reason?: string;
  /** Why one does alone what others have to approve. */
  readonly breakGlass?: string;
  readonly signal?: AbortSignal;
  /** Is told what the API warns of. */
  readonly onWarning?: (text: string) => void;
  /** True: it needs no session, and 401 ends none. */
  readonly isOpen?: boolean;
}

const TIMEOUT_MS = 30_000;

/** Sends a request and returns the body of its answer.
 *  @throws WaitsForOthers: others have to approve it first; ApiError: `code` tells what to do: 0 and 503 are worth another try, 409 wants reading again, 403 and 422 are final. 401 ends the session of this page. */
export async function send<Body = unknown>(request: ApiRequest): Promise<Body> {
  const { method = "GET", path, body, contentType = "application/json", reason, isOpen = false } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  const secret = readSecret();
  if (secret !== undefined && !isOpen) headers["orrery-session"] = secret;
  if (body !== undefined) headers["content-type"] = contentType;
  if (reason !== undefined && reason !== "") headers["orrery-reason"] = encodeURIComponent(reason);
  if (request.breakGlass !== undefined) headers["orrery-break-glass"] = encodeURIComponent(request.breakGlass);
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
  for (const [, warning = ""] of (response.headers.get("warning") ?? "").matchAll(/\b\d{3} \S+ "((?:[^"\\]|\\.)*)"/g))
    request.onWarning?.(warning.replace(/\\(.)/g, "$1"));
  if (response.status === 202) throwIfWaits(answer, request);
  if (response.ok) return answer as Body;
  const status = (typeof answer === "object" && answer !== null ? answer : {}) as { reason?: string; message?: string; details?: unknown };
  const failure = new ApiError(response.status, status.reason ?? "", status.message ?? (text.slice(0, 300) || response.statusText), status.details);
  // A wrong password beside a session that holds is about the password.
  if (response.status === 401 && !isOpen && codeOf(status.details) !== "login/wrong") sessionEnd.set(failure.message);
  throw failure;
}

function codeOf(details: unknown): string | undefined {
  return (details as { readonly orrery?: { readonly code?: string } } | undefined)?.orrery?.code;
}

function throwIfWaits(answer: unknown, request: ApiRequest): void {
  const { kind, metadata, spec } = (answer ?? {}) as {
    readonly kind?: string;
    readonly metadata?: { readonly name?: string };
    readonly spec?: { readonly needs?: readonly { readonly role: string }[] };
  };
  if (kind === "Approval") throw new WaitsForOthers(metadata?.name ?? "", spec?.needs?.map(({ role }) => role) ?? [], request);
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

/** Saves what stands at `path` as a file of the person's. Returns how many bytes it has; it is whole, or it throws.
 *  @throws ApiError: as `send` */
export async function download(path: string, name: string): Promise<number> {
  const secret = readSecret();
  let blob: Blob;
  try {
    const response = await fetch(path, {
      headers: secret === undefined ? {} : { "orrery-session": secret },
      credentials: "same-origin",
      redirect: "error",
    });
    if (!response.ok) {
      const { message, reason } = ((await response.json().catch(() => undefined)) ?? {}) as { readonly message?: string; readonly reason?: string };
      throw new ApiError(response.status, reason ?? "", message ?? response.statusText);
    }
    blob = await response.blob();
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, "Unreachable", "it broke off before its end: nothing was saved", error);
  }
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return blob.size;
}
