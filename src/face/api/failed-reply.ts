import { isOrreryError, type Log } from "#/base/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { failureStatus, type Status, type Subject } from "./status.ts";

export interface FailedReplyOptions {
  readonly log: Log;
  /** Told of what nobody expected. */
  readonly onUnexpected: (error: unknown) => void;
}

/** The answer to a request that came to nothing, or that waits for others. */
export function failedReply(exchange: Exchange, subject: Subject, error: unknown, { log, onUnexpected }: FailedReplyOptions): Reply {
  if (isOrreryError(error, "access/waits")) {
    // Nothing was done: it is on its way.
    exchange.trail.failed(202, error);
    exchange.warnings.push(error.message);
    return jsonReply(error.details["object"], 202);
  }
  const status = failureStatus(error, subject);
  const fields = { method: exchange.method, path: `/${exchange.path.join("/")}`, user: exchange.user.name };
  if (!isOrreryError(error)) onUnexpected(error);
  else if (status.code === 500)
    log.error("api: a request failed", { ...fields, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  exchange.trail.failed(status.code, error);
  return { ...jsonReply(status, status.code), headers: headersOf(exchange, error, status) };
}

/** What a refusal says in its head beside its status (RFC 9110). */
function headersOf({ response }: Exchange, error: unknown, { code, details }: Status): Readonly<Record<string, string>> {
  switch (code) {
    case 401:
      return { "www-authenticate": "Bearer" };
    case 405:
      return { allow: isOrreryError(error) ? [error.details["served"]].flat().join(", ") : "" };
    case 426:
      // HTTP/2 has no such fields (RFC 9113, 8.2.2).
      if ("stream" in response) return {};
      // `Connection: Upgrade` belongs to it, and Node.js sends it so.
      return { upgrade: isOrreryError(error) ? String(error.details["upgrade"] ?? "HTTP/2.0") : "HTTP/2.0", connection: "upgrade" };
    default:
      return details?.retryAfterSeconds === undefined ? {} : { "retry-after": String(details.retryAfterSeconds) };
  }
}
