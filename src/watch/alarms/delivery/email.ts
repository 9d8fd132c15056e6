import { describeError, OrreryError } from "#/base/index.ts";
import type { AlarmChannel } from "#/model/index.ts";
import { type Message, textOf, titleOf } from "./message.ts";

type Email = NonNullable<AlarmChannel["spec"]["email"]>;

/** Longest title; what follows stands in the text. */
const TITLE_MAX = 200;

/** One mail for all of the message. Its Message-ID is made of its id, so that one that comes twice is known.
 *  @throws alarms/not-delivered */
export async function sendByEmail(
  { to, from, server }: Email,
  given: { readonly password: string | undefined; readonly message: Message; readonly signal: AbortSignal },
): Promise<void> {
  const { password, message, signal } = given;
  // Loaded where it is used: few sites send mail at each start.
  const { createTransport } = await import("nodemailer");
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.tls === "implicit",
    requireTLS: server.tls === "required",
    ignoreTLS: server.tls === "none",
    ...(server.user !== undefined && { auth: { user: server.user, pass: password ?? "" } }),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const stop = (): void => transport.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const sent = transport.sendMail({
      from,
      to: [...to],
      subject: titleOf(message).slice(0, TITLE_MAX),
      text: textOf(message),
      messageId: `<${message.id}@orrery.invalid>`,
      headers: { "Auto-Submitted": "auto-generated", "X-Orrery-Channel": message.channel },
    });
    sent.catch(() => {});
    await Promise.race([sent, aborted(signal)]);
  } catch (error) {
    throw new OrreryError("alarms/not-delivered", `mail server ${server.host}:${server.port}: ${describeError(error)}`, {
      retry: "backoff",
      cause: error,
    });
  } finally {
    signal.removeEventListener("abort", stop);
    transport.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new Error("it did not take the mail in time"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
