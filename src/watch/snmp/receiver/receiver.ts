import { createHash } from "node:crypto";
import { type Clock, describeError, type Log, type Random } from "#/base/index.ts";
import type { SnmpUser } from "#/model/index.ts";
import { Access, type AgentCommunity } from "../agent/access.ts";
import { AgentCounters } from "../agent/counters.ts";
import { Dispatcher } from "../agent/dispatcher.ts";
import { type Engine, WINDOW_S } from "../agent/engine.ts";
import { MibTree } from "../agent/mib-tree.ts";
import { empty, failure } from "../agent/requests.ts";
import {
  decrypt,
  ERROR,
  isAuthentic,
  type LocalKeys,
  localizeKey,
  PDU,
  type Pdu,
  readMessage,
  readScopedPdu,
  type SecureMessage,
  type TrapV1,
  VERSION,
  writeCommunityMessage,
} from "../wire/index.ts";
import { BoundedCounts, Shedder } from "./shedder.ts";
import type { TrapLog } from "./trap-log.ts";
import { recordOf, recordOfV1, type Sender, type TrapRecord } from "./trap-record.ts";

/** Records that wait for the disk. */
const WAITING_MAX = 5_000;
const BATCH_MAX = 1_000;
/** Informs that are known again when they are sent again. */
const KNOWN_MAX = 20_000;
const KNOWN_MS = 2 * WINDOW_S * 1000 + 10_000;
const ENGINES_MAX = 2_000;
const KEYS_MAX = 2_000;
/** Each takes some milliseconds; whoever makes up engines gets no more of them. */
const KEYS_PER_SECOND = 20;
const SOURCES_MAX = 1_000;
const PROBLEMS_MAX = 100;

/** What happened to all that came, and what did not come; `received` is the sum of what follows it. */
export interface TrapFigures {
  readonly received: number;
  readonly taken: number;
  /** An inform that was sent again. */
  readonly repeated: number;
  /** Not looked at, as too many came. */
  readonly shed: number;
  /** No message, or none that is a trap. */
  readonly malformed: number;
  /** A community, user or key that is not right. */
  readonly refused: number;
  /** Taken, and not kept: the disk. */
  readonly lost: number;
  /** What informs need beside: reports that name the engine. */
  readonly asked: number;
  /** Of those that were taken: which no rule of the site turns into an alarm. */
  readonly unruled: number;
  readonly waiting: number;
  readonly shedBySource: readonly { readonly name: string; readonly count: number }[];
  readonly takenBySource: readonly { readonly name: string; readonly count: number }[];
  readonly byOid: readonly { readonly name: string; readonly count: number; readonly isRuled: boolean }[];
  /** Devices whose engines are not as they should be. */
  readonly engines: readonly { readonly engine: string; readonly address: string; readonly problem: string }[];
}

export interface ReceiverSettings {
  readonly communities: readonly AgentCommunity[];
  readonly users: readonly Pick<SnmpUser, "metadata" | "spec">[];
}

export interface ReceiverOptions {
  readonly engine: Engine;
  readonly trapLog: TrapLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told of traps that are followed, once they are kept: in the order in which they came. */
  readonly onKept?: (records: readonly TrapRecord[]) => void;
  readonly send: (datagram: Uint8Array, to: { readonly address: string; readonly port: number }) => void;
}

interface Waiting {
  readonly record: TrapRecord;
  readonly kept: (isKept: boolean) => void;
}

