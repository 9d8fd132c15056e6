import { createHash } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { type Clock, formatEndpoint, OrreryError, type Random, randomBelow } from "#/base/index.ts";
import {
  type AuthProtocol,
  codeBytesOf,
  DATAGRAM_BYTES_MAX,
  decrypt,
  encrypt,
  formatOid,
  isAuthentic,
  type LocalKeys,
  localizeKey,
  type Message,
  PDU,
  type Pdu,
  readMessage,
  readScopedPdu,
  sign,
  writeCommunityMessage,
  writeScopedPdu,
  writeSecureMessage,
} from "#/watch/snmp/wire/index.ts";

/** How a device is asked. */
export type Credential =
  | { readonly community: string }
  | { readonly user: string; readonly protocol: AuthProtocol; readonly auth?: string | undefined; readonly priv?: string | undefined };

export interface Device {
  readonly address: string;
  readonly port: number;
  readonly credential: Credential;
}

export interface AskTimes {
  readonly timeoutMs: number;
  /** At least 1. */
  readonly tries: number;
  readonly signal?: AbortSignal | undefined;
}

interface Waiting {
  readonly from: string;
  take(message: Message, datagram: Buffer): void;
}

/** What is known of the SNMPv3 engine at an address. */
interface Engine {
  readonly id: Uint8Array;
  boots: number;
  time: number;
  /** Of our clock, when `time` was told. */
  atMs: number;
}

/** Exchanges on their way at once. */
const WAITING_MAX = 10_000;
const ENGINES_MAX = 20_000;
const ID_END = 0x7fff_ffff;
/** usmStats of RFC 3414, by their last but one number. */
const REPORTS = "1.3.6.1.6.3.15.1.1.";
const REFUSALS: Readonly<Record<string, string>> = {
  "1": "it does not speak that level of security with this user",
  "3": "it knows no such user",
  "5": "the user's authentication password or protocol is another one",
  "6": "the user's privacy password is another one",
};

