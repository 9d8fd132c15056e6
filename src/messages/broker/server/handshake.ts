import { OrreryError } from "#/base/index.ts";
import {
  type FieldTable,
  type FieldValue,
  FRAME,
  FRAME_BYTES_MIN,
  type Frame,
  fieldText,
  type Method,
  type MethodName,
  type MethodOf,
  OctetReader,
  REPLY,
  readMethod,
  readTable,
  textField,
} from "#/messages/amqp/index.ts";
import { accessRefused, channelError, commandInvalid, notAllowed, notFound } from "../model/index.ts";
import type { Authority, BusUser } from "./authority.ts";
import type { ClientLimits } from "./session-home.ts";

/** What both sides have agreed on. */
export interface Agreed {
  readonly user: BusUser;
  readonly channelMax: number;
  readonly frameMax: number;
  /** 0: none. */
  readonly heartbeatS: number;
}

export interface HandshakeOptions {
  readonly authority: Authority;
  readonly limits: ClientLimits;
  readonly version: string;
  readonly send: (method: Method) => void;
}

/** What holds here, of what clients ask for by name. */
const CAPABILITIES = [
  "publisher_confirms",
  "exchange_exchange_bindings",
  "basic.nack",
  "consumer_cancel_notify",
  "connection.blocked",
  "consumer_priorities",
  "authentication_failure_close",
  "per_consumer_qos",
  "direct_reply_to",
] as const;
const MECHANISMS = ["PLAIN", "AMQPLAIN"];
const VIRTUAL_HOST = "/";

/** The beginning of a connection: who is there, and what both sides can. */
export class Handshake {
  readonly #options: HandshakeOptions;
  #expects: "startOk" | "tuneOk" | "open" = "startOk";
  #capabilities: FieldTable = new Map();
  #user: BusUser | undefined;
  #tuned: Omit<Agreed, "user"> | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** True if the client wants to hear why it is refused, or is known. */
  get mayBeTold(): boolean {
    return this.#user !== undefined || this.announces("authentication_failure_close");
  }

  announces(capability: string): boolean {
    const field = this.#capabilities.get(capability);
    return field?.tag === "t" && field.value;
  }

  /** Says what the broker is; to be called when the client's header has come. */
  start(): void {
    const capabilities: FieldValue = {
      tag: "F",
      value: new Map(CAPABILITIES.map((name): [string, FieldValue] => [name, { tag: "t", value: true }])),
    };
    this.#options.send({
      method: "connection.start",
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: new Map([
        ["product", textField("Orrery")],
        ["version", textField(this.#options.version)],
        ["platform", textField("Node.js")],
        ["capabilities", capabilities],
      ]),
      mechanisms: Buffer.from(MECHANISMS.join(" ")),
      locales: Buffer.from("en_US"),
    });
  }

  /** @throws amqp/malformed */
  read(frame: Frame): Method {
    if (frame.type !== FRAME.method) throw channelError(`a frame of type ${frame.type} where a method is expected`);
    return readMethod(frame.payload);
  }

  /** The method of a frame that may be anything. */
  peek(frame: Frame): MethodName | undefined {
    return frame.type === FRAME.method ? this.read(frame).method : undefined;
  }

  /** The next step: nothing, what was agreed on, or what has to be waited for.
   *  @throws broker/access-refused, broker/not-allowed, broker/not-found, broker/command-invalid */
  take(method: Method): Agreed | Promise<void> | undefined {
    if (this.#expects === "startOk" && method.method === "connection.startOk") return this.#startOk(method);
    if (this.#expects === "tuneOk" && method.method === "connection.tuneOk") return this.#tuneOk(method);
    if (this.#expects === "open" && method.method === "connection.open") return this.#open(method);
    throw commandInvalid(`${method.method} where connection.${this.#expects} is expected`);
  }

  /** What a client says to a connection that is open. */
  takeLater(method: Method, user: BusUser, wait: (work: Promise<void>) => void): void {
    if (method.method !== "connection.updateSecret") throw commandInvalid(`${method.method} in a connection that is open`);
    const { authority, send } = this.#options;
    const renew = async (): Promise<void> => {
      if ((await authority.authenticate(user.name, method.newSecret.toString("utf8"))) === undefined)
        throw notAllowed(`the new secret is not one of user '${user.name}'`);
      send({ method: "connection.updateSecretOk" });
    };
    wait(renew());
  }

  async #startOk({ clientProperties, mechanism, response }: MethodOf<"connection.startOk">): Promise<void> {
    const { authority, limits, send } = this.#options;
    const field = clientProperties.get("capabilities");
    if (field?.tag === "F") this.#capabilities = field.value;
    if (!MECHANISMS.includes(mechanism)) throw notFound(`mechanism '${mechanism}' to say who one is: ${MECHANISMS.join(", ")}`);
    const [name, password] = mechanism === "PLAIN" ? readPlain(response) : readAmqPlain(response);
    this.#user = name === undefined || password === undefined ? undefined : await authority.authenticate(name, password);
    if (this.#user === undefined) throw accessRefused(`login was refused using authentication mechanism ${mechanism}`);
    this.#expects = "tuneOk";
    send({ method: "connection.tune", channelMax: limits.channelsMax, frameMax: limits.frameBytesMax, heartbeat: limits.heartbeatS });
  }

  #tuneOk({ channelMax, frameMax, heartbeat }: MethodOf<"connection.tuneOk">): undefined {
    const { channelsMax, frameBytesMax } = this.#options.limits;
    // 0 is "as many as you like", and we like so many.
    if (channelMax > channelsMax)
      throw notAllowed(`negotiated channel_max = ${channelMax} is higher than the maximum allowed value (${channelsMax})`);
    if (frameMax > frameBytesMax) throw notAllowed(`negotiated frame_max = ${frameMax} is higher than the maximum allowed value (${frameBytesMax})`);
    if (frameMax !== 0 && frameMax < FRAME_BYTES_MIN)
      throw notAllowed(`negotiated frame_max = ${frameMax} is lower than the minimum allowed value (${FRAME_BYTES_MIN})`);
    this.#tuned = { channelMax: channelMax || channelsMax, frameMax: frameMax || frameBytesMax, heartbeatS: heartbeat };
    this.#expects = "open";
    return undefined;
  }

  #open({ virtualHost }: MethodOf<"connection.open">): Agreed {
    if (virtualHost !== VIRTUAL_HOST) throw notAllowed(`vhost '${virtualHost}' not found: there is one, '${VIRTUAL_HOST}'`);
    const { channelMax = 0, frameMax = FRAME_BYTES_MIN, heartbeatS = 0 } = this.#tuned ?? {};
    return { user: this.#user as BusUser, channelMax, frameMax, heartbeatS };
  }
}

/** RFC 4616: on whose behalf, who, password. */
function readPlain(response: Buffer): readonly [string | undefined, string | undefined] {
  const [, name, password] = response.toString("utf8").split("\0");
  return [name, password];
}

/** RabbitMQ's own: a table without its size. */
function readAmqPlain(response: Buffer): readonly [string | undefined, string | undefined] {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(response.length);
  try {
    const table = readTable(new OctetReader(Buffer.concat([size, response])));
    return [fieldText(table.get("LOGIN")), fieldText(table.get("PASSWORD"))];
  } catch (error) {
    throw new OrreryError("broker/bad-login", "the answer to AMQPLAIN is no table", { details: { replyCode: REPLY.syntaxError }, cause: error });
  }
}
