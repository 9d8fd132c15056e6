import { createHmac } from "node:crypto";
import { describeError, OrreryError } from "#/base/index.ts";
import type { AlarmChannel } from "#/model/index.ts";
import { alertmanagerBody, fillBody, type Message } from "./message.ts";

type Webhook = NonNullable<AlarmChannel["spec"]["webhook"]>;

export interface WebhookGiven {
  readonly key: string | undefined;
  readonly authorization: string | undefined;
  readonly message: Message;
  readonly signal: AbortSignal;
}

/** Posts the message as JSON, signed as Standard Webhooks has it where there is a key. An answer of 2xx is taken; redirects are not followed, so that no secret goes elsewhere.
 *  @throws alarms/not-delivered */
export async function sendByWebhook(webhook: Webhook, given: WebhookGiven): Promise<void> {
  const { message } = given;
  const body = webhook.body === undefined ? JSON.stringify(alertmanagerBody(message)) : fillBody(webhook.body, message);
  await post(webhook.url, body, given);
}

export async function post(
  url: string,
  body: string,
  { key, authorization, message, signal }: Omit<WebhookGiven, "message"> & { readonly message: Pick<Message, "id" | "atMs"> },
): Promise<void> {
  const where = new URL(url);
  const told = `${where.origin}${where.pathname}`;
  const seconds = Math.floor(message.atMs / 1000);
  const id = `msg_${message.id}`;
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: "POST",
      body,
      redirect: "manual",
      signal,
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "orrery",
        "webhook-id": id,
        "webhook-timestamp": String(seconds),
        ...(key !== undefined && { "webhook-signature": `v1,${sign(key, `${id}.${seconds}.${body}`)}` }),
        ...(authorization !== undefined && { authorization }),
      },
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new OrreryError("alarms/not-delivered", `${told}: ${signal.aborted ? "no answer in time" : describeError(cause)}`, {
      retry: "backoff",
      cause: error,
    });
  }
  // What it says is not needed, and may have no end.
  await answer.body?.cancel().catch(() => {});
  if (!answer.ok)
    throw new OrreryError("alarms/not-delivered", `${told} answered ${answer.status}`, { retry: "backoff", details: { status: answer.status } });
}

/** HMAC-SHA256 by the key of Standard Webhooks (`whsec_` and Base64), or by the bytes of any other text. */
export function sign(key: string, text: string): string {
  const bytes = key.startsWith("whsec_") ? Buffer.from(key.slice("whsec_".length), "base64") : Buffer.from(key);
  return createHmac("sha256", bytes).update(text).digest("base64");
}
