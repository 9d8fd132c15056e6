import type { Clock, Random } from "#/base/index.ts";
import {
  type CommunityMessage,
  codeBytesOf,
  counter,
  DATAGRAM_BYTES_MAX,
  decrypt,
  ERROR,
  encrypt,
  isAuthentic,
  type Oid,
  PDU,
  type Pdu,
  readMessage,
  readScopedPdu,
  type SecureMessage,
  sign,
  VERSION,
  writeCommunityMessage,
  writeScopedPdu,
  writeSecureMessage,
} from "../wire/index.ts";
import type { Access, AgentUser } from "./access.ts";
import { AppliedSets } from "./applied-sets.ts";
import { type AgentCounters, REPORT } from "./counters.ts";
import { BOOTS_MAX, type Engine, WINDOW_S } from "./engine.ts";
import type { MibTree } from "./mib-tree.ts";
import { answerRead, empty, failure } from "./requests.ts";

/** A change that somebody asks for. */
export interface SetWish {
  readonly user: string;
  readonly address: string;
  readonly pdu: Pdu;
}

export interface DispatcherOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: Random;
  readonly access: () => Access;
  readonly tree: MibTree;
  /** Makes a change, and answers when it is kept, or says why not. It never throws. */
  readonly set: (wish: SetWish) => Promise<Pdu>;
  readonly counters: AgentCounters;
  /** Takes an inform of somebody who has proved who they are, and answers when it is kept; `undefined`: it is not kept, and not answered. Absent: informs are not taken. */
  readonly inform?: (inform: { readonly user: string; readonly address: string; readonly pdu: Pdu }) => Promise<Pdu | undefined>;
  /** Somebody used a community or key that is not right. */
  readonly onUnauthentic?: (address: string) => void;
}

/** What this agent takes in one message. */
const SIZE_MAX = DATAGRAM_BYTES_MAX;
const SETS_UNDER_WAY_MAX = 100;

