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

/** Does alone, in need, what others have to approve; all are told, and it stays marked until one of them has looked at it. What waits of it is taken back. Returns what the API has answered.
 *  @throws ApiError: it was not done */
export async function breakGlass({ request, approval }: WaitsForOthers, reason: string): Promise<unknown> {
  const answer = await send({ ...request, breakGlass: reason });
  await takeBack(approval, reason);
  return answer;
}

/** Takes back what waits and was done alone meanwhile: approved later, it would be done a second time, or fail as "changed since". */
export async function takeBack(approval: string, reason: string): Promise<void> {
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
  return (await answerOf(request, await ask(request, AbortSignal.timeout(TIMEOUT_MS)))) as Body;
}

/** Sends a request whose answer is JSON lines, and gives each as it comes, for as long as it lasts. Whoever stops taking them, or aborts, ends it.
 *  @throws as `send`; ApiError 0 where it breaks off in the middle */
export async function* sendForLines<Line = unknown>(request: ApiRequest): AsyncGenerator<Line, void, undefined> {
  const response = await ask(request);
  if (!response.ok || response.status === 202 || response.body === null) {
    await answerOf(request, response);
    return;
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error: unknown) => {
        request.signal?.throwIfAborted();
        throw new ApiError(0, "Unreachable", "the answer broke off before its end", error);
      });
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as Line;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** @throws ApiError 0; what the request's signal aborts with */
async function ask(request: ApiRequest, timeout?: AbortSignal): Promise<Response> {
  const { method = "GET", path, body, contentType = "application/json", reason, isOpen = false } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  const secret = readSecret();
  if (secret !== undefined && !isOpen) headers["orrery-session"] = secret;
  if (body !== undefined) headers["content-type"] = contentType;
  if (reason !== undefined && reason !== "") headers["orrery-reason"] = encodeURIComponent(reason);
  if (request.breakGlass !== undefined) headers["orrery-break-glass"] = encodeURIComponent(request.breakGlass);
  const signals = [request.signal, timeout].filter((one) => one !== undefined);
  try {
    return await fetch(path, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signals.length > 0 && { signal: anyOf(signals) }),
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
    });
  } catch (error) {
    request.signal?.throwIfAborted();
    throw new ApiError(
      0,
      "Unreachable",
      timeout?.aborted === true ? `no answer within ${TIMEOUT_MS / 1000} s` : "the centre cannot be reached",
      error,
    );
  }
}

/** The body of an answer.
 *  @throws WaitsForOthers, ApiError */
async function answerOf(request: ApiRequest, response: Response): Promise<unknown> {
  const { isOpen = false, onWarning } = request;
  const text = await response.text().catch(() => "");
  const answer = parse(text);
  for (const [, warning = ""] of (response.headers.get("warning") ?? "").matchAll(/\b\d{3} \S+ "((?:[^"\\]|\\.)*)"/g))
    onWarning?.(warning.replace(/\\(.)/g, "$1"));
  if (response.status === 202) throwIfWaits(answer, request);
  if (response.ok) return answer;
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
