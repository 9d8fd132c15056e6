import { type Clock, describeError, type Log, OrreryError, type Random } from "#/base/index.ts";
import { listEntries } from "./audit-list.ts";
import { changeOf, originOf, publicKeyOf, readHead, readLine, redactText, redactValue, splitLines } from "./chain/index.ts";
import { headFile, listSegments, readIfThere } from "./chain-folder.ts";
import { ChainWriter, type NewEntry } from "./chain-writer.ts";
import type {
  Actor,
  Audit,
  AuditFacts,
  AuditObject,
  AuditPage,
  AuditQuery,
  AuditState,
  BeginOptions,
  OpenEntry,
  Outcome,
  SignedHead,
} from "./contract.ts";
import { hashOf } from "./entry-hash.ts";
import { exportChain } from "./export.ts";
import { HeadKeeper } from "./head-keeper.ts";
import { Repeats } from "./repeats.ts";
import { type Keep, retain } from "./retention.ts";

/** Of all files of the chain; `spec.audit.bytes` of the Site. */
export const AUDIT_BYTES_DEFAULT = 1024 * 1024 * 1024;
const WORD_CHARACTERS_MAX = 300;
const DETAILS_MAX = 20;

export interface AuditOptions {
  /** `auditFolder(data)`. */
  readonly folder: string;
  /** PEM, as `ensureSigningKey` gives it. */
  readonly key: string;
  /** Told with the first entry, and with each start. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default `AUDIT_BYTES_DEFAULT`. */
  readonly bytesMax?: () => number;
  readonly segmentBytes?: number;
  /** Told of each signed head. */
  readonly onHead?: (head: SignedHead) => void;
}

/** An audit that is written to. */
export interface OpenAudit extends Audit {
  /** Signs how far the chain goes, now. */
  sign(): Promise<SignedHead | undefined>;
  /** A person must look after it: told in the chain, and an alarm until the next start. */
  warn(action: `chain.${string}`, text: string, detail: Readonly<Record<string, string | number | boolean>>): void;
  /** Exports and removes what is over. What is over and stays is an alarm until it does no longer. */
  retain(keep: Keep | undefined): Promise<void>;
  /** Tells what was counted, writes what waits, signs, and ends. Again: the same. */
  close(): Promise<void>;
}

/** Opens the audit of a data folder for writing, or begins it. One at a time: the caller holds the data folder.
 *  @throws audit/unreadable: the folder is there and may not be read */
export async function openAudit(options: AuditOptions): Promise<OpenAudit> {
  const { folder, key, facts, clock, random, log } = options;
  const origin = await findOrigin(folder);
  const chain = origin ?? originOf(random.uuid());
  const keeper = new HeadKeeper({ origin: chain, key, clock, log, onHead: (head) => options.onHead?.(head) });
  const { writer, isNew } = await ChainWriter.open({
    folder,
    clock,
    random,
    log,
    bytesMax: options.bytesMax ?? (() => AUDIT_BYTES_DEFAULT),
    ...(options.segmentBytes !== undefined && { segmentBytes: options.segmentBytes }),
    fileWords: { action: "chain.file", detail: { origin: chain, key: publicKeyOf(chain, key) } },
    onClosed: (position) => keeper.sign(position),
  });
  const publicKey = publicKeyOf(chain, key);
  const detail = { origin: chain, key: publicKey, ...facts };
  if (isNew) await writer.tell({ action: "chain.begin", detail });
  await writer.tell({ action: "chain.start", detail });
  await keeper.signNow(writer, { always: true });
  keeper.watch(writer);
  return new FolderAudit({ ...options, writer, keeper });
}

class FolderAudit implements OpenAudit {
  readonly #options: AuditOptions;
  readonly #writer: ChainWriter;
  readonly #keeper: HeadKeeper;
  readonly #repeats: Repeats;
  #closed: Promise<void> | undefined;
  #time = { ms: Number.NaN, text: "" };
  readonly #warnings = new Set<string>();
  /** Why something stays that is over. */
  #over: string | undefined;

  constructor({ writer, keeper, ...options }: AuditOptions & { readonly writer: ChainWriter; readonly keeper: HeadKeeper }) {
    this.#options = options;
    this.#writer = writer;
    this.#keeper = keeper;
    this.#repeats = new Repeats(options.clock, (facts, outcome) => this.#keep(facts, outcome));
  }

  async begin(facts: AuditFacts, { isUrgent = false }: BeginOptions = {}): Promise<OpenEntry> {
    const seq = await this.#writer.append(this.#entryOf("intent", facts), { isUrgent, isDurable: true });
    let isOpen = true;
    return {
      seq,
      end: (outcome) => {
        if (isOpen) this.#end(seq, outcome);
        isOpen = false;
      },
    };
  }

  record(facts: AuditFacts, outcome: Outcome): void {
    this.#repeats.take(facts, outcome);
  }