/** Asks devices by SNMPv2c and v3, all through one socket for IPv4 and one for IPv6. An answer counts if it comes from whom was asked, with the number of the question, and with SNMPv3 signed by the engine that was asked. */
export class Exchanges {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waiting = new Map<number, Waiting>();
  readonly #engines = new Map<string, Engine>();
  readonly #keys = new Map<string, Uint8Array>();
  readonly #sockets = new Map<4 | 6, Promise<Socket>>();
  readonly #busy = new Map<string, Promise<unknown>>();
  #nextId: number;
  #salt: bigint;
  #isClosed = false;
  /** Answers that nobody waited for: late ones, and what others send. */
  unexpected = 0;

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
    this.#nextId = randomBelow(this.#random, ID_END) + 1;
    this.#salt = BigInt(randomBelow(this.#random, ID_END)) << 32n;
  }

  /** The answer to `pdu`, whose number is given here. One exchange with an address at a time: others wait for its end.
   *  @throws devices/no-answer, devices/refused; the signal's reason when aborted */
  async ask(device: Device, pdu: Omit<Pdu, "requestId">, times: AskTimes): Promise<Pdu> {
    const at = endpointOf(device);
    const before = this.#busy.get(at);
    const mine = (async () => {
      await before?.catch(() => {});
      times.signal?.throwIfAborted();
      const { credential } = device;
      return await ("community" in credential
        ? this.#askOpenly(device, credential.community, pdu, times)
        : this.#askSecurely(device, credential, pdu, times));
    })();
    this.#busy.set(at, mine);
    try {
      return await mine;
    } finally {
      if (this.#busy.get(at) === mine) this.#busy.delete(at);
    }
  }

  /** The engine that answered at that address, with SNMPv3. */
  engineOf(device: Device): { readonly id: string; readonly boots: number } | undefined {
    const engine = this.#engines.get(endpointOf(device));
    return engine === undefined ? undefined : { id: Buffer.from(engine.id).toString("hex"), boots: engine.boots };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const sockets = await Promise.allSettled(this.#sockets.values());
    for (const one of sockets) if (one.status === "fulfilled") await new Promise<void>((resolve) => one.value.close(resolve));
    this.#sockets.clear();
  }

  async #askOpenly(device: Device, community: string, pdu: Omit<Pdu, "requestId">, times: AskTimes): Promise<Pdu> {
    const id = this.#newId();
    const datagram = writeCommunityMessage({ version: 1, community: Buffer.from(community, "utf8"), pdu: { ...pdu, requestId: id } });
    return await this.#exchange(device, id, datagram, times, (message) => {
      if (message.version !== 1) return undefined;
      const answer = message.pdu;
      return answer.type === PDU.response && "requestId" in answer && answer.requestId === id ? answer : undefined;
    });
  }

  async #askSecurely(device: Device, user: Extract<Credential, { user: string }>, pdu: Omit<Pdu, "requestId">, times: AskTimes): Promise<Pdu> {
    const at = endpointOf(device);
    for (let turn = 0; ; turn++) {
      const engine = this.#engines.get(at) ?? (await this.#discover(device, times));
      const keys = this.#keysOf(user, engine.id);
      const report = await this.#askEngine(device, engine, user.user, keys, pdu, times);
      if (report.pdu.type === PDU.response) return report.pdu;
      const which = report.pdu.varbinds[0] === undefined ? "" : formatOid(report.pdu.varbinds[0].oid);
      const number = which.startsWith(REPORTS) ? (which.slice(REPORTS.length).split(".")[0] ?? "") : "";
      // Once: its time is learned from a signed report, and another engine is looked for anew.
      if (turn < 2 && number === "2" && report.isProved) {
        Object.assign(engine, { boots: report.boots, time: report.time, atMs: this.#clock.monotonic() });
        continue;
      }
      if (turn < 2 && number === "4") {
        this.#engines.delete(at);
        continue;
      }
      throw new OrreryError("devices/refused", `${at} refuses: ${REFUSALS[number] ?? `report ${which || "without a reason"}`}`);
    }
  }

  async #askEngine(device: Device, engine: Engine, user: string, keys: LocalKeys | undefined, pdu: Omit<Pdu, "requestId">, times: AskTimes) {
    const id = this.#newId();
    const time = engine.time + Math.floor((this.#clock.monotonic() - engine.atMs) / 1000);
    const salt = Buffer.alloc(8);
    salt.writeBigUInt64BE(BigInt.asUintN(64, this.#salt++));
    const plain = writeScopedPdu({ contextEngineId: engine.id, contextName: Buffer.alloc(0), pdu: { ...pdu, requestId: id } });
    const isPrivate = keys?.priv !== undefined;
    const { datagram, authenticationAt } = writeSecureMessage({
      id,
      sizeMax: DATAGRAM_BYTES_MAX,
      isAuthenticated: keys !== undefined,
      isPrivate,
      isReportable: true,
      security: {
        engineId: engine.id,
        boots: engine.boots,
        time,
        user: Buffer.from(user, "utf8"),
        authentication: new Uint8Array(keys === undefined ? 0 : codeBytesOf(keys.protocol)),
        privacy: isPrivate ? salt : new Uint8Array(),
      },
      data: keys?.priv === undefined ? plain : encrypt(plain, keys.priv, { boots: engine.boots, time, salt }),
    });
    if (keys !== undefined) sign(datagram, authenticationAt, keys);
    return await this.#exchange(device, id, datagram, times, (message, bytes) => {
      if (message.version !== 3 || message.id !== id) return undefined;
      const { engineId, boots, time: told, authentication, privacy } = message.security;
      const isProved = keys !== undefined && message.isAuthenticated && isAuthentic(bytes, message.authenticationAt, authentication, keys);
      if (message.isAuthenticated && !isProved) return undefined;
      if (message.isPrivate && keys?.priv === undefined) return undefined;
      const data =
        message.isPrivate && keys?.priv !== undefined ? decrypt(message.data, keys.priv, { boots, time: told, salt: privacy }) : message.data;
      const answer = readScopedPdu(data).pdu;
      if (answer.type === PDU.report) return { pdu: answer, isProved, boots, time: told };
      const isOfEngine = Buffer.compare(engineId, engine.id) === 0;
      const isAsSafe = keys === undefined || (isProved && (keys.priv === undefined || message.isPrivate));
      if (answer.type !== PDU.response || answer.requestId !== id || !isOfEngine || !isAsSafe) return undefined;
      return { pdu: answer, isProved, boots, time: told };
    });
  }

  /** Who is there (RFC 3414, 4). What is said is not proved yet: a wrong time is mended by the first signed answer. */
  async #discover(device: Device, times: AskTimes): Promise<Engine> {
    const id = this.#newId();
    const nobody = new Uint8Array();
    const { datagram } = writeSecureMessage({
      id,
      sizeMax: DATAGRAM_BYTES_MAX,
      isAuthenticated: false,
      isPrivate: false,
      isReportable: true,
      security: { engineId: nobody, boots: 0, time: 0, user: nobody, authentication: nobody, privacy: nobody },
      data: writeScopedPdu({
        contextEngineId: nobody,
        contextName: nobody,
        pdu: { type: PDU.get, requestId: id, status: 0, index: 0, varbinds: [] },
      }),
    });
    const engine = await this.#exchange(device, id, datagram, times, (message): Engine | undefined => {
      if (message.version !== 3 || message.id !== id || message.security.engineId.length < 5) return undefined;
      const { engineId, boots, time } = message.security;
      return { id: Uint8Array.from(engineId), boots, time, atMs: this.#clock.monotonic() };
    });
    if (this.#engines.size >= ENGINES_MAX) this.#engines.clear();
    this.#engines.set(endpointOf(device), engine);
    return engine;
  }

  #keysOf({ protocol, auth, priv }: Extract<Credential, { user: string }>, engineId: Uint8Array): LocalKeys | undefined {
    if (auth === undefined) return undefined;
    return { protocol, auth: this.#key(protocol, auth, engineId), priv: priv === undefined ? undefined : this.#key(protocol, priv, engineId) };
  }

  #key(protocol: AuthProtocol, password: string, engineId: Uint8Array): Uint8Array {
    const name = createHash("sha256").update(`${protocol}\0${password}\0`).update(engineId).digest("base64");
    const kept = this.#keys.get(name);
    if (kept !== undefined) return kept;
    const key = localizeKey(protocol, password, engineId);
    if (this.#keys.size >= 2 * ENGINES_MAX) this.#keys.clear();
    this.#keys.set(name, key);
    return key;
  }

  #newId(): number {
    if (this.#waiting.size >= WAITING_MAX)
      throw new OrreryError("devices/no-answer", `more than ${WAITING_MAX} questions wait for answers`, { retry: "backoff" });
    do this.#nextId = (this.#nextId % (ID_END - 1)) + 1;
    while (this.#waiting.has(this.#nextId));
    return this.#nextId;
  }

  async #exchange<T>(
    device: Device,
    id: number,
    datagram: Buffer,
    { timeoutMs, tries, signal }: AskTimes,
    read: (message: Message, bytes: Buffer) => T | undefined,
  ): Promise<T> {
    const { address, port } = device;
    const socket = await this.#socket(address.includes(":") ? 6 : 4);
    const found = Promise.withResolvers<T>();
    const onAbort = (): void => found.reject(signal?.reason);
    let cancel: () => void = () => {};
    let left = tries;
    const send = (): void => {
      if (left-- <= 0) {
        const message = `${endpointOf(device)} did not answer within ${timeoutMs} ms, asked ${tries} times`;
        return found.reject(new OrreryError("devices/no-answer", message, { retry: "backoff" }));
      }
      cancel = this.#clock.after(timeoutMs, send);
      socket.send(datagram, port, address, (error) => {
        if (error)
          found.reject(
            new OrreryError("devices/no-answer", `${endpointOf(device)} cannot be reached: ${error.message}`, { retry: "backoff", cause: error }),
          );
      });
    };
    this.#waiting.set(id, {
      from: endpointOf(device),
      take: (message, bytes) => {
        const answer = read(message, bytes);
        if (answer === undefined) this.unexpected += 1;
        else found.resolve(answer);
      },
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal?.aborted === true) onAbort();
      else send();
      return await found.promise;
    } finally {
      cancel();
      this.#waiting.delete(id);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #socket(family: 4 | 6): Promise<Socket> {
    if (this.#isClosed) throw new OrreryError("devices/no-answer", "no device is asked any more", { retry: "backoff" });
    const opened = this.#sockets.get(family) ?? this.#open(family);
    this.#sockets.set(family, opened);
    return opened;
  }

  async #open(family: 4 | 6): Promise<Socket> {
    const socket = createSocket(family === 4 ? "udp4" : "udp6");
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind(0, resolve);
      });
    } catch (error) {
      this.#sockets.delete(family);
      throw new OrreryError("devices/no-answer", `no socket for UDP over IPv${family}: ${(error as Error).message}`, {
        retry: "backoff",
        cause: error,
      });
    }
    socket.removeAllListeners("error");
    // What a device's host refuses (ICMP) is no end of the socket: its question runs out.
    socket.on("error", () => {});
    socket.on("message", (datagram, { address, port }) => this.#take(datagram, formatEndpoint(address, port)));
    socket.unref();
    return socket;
  }

  #take(datagram: Buffer, from: string): void {
    try {
      const message = readMessage(datagram);
      const id = message.version === 3 ? message.id : "requestId" in message.pdu ? message.pdu.requestId : 0;
      const waiting = this.#waiting.get(id);
      if (waiting?.from === from) waiting.take(message, datagram);
      else this.unexpected += 1;
    } catch {
      // Truncated, or no SNMP at all: whoever asked goes on waiting.
      this.unexpected += 1;
    }
  }
}

function endpointOf({ address, port }: Device): string {
  return formatEndpoint(address, port);
}
