import { describeError, type ErrorCode, isOrreryError, OrreryError, type Retry } from "#/base/index.ts";
import { checkDepth } from "#/text/index.ts";

/** Items of one stream that may lie unread: so many may be sent before the reader says `more`. */
export const STREAM_ITEMS_MAX = 256;

/** One line of a link. `call`, `open`, `cancel`, `more` come from who asks, `ok`, `item`, `end`, `error` from who answers; ids are the asker's own. */
export type Message =
  | { readonly t: "call" | "open"; readonly id: number; readonly method: string; readonly params?: unknown }
  | { readonly t: "ok" | "item"; readonly id: number; readonly value?: unknown }
  | { readonly t: "error"; readonly id: number; readonly error: ErrorMessage }
  | { readonly t: "end"; readonly id: number }
  | { readonly t: "cancel"; readonly id: number }
  /** So many more items may be sent. */
  | { readonly t: "more"; readonly id: number; readonly items: number }
  | { readonly t: "notice"; readonly method: string; readonly params?: unknown }
  | { readonly t: "ping" }
  | { readonly t: "bye"; readonly reason: string };

export interface ErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** @throws link/malformed: the line is no message; `message` says why */
export function parseMessage(line: string): Message {
  let value: unknown;
  try {
    checkDepth(line);
  } catch {
    throw malformed(line, "deeper than 100 levels");
  }
  try {
    value = JSON.parse(line);
  } catch {
    throw malformed(line, "not JSON");
  }
  if (typeof value !== "object" || value === null) throw malformed(line, "not an object");
  const { t, id, method, items, reason, error } = value as Record<string, unknown>;
  const isNumbered = Number.isSafeInteger(id) && (id as number) > 0;
  switch (t) {
    case "ping":
      break;
    case "bye":
      if (typeof reason !== "string") throw malformed(line, "no reason");
      break;
    case "notice":
      if (typeof method !== "string") throw malformed(line, "no method");
      break;
    case "call":
    case "open":
      if (!isNumbered || typeof method !== "string") throw malformed(line, "no id or method");
      break;
    case "ok":
    case "item":
    case "end":
    case "cancel":
      if (!isNumbered) throw malformed(line, "no id");
      break;
    case "more":
      if (!isNumbered || !Number.isSafeInteger(items) || (items as number) < 1) throw malformed(line, "no id or count");
      break;
    case "error":
      if (!isNumbered || typeof error !== "object" || error === null || typeof (error as ErrorMessage).code !== "string")
        throw malformed(line, "no id or error");
      break;
    default:
      throw malformed(line, "unknown type");
  }
  return value as Message;
}

function malformed(line: string, why: string): OrreryError {
  return new OrreryError("link/malformed", `malformed line (${why}): ${line.slice(0, 80)}`);
}

/** An error as it crosses the link. Anything but an `OrreryError` is a bug of who answers: it crosses as `link/failed`. */
export function encodeError(error: unknown): ErrorMessage {
  if (isOrreryError(error)) return { code: error.code, message: error.message, retry: error.retry, details: error.details };
  return { code: "link/failed", message: `the other side failed: ${describeError(error)}`, retry: "never" };
}

export function decodeError(error: ErrorMessage): OrreryError {
  const retry = error.retry === "backoff" || error.retry === "after-reread" ? error.retry : "never";
  return new OrreryError(error.code as ErrorCode, String(error.message), { retry, details: error.details ?? {} });
}
