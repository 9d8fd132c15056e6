import { createSocket, type Socket } from "node:dgram";
import { type Clock, describeError, type Log, OrreryError, parseEndpoint, type Random, randomBelow } from "#/base/index.ts";
import { durationMs, type SnmpSettings } from "#/model/index.ts";
import {
  codeBytesOf,
  DATAGRAM_BYTES_MAX,
  decrypt,
  ERROR,
  encrypt,
  isAuthentic,
  type LocalKeys,
  oid,
  oidValue,
  PDU,
  type Pdu,
  readMessage,
  readScopedPdu,
  type SecureMessage,
  sign,
  ticks,
  type VarBind,
  VERSION,
  writeCommunityMessage,
  writeScopedPdu,
  writeSecureMessage,
} from "../wire/index.ts";
import type { Engine } from "./engine.ts";
import type { Notification } from "./notifications.ts";

const UP_TIME = oid("1.3.6.1.2.1.1.3.0");
const TRAP_OID = oid("1.3.6.1.6.3.1.1.4.1.0");
/** Informs that wait for their answers, of one target. */
const PENDING_MAX = 100;
const REPORTS_MAX = 3;

type Target = SnmpSettings["targets"][number];
type Params = SnmpSettings["params"][number];

export interface NotifierOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: () => SnmpSettings;
  /** Keys of a user for the engine that decides about the message: this one for traps, the receiver's for informs. `undefined`: there is no such user, or its password is not known here now. */
  readonly keysOf: (user: string, engineId: Uint8Array) => LocalKeys | undefined;
}

/** The engine of somebody who takes informs (RFC 3414, 4). */
interface Peer {
  readonly id: Uint8Array;
  readonly boots: number;
  /** Its time, less this agent's monotonic seconds. */
  readonly offset: number;
}

interface Inform {
  readonly target: Target;
  readonly params: Params;
  readonly pdu: Pdu;
  /** Told what came of it: `why` it was not answered, or nothing. */
  readonly settle: (why?: string) => void;
  triesLeft: number;
  /** Reports that were answered by sending it again at once. */
  reports: number;
  cancel: () => void;
}

/** Counted since the start of the process. */
export interface NotifierFigures {
  readonly trapsSent: number;
  readonly informsAnswered: number;
  readonly informsUnanswered: number;
  readonly dropped: number;
}