/** Takes datagrams and answers them, as RFC 3412, 3414, 3416 say; who may ask is decided before anything is looked up. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #applied: AppliedSets;
  readonly #saltHead: Uint8Array;
  #salt = 0;
  #setsUnderWay = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#applied = new AppliedSets(options.clock);
    this.#saltHead = options.random.bytes(4);
  }

  /** The answer to `datagram` from `address`; `undefined`: none is due. A change is answered when it is kept. */
  take(datagram: Uint8Array, address: string): Buffer | undefined | Promise<Buffer | undefined> {
    const { counters } = this.#options;
    counters.inPackets += 1;
    let message: ReturnType<typeof readMessage>;
    try {
      message = readMessage(datagram);
    } catch {
      counters.malformed += 1;
      return undefined;
    }
    if (message.version === VERSION.v3) return this.#takeSecure(message, datagram, address);
    if (message.version !== VERSION.v2c) {
      counters.badVersions += 1;
      return undefined;
    }
    return this.#takeCommunity(message, address);
  }

  #takeCommunity(message: CommunityMessage, address: string): Buffer | undefined {
    const { access, counters, onUnauthentic, tree } = this.#options;
    const verdict = access().community(message.community, address);
    if (verdict !== "allowed") {
      counters.badCommunityNames += 1;
      onUnauthentic?.(address);
      return undefined;
    }
    const { pdu, version, community } = message;
    if (!("requestId" in pdu) || !isRequest(pdu)) return undefined;
    if (pdu.type === PDU.set) counters.badCommunityUses += 1;
    // Who only names a community may read.
    const answer = pdu.type === PDU.set ? failure(pdu, ERROR.noAccess, 1) : answerRead(tree, pdu, SIZE_MAX);
    counters.outPackets += 1;
    return writeCommunityMessage({ version, community, pdu: answer });
  }

  #takeSecure(message: SecureMessage, datagram: Uint8Array, address: string): Buffer | undefined | Promise<Buffer | undefined> {
    const { engine, access, counters, onUnauthentic } = this.#options;
    const { security, isAuthenticated, isPrivate } = message;
    if (!Buffer.from(engine.id).equals(security.engineId)) return this.#report(message, REPORT.unknownEngine, this.#count(4));
    const user = access().user(Buffer.from(security.user).toString("utf8"));
    if (user === undefined) {
      // The engine is made known to who asks for nothing else (RFC 3414, 4).
      onUnauthentic?.(address);
      return this.#report(message, REPORT.unknownUser, this.#count(3));
    }
    if (isPrivate && user.keys.priv === undefined) return this.#report(message, REPORT.unsupportedLevel, this.#count(1));
    if (isAuthenticated && !isAuthentic(datagram, message.authenticationAt, security.authentication, user.keys)) {
      onUnauthentic?.(address);
      return this.#report(message, REPORT.wrongDigest, this.#count(5));
    }
    if (isAuthenticated && !this.#isInWindow(security.boots, security.time)) return this.#report(message, REPORT.notInWindow, this.#count(2), user);
    let scoped: ReturnType<typeof readScopedPdu>;
    try {
      const { boots, time, privacy: salt } = security;
      scoped = readScopedPdu(isPrivate && user.keys.priv !== undefined ? decrypt(message.data, user.keys.priv, { boots, time, salt }) : message.data);
    } catch {
      if (isPrivate) return this.#report(message, REPORT.undecipherable, this.#count(6));
      counters.malformed += 1;
      return undefined;
    }
    const { pdu } = scoped;
    if (!isRequest(pdu) && !(pdu.type === PDU.inform && this.#options.inform !== undefined)) return undefined;
    // An inform is of its sender's context (RFC 3413, 3.2).
    if (pdu.type !== PDU.inform && !Buffer.from(engine.id).equals(scoped.contextEngineId)) {
      counters.mpd[3] = (counters.mpd[3] ?? 0) + 1;
      return this.#report(message, REPORT.unknownPduHandler, counters.mpd[3], user, pdu);
    }
    if (scoped.contextName.length > 0) return this.#report(message, REPORT.unknownContext, 1, user, pdu);
    const answer = this.#answer(message, user, address, pdu);
    const send = (response: Pdu | undefined): Buffer | undefined =>
      response === undefined ? undefined : this.#secure(message, user, response, isAuthenticated, isPrivate, scoped.contextEngineId);
    return answer instanceof Promise ? answer.then(send) : send(answer);
  }

  /** What a user may is what its level of security allows: who has keys has to use them all. */
  #answer(message: SecureMessage, user: AgentUser, address: string, pdu: Pdu): Pdu | Promise<Pdu | undefined> {
    const { tree, set, inform } = this.#options;
    const isEnough = message.isAuthenticated && (message.isPrivate || user.keys.priv === undefined);
    if (!isEnough) return failure(pdu, ERROR.authorizationError, 0);
    if (pdu.type === PDU.inform && inform !== undefined) return inform({ user: user.name, address, pdu });
    if (pdu.type !== PDU.set) return answerRead(tree, pdu, Math.min(message.sizeMax, SIZE_MAX));
    if (!user.mayWrite || !message.isPrivate) return failure(pdu, ERROR.noAccess, Math.min(1, pdu.varbinds.length));
    const wish = { user: user.name, address, pdu };
    return (
      this.#applied.once(user.name, pdu, async () => {
        if (this.#setsUnderWay >= SETS_UNDER_WAY_MAX) return failure(pdu, ERROR.resourceUnavailable, 0);
        this.#setsUnderWay += 1;
        try {
          return await set(wish);
        } finally {
          this.#setsUnderWay -= 1;
        }
      }) ?? failure(pdu, ERROR.resourceUnavailable, 0)
    );
  }

  #isInWindow(boots: number, time: number): boolean {
    const { engine } = this.#options;
    return engine.boots < BOOTS_MAX && boots === engine.boots && Math.abs(time - engine.time()) <= WINDOW_S;
  }

  #count(id: number): number {
    const { usm } = this.#options.counters;
    usm[id] = (usm[id] ?? 0) + 1;
    return usm[id];
  }

  /** Says why a message was not taken. `user`: signed with its key, where it has proved that it has it. */
  #report(message: SecureMessage, reason: Oid, count: number, user?: AgentUser, pdu?: Pdu): Buffer | undefined {
    if (!message.isReportable) {
      this.#options.counters.silentDrops += 1;
      return undefined;
    }
    const report: Pdu = { type: PDU.report, requestId: pdu?.requestId ?? 0, status: 0, index: 0, varbinds: [{ oid: reason, value: counter(count) }] };
    return this.#secure(message, user, report, user !== undefined, false);
  }

  #secure(
    message: SecureMessage,
    user: AgentUser | undefined,
    pdu: Pdu,
    isAuthenticated: boolean,
    isPrivate: boolean,
    contextEngineId: Uint8Array = this.#options.engine.id,
  ): Buffer {
    const { engine, counters } = this.#options;
    const time = engine.time();
    const { boots } = engine;
    const plain = writeScopedPdu({ contextEngineId, contextName: new Uint8Array(), pdu });
    const salt = isPrivate ? this.#nextSalt() : new Uint8Array();
    const key = user?.keys.priv;
    const { datagram, authenticationAt } = writeSecureMessage({
      id: message.id,
      sizeMax: SIZE_MAX,
      isAuthenticated,
      isPrivate,
      isReportable: false,
      security: {
        engineId: engine.id,
        boots,
        time,
        user: message.security.user,
        authentication: new Uint8Array(isAuthenticated && user !== undefined ? codeBytesOf(user.keys.protocol) : 0),
        privacy: salt,
      },
      data: isPrivate && key !== undefined ? encrypt(plain, key, { boots, time, salt }) : plain,
    });
    if (isAuthenticated && user !== undefined) sign(datagram, authenticationAt, user.keys);
    counters.outPackets += 1;
    if (datagram.length > Math.min(SIZE_MAX, message.sizeMax) && pdu.varbinds.length > 0)
      return this.#secure(message, user, { ...empty(pdu), status: ERROR.tooBig }, isAuthenticated, isPrivate, contextEngineId);
    return datagram;
  }

  /** It never comes twice with the same start (RFC 3826, 3.1.2.1). */
  #nextSalt(): Uint8Array {
    const salt = Buffer.alloc(8);
    salt.set(this.#saltHead);
    this.#salt = (this.#salt + 1) >>> 0;
    salt.writeUInt32BE(this.#salt, 4);
    return salt;
  }
}

function isRequest(pdu: Pdu): boolean {
  return pdu.type === PDU.get || pdu.type === PDU.getNext || pdu.type === PDU.getBulk || pdu.type === PDU.set;
}
