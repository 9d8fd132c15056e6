import { OrreryError } from "#/base/index.ts";

/** The numbers that a peer is told why its connection or channel is closed, as AMQP 0-9-1 and RabbitMQ name them. */
export const REPLY = {
  success: 200,
  contentTooLarge: 311,
  noRoute: 312,
  noConsumers: 313,
  connectionForced: 320,
  invalidPath: 402,
  accessRefused: 403,
  notFound: 404,
  resourceLocked: 405,
  preconditionFailed: 406,
  frameError: 501,
  syntaxError: 502,
  commandInvalid: 503,
  channelError: 504,
  unexpectedFrame: 505,
  resourceError: 506,
  notAllowed: 530,
  notImplemented: 540,
  internalError: 541,
} as const;

/** Bytes that are no AMQP 0-9-1. Nothing can be read after them, so the connection is closed with `details.replyCode`.
 *  @throws amqp/malformed: the peer's bytes break the protocol; close the connection with `details.replyCode` */
export function malformed(replyCode: number, what: string): OrreryError {
  return new OrreryError("amqp/malformed", `this is no AMQP 0-9-1: ${what}`, { details: { replyCode } });
}
