import { OrreryError } from "#/base/index.ts";
import type { AlarmChannel } from "#/model/index.ts";
import { sendByCommand } from "./command.ts";
import { sendByEmail } from "./email.ts";
import type { Message } from "./message.ts";
import { sendByWebhook } from "./webhook.ts";

/** Delivers one message; resolves once the other side has taken it.
 *  @throws alarms/not-delivered: it was not taken, or not in time; try again later */
export type Send = (spec: AlarmChannel["spec"], message: Message, signal: AbortSignal) => Promise<void>;

/** By the channel's own way. */
export const send: Send = async (spec, message, signal) => {
  if (spec.email !== undefined) return await sendByEmail(spec.email, { password: secretOf(spec, "SMTP_PASSWORD"), message, signal });
  if (spec.webhook !== undefined)
    return await sendByWebhook(spec.webhook, { key: secretOf(spec, "WEBHOOK_KEY"), authorization: secretOf(spec, "AUTHORIZATION"), message, signal });
  if (spec.command !== undefined) return await sendByCommand(spec.command.command, message, signal);
  throw notDelivered("the channel says no way: give email, webhook or command");
};

export function secretOf({ secrets }: AlarmChannel["spec"], name: string): string | undefined {
  return secrets.find((one) => one.name === name)?.value;
}

export function notDelivered(why: string, cause?: unknown): OrreryError {
  return new OrreryError("alarms/not-delivered", why, { retry: "backoff", ...(cause !== undefined && { cause }) });
}