/** Tells targets what has happened, as SNMP-TARGET-MIB and SNMP-NOTIFICATION-MIB have it: traps once, informs until they are answered or their tries are used up. */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #sockets = new Map<4 | 6, Socket>();
  readonly #informs = new Map<number, Inform>();
  readonly #peers = new Map<string, Peer>();
  #lastId: number;
  #salt: number;
  #isClosed = false;
  readonly figures = { trapsSent: 0, informsAnswered: 0, informsUnanswered: 0, dropped: 0 };

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#lastId = randomBelow(options.random, 0x3fff_ffff);
    this.#salt = randomBelow(options.random, 0x7fff_ffff);
  }

  /** Tells every target that an entry of `notify` chooses, once. */
  tell(notification: Notification): void {
    const { targets, params, notify } = this.#options.settings();
    for (const target of targets) {
      const how = params.find((one) => one.name === target.params && one.enabled);
      const chosen = notify.find(({ enabled, tag }) => enabled && target.tags.includes(tag));
      if (!target.enabled || how === undefined || chosen === undefined) continue;
      this.#begin(notification, { target, params: how, isInform: chosen.type === "inform", settle: () => undefined });
    }
  }

  /** Tells one target. Resolves when a trap is sent, or an inform answered.
   *  @throws snmp/no-answer: it cannot be sent, was not answered in its tries, or was refused */
  deliver(notification: Notification, how: { readonly target: Target; readonly params: Params; readonly isInform: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (why?: string): void =>
        why === undefined ? resolve() : reject(new OrreryError("snmp/no-answer", `${how.target.address}: ${why}`, { retry: "backoff" }));
      this.#begin(notification, { ...how, settle });
    });
  }

  #begin(
    { oid: name, varbinds }: Notification,
    { target, params, isInform, settle }: Pick<Inform, "target" | "params" | "settle"> & { readonly isInform: boolean },
  ): void {
    const { engine } = this.#options;
    const all: readonly VarBind[] = [{ oid: UP_TIME, value: ticks(engine.time() * 100) }, { oid: TRAP_OID, value: oidValue(name) }, ...varbinds];
    const pdu: Pdu = { type: isInform ? PDU.inform : PDU.trap, requestId: this.#nextId(), status: 0, index: 0, varbinds: all };
    if (isInform) return this.#inform({ target, params, pdu, settle, triesLeft: target.retries, reports: 0, cancel: () => undefined });
    // The socket may be closed once it is settled: not before the kernel has the datagram.
    const isSent = this.#send(target, this.#encodeTrap(params, pdu), (error) => settle(error === null ? undefined : describeError(error)));
    if (isSent) this.figures.trapsSent += 1;
    else settle("it cannot be sent there, or not as that user");
  }

  /** Informs that are not answered yet. */
  get pending(): number {
    return this.#informs.size;
  }

  close(): void {
    this.#isClosed = true;
    for (const { cancel, settle } of this.#informs.values()) {
      cancel();
      settle("there was no time left");
    }
    this.#informs.clear();
    for (const socket of this.#sockets.values()) socket.close();
  }

  #inform(inform: Inform): void {
    const { target, pdu, settle } = inform;
    if ([...this.#informs.values()].filter((one) => one.target.name === target.name).length >= PENDING_MAX) {
      if (this.figures.dropped === 0)
        this.#options.log.warn(`target ${target.name} does not answer: ${PENDING_MAX} informs wait, further ones are dropped`);
      this.figures.dropped += 1;
      return settle("too many wait for its answer");
    }
    this.#informs.set(pdu.requestId, inform);
    this.#try(inform);
  }

  #try(inform: Inform): void {
    const { clock, log } = this.#options;
    const { target, pdu } = inform;
    this.#send(target, this.#encodeInform(inform));
    inform.cancel = clock.after(
      durationMs(target.timeout),
      () => {
        if (inform.triesLeft > 0) {
          inform.triesLeft -= 1;
          return this.#try(inform);
        }
        this.#informs.delete(pdu.requestId);
        this.figures.informsUnanswered += 1;
        log.warn(`target ${target.name} (${target.address}) has not answered an inform`, { tries: target.retries + 1 });
        inform.settle(`no answer to an inform in ${target.retries + 1} tries`);
      },
      { background: true },
    );
  }

  #encodeTrap({ version, user, level }: Params, pdu: Pdu): Buffer | undefined {
    const { engine } = this.#options;
    if (version === "v2c") return this.#encodeCommunity(user, pdu);
    return this.#encodeSecure({ user, level, pdu, peer: { id: engine.id, boots: engine.boots, time: engine.time() }, isReportable: false });
  }

  #encodeInform({ target, params: { version, user, level }, pdu }: Inform): Buffer | undefined {
    if (version === "v2c") return this.#encodeCommunity(user, pdu);
    const peer = this.#peers.get(target.address);
    if (peer === undefined) return this.#encodeDiscovery(pdu.requestId);
    const time = Math.max(0, peer.offset + this.#seconds());
    return this.#encodeSecure({ user, level, pdu, peer: { id: peer.id, boots: peer.boots, time }, isReportable: true });
  }

  #encodeCommunity(name: string, pdu: Pdu): Buffer {
    const community = this.#options.settings().communities.find((one) => one.name === name)?.value ?? name;
    return writeCommunityMessage({ version: VERSION.v2c, community: Buffer.from(community, "utf8"), pdu });
  }

  /** Asks who is there: the answer is a report with the receiver's engine. */
  #encodeDiscovery(id: number): Buffer {
    const none = new Uint8Array();
    const pdu: Pdu = { type: PDU.get, requestId: id, status: 0, index: 0, varbinds: [] };
    return writeSecureMessage({
      id,
      sizeMax: DATAGRAM_BYTES_MAX,
      isAuthenticated: false,
      isPrivate: false,
      isReportable: true,
      security: { engineId: none, boots: 0, time: 0, user: none, authentication: none, privacy: none },
      data: writeScopedPdu({ contextEngineId: none, contextName: none, pdu }),
    }).datagram;
  }

  #encodeSecure(given: {
    readonly user: string;
    readonly level: Params["level"];
    readonly pdu: Pdu;
    readonly peer: { readonly id: Uint8Array; readonly boots: number; readonly time: number };
    readonly isReportable: boolean;
  }): Buffer | undefined {
    const { user, level, pdu, peer, isReportable } = given;
    const { engine, keysOf } = this.#options;
    const isAuthenticated = level !== "noAuthNoPriv";
    const isPrivate = level === "authPriv";
    const keys = keysOf(user, peer.id);
    if (isAuthenticated && keys === undefined) return this.#undeliverable(`no user ${user} of SNMPv3 is known`);
    if (isPrivate && keys?.priv === undefined) return this.#undeliverable(`user ${user} has no priv`);
    const salt = isPrivate ? this.#nextSalt() : new Uint8Array();
    const plain = writeScopedPdu({ contextEngineId: engine.id, contextName: new Uint8Array(), pdu });
    const { datagram, authenticationAt } = writeSecureMessage({
      id: pdu.requestId,
      sizeMax: DATAGRAM_BYTES_MAX,
      isAuthenticated,
      isPrivate,
      isReportable,
      security: {
        engineId: peer.id,
        boots: peer.boots,
        time: peer.time,
        user: Buffer.from(user, "utf8"),
        authentication: new Uint8Array(keys !== undefined && isAuthenticated ? codeBytesOf(keys.protocol) : 0),
        privacy: salt,
      },
      data: isPrivate && keys?.priv !== undefined ? encrypt(plain, keys.priv, { boots: peer.boots, time: peer.time, salt }) : plain,
    });
    if (keys !== undefined && isAuthenticated) sign(datagram, authenticationAt, keys);
    return datagram;
  }

  #undeliverable(why: string): undefined {
    this.figures.dropped += 1;
    this.#options.log.warn(`a notification is not sent: ${why}`);
    return undefined;
  }

  #send({ address, name }: Target, datagram: Buffer | undefined, onSent?: (error: Error | null) => void): boolean {
    const to = parseEndpoint(address);
    if (datagram === undefined || to === undefined || this.#isClosed) return false;
    this.#socket(to.address.includes(":") ? 6 : 4).send(datagram, to.port, to.address, (error) => {
      if (error !== null) this.#options.log.debug(`target ${name} cannot be reached`, { error: describeError(error) });
      onSent?.(error);
    });
    return true;
  }

  #socket(family: 4 | 6): Socket {
    const known = this.#sockets.get(family);
    if (known !== undefined) return known;
    const socket = createSocket(family === 4 ? "udp4" : "udp6");
    socket.on("error", (error) => this.#options.log.debug("a socket for notifications failed", { error: describeError(error) }));
    socket.on("message", (datagram, { address, port }) => this.#take(datagram, address, port));
    socket.unref();
    this.#sockets.set(family, socket);
    return socket;
  }

  /** An answer counts only from where it was asked for. */
  #take(datagram: Buffer, address: string, port: number): void {
    const isFrom = ({ target }: Inform): boolean => {
      const to = parseEndpoint(target.address);
      return to?.port === port && to.address === address;
    };
    try {
      const message = readMessage(datagram);
      if (message.version !== VERSION.v3) {
        const { pdu } = message;
        const inform = "requestId" in pdu && pdu.type === PDU.response ? this.#informs.get(pdu.requestId) : undefined;
        if (inform !== undefined && isFrom(inform) && inform.params.version === "v2c") this.#answered(inform, pdu as Pdu);
        return;
      }
      const inform = this.#informs.get(message.id);
      if (inform !== undefined && isFrom(inform) && inform.params.version === "v3") this.#takeSecure(inform, message, datagram);
    } catch (error) {
      this.#options.log.debug("an answer to an inform cannot be read", { error: describeError(error) });
    }
  }

  #takeSecure(inform: Inform, message: SecureMessage, datagram: Buffer): void {
    const { security, isAuthenticated, isPrivate } = message;
    const known = this.#peers.get(inform.target.address);
    const keys = this.#options.keysOf(inform.params.user, security.engineId);
    const isProved = isAuthenticated && keys !== undefined && isAuthentic(datagram, message.authenticationAt, security.authentication, keys);
    const { boots, time, privacy: salt } = security;
    const { pdu } = readScopedPdu(isPrivate && keys?.priv !== undefined ? decrypt(message.data, keys.priv, { boots, time, salt }) : message.data);
    if (pdu.type === PDU.report) {
      // Its id may be learnt from anybody who was asked; its time only from who has the key.
      if (known !== undefined && !isProved) return;
      this.#peers.set(inform.target.address, { id: Uint8Array.from(security.engineId), boots, offset: time - this.#seconds() });
      inform.reports += 1;
      // The first names the engine, the second its time; who goes on refusing is asked again in time.
      if (inform.reports <= REPORTS_MAX) this.#send(inform.target, this.#encodeInform(inform));
      return;
    }
    if (pdu.type !== PDU.response || pdu.requestId !== inform.pdu.requestId) return;
    if (inform.params.level !== "noAuthNoPriv" && !isProved) return;
    this.#answered(inform, pdu);
  }

  #answered(inform: Inform, { status }: Pdu): void {
    inform.cancel();
    this.#informs.delete(inform.pdu.requestId);
    if (status === ERROR.none) {
      this.figures.informsAnswered += 1;
      return inform.settle();
    }
    this.figures.informsUnanswered += 1;
    this.#options.log.warn(`target ${inform.target.name} has refused an inform`, { status });
    inform.settle(`it has refused an inform (error ${status})`);
  }

  #seconds(): number {
    return Math.floor(this.#options.clock.monotonic() / 1000);
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 0x7fff_fffe) + 1;
    return this.#lastId;
  }

  #nextSalt(): Uint8Array {
    const salt = Buffer.alloc(8);
    salt.writeUInt32BE(this.#options.engine.boots, 0);
    this.#salt = (this.#salt + 1) >>> 0;
    salt.writeUInt32BE(this.#salt, 4);
    return salt;
  }
}