  async list(query: AuditQuery): Promise<AuditPage> {
    await this.#writer.flush();
    return await listEntries(this.#options.folder, query, this.#writer.reserved);
  }

  state(): AuditState {
    const writer = this.#writer;
    const { bytesMax = () => AUDIT_BYTES_DEFAULT } = this.#options;
    return {
      seq: writer.seq,
      head: this.#keeper.head,
      bytes: writer.bytes,
      bytesMax: bytesMax(),
      alarms: [...writer.alarms, ...this.#warnings, ...(this.#over === undefined ? [] : [this.#over])],
      isWritable: writer.isWritable,
      lost: writer.lost,
    };
  }

  async sign(): Promise<SignedHead | undefined> {
    await this.#keeper.signNow(this.#writer);
    return this.#keeper.head;
  }

  async *export(): AsyncGenerator<Buffer, void, undefined> {
    await this.sign();
    yield* exportChain(this.#options.folder);
  }

  async prune(who: Actor, { to, hash }: { readonly to: number; readonly hash: string }): Promise<number | undefined> {
    const closed = await this.#writer.closedUpTo(to);
    const last = closed.at(-1);
    if (last === undefined) return undefined;
    const note = (await readIfThere(headFile(last.file)))?.toString("utf8") ?? "";
    const head = readHead(note, [])?.head;
    if (head === undefined || head.seq !== last.last)
      throw new OrreryError(
        "audit/not-exported",
        `the file that ends with entry ${last.last} has no signed head at its end; see: orrery audit verify`,
      );
    const isKnown = (await hashOf(this.#options.folder, to)) === hash;
    if (!isKnown)
      throw new OrreryError(
        "audit/not-exported",
        `entry ${to} has another hash than was given: what is removed must have been exported from this chain (orrery audit export FILE)`,
      );
    const entry: NewEntry = {
      at: this.#now(),
      is: "chain",
      who,
      action: "chain.prune",
      detail: { to: head.seq, hash: head.hash },
    };
    await this.#writer.append(entry, { isUrgent: true, isDurable: true });
    this.#writer.remove(closed.map(({ file }) => file));
    return head.seq;
  }

  warn(action: `chain.${string}`, text: string, detail: Readonly<Record<string, string | number | boolean>>): void {
    if (this.#warnings.has(text) || this.#warnings.size >= 20) return;
    this.#warnings.add(text);
    this.#options.log.error(`audit: ${text}`);
    void this.#writer.tell({ action, detail });
  }

  async retain(keep: Keep | undefined): Promise<void> {
    const { folder, clock, log } = this.#options;
    const former = this.#over;
    try {
      this.#over =
        keep === undefined
          ? undefined
          : await retain({
              ...{ folder, keep, nowMs: clock.now(), closed: await this.#writer.closedUpTo(Number.MAX_SAFE_INTEGER), bytes: this.#writer.bytes },
              prune: (up) => this.prune({ name: "system:audit", via: "machine" }, up),
            });
    } catch (error) {
      this.#over = `what is over could not be looked at: ${describeError(error)}`;
    }
    if (this.#over !== undefined && this.#over !== former) log.warn(`audit: ${this.#over}`);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#repeats.tellCounted();
    this.#keeper.stop();
    await this.#writer.tell({ action: "chain.stop", detail: {} });
    await this.#keeper.signNow(this.#writer);
    await this.#writer.close();
  }

  #end(of: number, { code, message }: Outcome): void {
    const outcome: Outcome = { code, ...(message !== undefined && { message: redactText(message) }) };
    this.#writer.append({ at: this.#now(), is: "outcome", of, outcome }, { isUrgent: true, isDurable: false }).catch(() => this.#writer.lose());
  }

  #keep(facts: AuditFacts, { code, message }: Outcome): void {
    const outcome: Outcome = { code, ...(message !== undefined && { message: redactText(message) }) };
    this.#writer.append({ ...this.#entryOf("record", facts), outcome }, { isUrgent: false, isDurable: false }).catch(() => this.#writer.lose());
  }

  /** The one way by which facts become an entry: nothing comes in but through the redaction. */
  #entryOf(is: NewEntry["is"], { who, from, action, object, before, after, detail, reason, trace }: AuditFacts): NewEntry {
    const change = before === undefined && after === undefined ? undefined : changeOf(before, after);
    return {
      at: this.#now(),
      is,
      who: actorOf(who),
      ...(from !== undefined && { from: word(from) }),
      action: word(action),
      ...(object !== undefined && { object: objectOf(object) }),
      ...(change !== undefined && { change }),
      ...(detail !== undefined && { detail: detailOf(detail) }),
      ...(reason !== undefined && { reason: redactText(reason) }),
      ...(trace !== undefined && { trace: word(trace) }),
    };
  }

  /** Several entries are of one millisecond. */
  #now(): string {
    const nowMs = Math.floor(this.#options.clock.now());
    if (nowMs !== this.#time.ms) this.#time = { ms: nowMs, text: new Date(nowMs).toISOString() };
    return this.#time.text;
  }
}

function actorOf({ name, uid, via, credential }: Actor): Actor {
  return {
    name: word(name) || "system:unnamed",
    ...(uid !== undefined && { uid: word(uid) }),
    via,
    ...(credential !== undefined && { credential: word(credential) }),
  };
}

function objectOf({ kind, namespace, name, uid }: AuditObject): AuditObject {
  return {
    kind: word(kind),
    ...(namespace !== undefined && { namespace: word(namespace) }),
    name: word(name),
    ...(uid !== undefined && { uid: word(uid) }),
  };
}

function detailOf(detail: NonNullable<AuditFacts["detail"]>): NonNullable<AuditFacts["detail"]> {
  return Object.fromEntries(
    Object.entries(detail)
      .slice(0, DETAILS_MAX)
      .map(([key, value]) => [word(key), redactValue(value, key) as string | number | boolean]),
  );
}

function word(text: string): string {
  return redactText(text, WORD_CHARACTERS_MAX);
}

/** Which chain the folder holds, as its heads say, or its entries where there is no head. */
async function findOrigin(folder: string): Promise<string | undefined> {
  for (const { file } of (await listSegments(folder)).toReversed()) {
    const note = (await readIfThere(headFile(file)))?.toString("utf8");
    const head = note === undefined ? undefined : readHead(note, [])?.head;
    if (head !== undefined) return head.origin;
    for (const line of splitLines((await readIfThere(file)) ?? Buffer.alloc(0))) {
      const { is, detail } = readLine(line)?.entry ?? {};
      if (is === "chain" && typeof detail?.["origin"] === "string") return detail["origin"];
    }
  }
  return undefined;
}