/** Takes traps and informs: sheds before anything is read, proves who sent them, keeps them, and only then answers informs. */
export class TrapReceiver {
  readonly #options: ReceiverOptions;
  readonly #shedder = new Shedder();
  readonly #counts = { received: 0, taken: 0, repeated: 0, shed: 0, malformed: 0, refused: 0, lost: 0, asked: 0 };
  #unruled = 0;
  #followed: ReadonlySet<string> = new Set();
  readonly #shedBySource = new BoundedCounts(SOURCES_MAX);
  readonly #takenBySource = new BoundedCounts(SOURCES_MAX);
  readonly #byOid = new BoundedCounts(SOURCES_MAX);
  readonly #known = new Map<string, { readonly atMs: number; readonly kept: Promise<boolean> }>();
  readonly #engines = new Map<string, { readonly address: string; boots: number; time: number }>();
  readonly #problems = new Map<string, { readonly engine: string; readonly address: string; readonly problem: string }>();
  readonly #keys = new Map<string, LocalKeys>();
  readonly #dispatcher: Dispatcher;
  #access = new Access([], []);
  #communities: readonly AgentCommunity[] = [];
  #users: ReadonlyMap<string, SnmpUser["spec"]> = new Map();
  #waiting: Waiting[] = [];
  #isWriting = false;
  #keysMade = { second: 0, count: 0 };

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const { engine, clock, random, trapLog } = options;
    this.#dispatcher = new Dispatcher({
      engine,
      clock,
      random,
      access: () => this.#access,
      tree: new MibTree([]),
      counters: new AgentCounters(),
      set: async ({ pdu }) => failure(pdu, ERROR.noAccess, 0),
      inform: async ({ user, address, pdu }) => ((await this.#take({ version: "v3", by: user, address }, pdu)) ? answer(pdu) : undefined),
    });
    // What was kept just before the end may be sent again, as its answer was not.
    const sinceMs = clock.now() - KNOWN_MS;
    for (const { key, at } of trapLog.read(KNOWN_MAX, (one) => one.key !== undefined && Date.parse(one.at) >= sinceMs))
      if (key !== undefined) this.#known.set(key, { atMs: clock.monotonic() - (clock.now() - Date.parse(at)), kept: Promise.resolve(true) });
  }

  configure({ communities, users }: ReceiverSettings): void {
    const { engine } = this.#options;
    this.#communities = communities;
    this.#users = new Map(users.map(({ metadata, spec }) => [metadata.name, spec]));
    this.#keys.clear();
    this.#access = new Access(
      [...this.#users].map(([name, spec]) => ({ name, keys: keysOf(spec, engine.id), mayWrite: false })),
      communities,
    );
  }

  /** Which names rules of the site are about. */
  follow(names: Iterable<string>): void {
    this.#followed = new Set(names);
  }

  /** What happened so far. */
  figures(): TrapFigures {
    return {
      ...this.#counts,
      unruled: this.#unruled,
      waiting: this.#waiting.length,
      shedBySource: this.#shedBySource.top(20),
      takenBySource: this.#takenBySource.top(20),
      byOid: this.#byOid.top(100).map((one) => ({ ...one, isRuled: this.#followed.has(one.name) })),
      engines: [...this.#problems.values()],
    };
  }

  receive(datagram: Uint8Array, from: { readonly address: string; readonly port: number }): void {
    const { clock, send } = this.#options;
    const counts = this.#counts;
    counts.received += 1;
    if (!this.#shedder.isTaken(from.address, clock.monotonic()) || this.#waiting.length >= WAITING_MAX) {
      counts.shed += 1;
      return this.#shedBySource.add(from.address);
    }
    let message: ReturnType<typeof readMessage>;
    try {
      message = readMessage(datagram);
    } catch {
      counts.malformed += 1;
      return;
    }
    if (message.version !== VERSION.v3) return this.#receiveCommunity(message, from);
    const { engineId } = message.security;
    if (engineId.length > 0 && !Buffer.from(this.#options.engine.id).equals(engineId)) return this.#receiveTrap(message, datagram, from);
    // Informs, and what they need: who asks for the engine counts as asked.
    const before = counts.taken + counts.repeated + counts.malformed + counts.lost;
    const answered = this.#dispatcher.take(datagram, from.address);
    if (answered instanceof Promise)
      return void answered.then((later) => {
        if (later !== undefined) send(later, from);
      });
    if (counts.taken + counts.repeated + counts.malformed + counts.lost === before) counts.asked += 1;
    if (answered !== undefined) send(answered, from);
  }

  #receiveCommunity(
    message: Exclude<ReturnType<typeof readMessage>, SecureMessage>,
    from: { readonly address: string; readonly port: number },
  ): void {
    const { send } = this.#options;
    const { pdu, version, community } = message;
    if (this.#access.community(community, from.address) !== "allowed") {
      this.#counts.refused += 1;
      return;
    }
    const text = Buffer.from(community).toString("utf8");
    const by = this.#communities.find(({ value }) => value === text)?.name ?? "";
    const sender = { version: version === VERSION.v1 ? "v1" : "v2c", by, address: from.address } as const;
    if (pdu.type !== PDU.inform) return void this.#take(sender, pdu);
    void this.#take(sender, pdu).then((isKept) => {
      if (isKept) send(writeCommunityMessage({ version, community, pdu: answer(pdu as Pdu) }), from);
    });
  }

  /** A trap of SNMPv3: its sender's engine decides about its time (RFC 3414, 3.2.7 b). */
  #receiveTrap(message: SecureMessage, datagram: Uint8Array, { address }: { readonly address: string }): void {
    const { security, isAuthenticated, isPrivate } = message;
    const name = Buffer.from(security.user).toString("utf8");
    const spec = this.#users.get(name);
    const refuse = (): void => {
      this.#counts.refused += 1;
    };
    // Who has keys uses all of them.
    if (spec === undefined || !isAuthenticated || (spec.priv !== undefined) !== isPrivate) return refuse();
    const keys = this.#keysFor(name, spec, security.engineId);
    if (keys === undefined) {
      this.#counts.shed += 1;
      return this.#shedBySource.add(address);
    }
    if (!isAuthentic(datagram, message.authenticationAt, security.authentication, keys) || !this.#isTimely(message, address)) return refuse();
    try {
      const { boots, time, privacy: salt } = security;
      const { pdu } = readScopedPdu(isPrivate && keys.priv !== undefined ? decrypt(message.data, keys.priv, { boots, time, salt }) : message.data);
      if (pdu.type !== PDU.trap) throw new Error("it is no trap");
      void this.#take({ version: "v3", by: name, address }, pdu);
    } catch {
      this.#counts.malformed += 1;
    }
  }

  #isTimely({ security: { engineId, boots, time } }: SecureMessage, address: string): boolean {
    const id = Buffer.from(engineId).toString("hex");
    const nowS = this.#options.clock.monotonic() / 1000;
    const known = this.#engines.get(id);
    if (known === undefined) {
      if (this.#engines.size >= ENGINES_MAX) this.#engines.delete(this.#engines.keys().next().value ?? "");
      this.#engines.set(id, { address, boots, time: time - nowS });
      return true;
    }
    if (known.address !== address) this.#tellProblem(id, address, `its engine id is that of ${known.address}, too: one of them was cloned`);
    if (boots < known.boots || (boots === known.boots && time - nowS < known.time - WINDOW_S)) {
      if (boots < known.boots) this.#tellProblem(id, address, `its boots went back from ${known.boots} to ${boots}: it does not keep them`);
      return false;
    }
    if (boots > known.boots || time - nowS > known.time) Object.assign(known, { boots, time: time - nowS });
    return true;
  }

  #tellProblem(engine: string, address: string, problem: string): void {
    const key = `${engine} ${address}`;
    if (this.#problems.has(key) || this.#problems.size >= PROBLEMS_MAX) return;
    this.#problems.set(key, { engine, address, problem });
    this.#options.log.warn(`a device's SNMP engine is not as it should be: ${address}: ${problem}`, { engine });
  }

  #keysFor(user: string, spec: SnmpUser["spec"], engineId: Uint8Array): LocalKeys | undefined {
    const id = `${Buffer.from(engineId).toString("hex")} ${user}`;
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const second = Math.floor(this.#options.clock.monotonic() / 1000);
    if (this.#keysMade.second !== second) this.#keysMade = { second, count: 0 };
    if (this.#keysMade.count >= KEYS_PER_SECOND) return undefined;
    this.#keysMade.count += 1;
    const keys = keysOf(spec, engineId);
    if (this.#keys.size >= KEYS_MAX) this.#keys.delete(this.#keys.keys().next().value ?? "");
    this.#keys.set(id, keys);
    return keys;
  }

  /** Resolves with true when it is kept, or was already. */
  async #take(given: Pick<Sender, "version" | "by"> & { readonly address: string }, pdu: Pdu | TrapV1): Promise<boolean> {
    const { clock } = this.#options;
    const { address, ...who } = given;
    const key = pdu.type === PDU.inform ? keyOf(given, pdu as Pdu) : undefined;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) {
      this.#counts.repeated += 1;
      return await known.kept;
    }
    const sender: Sender = { ...who, from: address, at: new Date(clock.now()).toISOString(), ...(key !== undefined && { key }) };
    const isTrap = pdu.type === PDU.trapV1 || pdu.type === PDU.trap || pdu.type === PDU.inform;
    const record = "generic" in pdu ? recordOfV1(sender, pdu) : isTrap ? recordOf(sender, pdu) : undefined;
    if (record === undefined) {
      this.#counts.malformed += 1;
      return false;
    }
    const kept = new Promise<boolean>((resolve) => this.#waiting.push({ record, kept: resolve }));
    if (key !== undefined) this.#remember(key, kept);
    void this.#write();
    const isKept = await kept;
    if (!isKept) {
      // Sent again, it is tried again.
      if (key !== undefined) this.#known.delete(key);
      this.#counts.lost += 1;
      return false;
    }
    this.#counts.taken += 1;
    this.#takenBySource.add(address);
    this.#byOid.add(record.oid);
    if (!this.#followed.has(record.oid)) this.#unruled += 1;
    return true;
  }

  #remember(key: string, kept: Promise<boolean>): void {
    const nowMs = this.#options.clock.monotonic();
    for (const [old, { atMs }] of this.#known) {
      if (nowMs - atMs <= KNOWN_MS && this.#known.size < KNOWN_MAX) break;
      this.#known.delete(old);
    }
    this.#known.set(key, { atMs: nowMs, kept });
  }

  /** All that waits goes to the disk together, one batch after the other. */
  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    const { trapLog, clock, log } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH_MAX);
      let isKept = true;
      try {
        await trapLog.append(
          batch.map(({ record }) => record),
          clock.now(),
        );
      } catch (error) {
        isKept = false;
        log.error(`${batch.length} traps could not be kept: ${describeError(error)}`);
      }
      this.#waiting = this.#waiting.slice(batch.length);
      for (const { kept } of batch) kept(isKept);
      const followed = isKept ? batch.flatMap(({ record }) => (this.#followed.has(record.oid) ? record : [])) : [];
      if (followed.length > 0) this.#options.onKept?.(followed);
    }
    this.#isWriting = false;
  }
}

function answer(pdu: Pdu): Pdu {
  return { ...empty(pdu), varbinds: pdu.varbinds };
}

function keysOf({ auth, priv }: SnmpUser["spec"], engineId: Uint8Array): LocalKeys {
  const { protocol, password } = auth;
  const local = (text: string): Buffer => localizeKey(protocol, text, engineId);
  return { protocol, auth: local(password.value), ...(priv !== undefined && { priv: local(priv.password.value) }) };
}

/** Who sends an inform again gives it the same request id; what it says tells apart those who count from the same number after a restart. */
function keyOf(
  { version, by, address }: { readonly version: string; readonly by: string; readonly address: string },
  { requestId, varbinds }: Pdu,
): string {
  const said = JSON.stringify(varbinds, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
  return createHash("sha256").update(`${version} ${by} ${address} ${requestId} ${said}`).digest("base64url").slice(0, 22);
}
