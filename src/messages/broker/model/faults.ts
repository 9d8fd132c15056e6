import { OrreryError } from "#/base/index.ts";
import { REPLY } from "#/messages/amqp/index.ts";

/** What a client asked for cannot be done. `details.replyCode` is what AMQP tells it: below 500 (and not 320, 402) its channel is closed, else its connection. */
export function notFound(what: string): OrreryError {
  return new OrreryError("broker/not-found", `there is no ${what}`, { details: { replyCode: REPLY.notFound } });
}

export function accessRefused(why: string): OrreryError {
  return new OrreryError("broker/access-refused", why, { details: { replyCode: REPLY.accessRefused } });
}

export function locked(why: string): OrreryError {
  return new OrreryError("broker/locked", why, { retry: "backoff", details: { replyCode: REPLY.resourceLocked } });
}

export function preconditionFailed(why: string): OrreryError {
  return new OrreryError("broker/precondition-failed", why, { details: { replyCode: REPLY.preconditionFailed } });
}

export function notAllowed(why: string): OrreryError {
  return new OrreryError("broker/not-allowed", why, { details: { replyCode: REPLY.notAllowed } });
}

export function notImplemented(what: string): OrreryError {
  return new OrreryError("broker/not-implemented", `not implemented: ${what}`, {
    details: { replyCode: REPLY.notImplemented },
  });
}

export function commandInvalid(why: string): OrreryError {
  return new OrreryError("broker/command-invalid", why, { details: { replyCode: REPLY.commandInvalid } });
}

export function channelError(why: string): OrreryError {
  return new OrreryError("broker/channel-error", why, { details: { replyCode: REPLY.channelError } });
}

export function connectionForced(why: string): OrreryError {
  return new OrreryError("broker/connection-forced", why, { retry: "backoff", details: { replyCode: REPLY.connectionForced } });
}
