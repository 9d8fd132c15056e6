import type { AlarmChannel } from "#/model/index.ts";
import { notDelivered, secretOf } from "./channel.ts";
import { sendByCommand } from "./command.ts";
import { sendByEmail } from "./email.ts";
import type { Message } from "./message.ts";
import { TrapSender, type TrapSenderOptions } from "./trap.ts";
import { sendByWebhook } from "./webhook.ts";

/** Delivers one message; resolves once the other side has taken it.
 *  @throws alarms/not-delivered: it was not taken, or not in time; try again later */
export type Send = (spec: AlarmChannel["spec"], message: Message, signal: AbortSignal) => Promise<void>;

/** By the channel's own way. */
export function makeSend(options: TrapSenderOptions): Send {
  const traps = new TrapSender(options);
  return async (spec, message, signal) => {
    if (spec.trap !== undefined) return await traps.send(spec, spec.trap, message, signal);
    return await send(spec, message, signal);
  };
}

/** By the channel's own way, but for SNMP. */
export const send: Send = async (spec, message, signal) => {
  if (spec.email !== undefined) return await sendByEmail(spec.email, { password: secretOf(spec, "SMTP_PASSWORD"), message, signal });
  if (spec.webhook !== undefined)
    return await sendByWebhook(spec.webhook, { key: secretOf(spec, "WEBHOOK_KEY"), authorization: secretOf(spec, "AUTHORIZATION"), message, signal });
  if (spec.command !== undefined) return await sendByCommand(spec.command.command, message, signal);
  throw notDelivered("the channel says no way: give email, webhook, command or trap");
};
