import type { AuditEntry } from "../contract.ts";
import { type Head, type ReadHead, readHead } from "./head.ts";
import { claimedHash, type EntryHash, NOTHING_BEFORE, type ReadLine, readLine, splitLines } from "./line.ts";

/** A file of the chain, or a part of an export. */
export interface Segment {
  /** For messages. */
  readonly name: string;
  readonly bytes: Buffer;
  /** The signed note of its last head, if there is one. */
  readonly head?: string;
  /** More may still be written to it: a last line that is not whole is no fault. */
  readonly isOpen?: boolean;
  /** Written while the disk was full, and perhaps put into its place since: entries that were there already are passed over. */
  readonly isReserve?: boolean;
}

/** A head that somebody beside the centre has kept. */
export interface WitnessedHead {
  readonly by: string;
  readonly note: string;
  readonly key: string;
}

export interface Problem {
  /** The entry that it is about, the first of them if there are several. */
  readonly seq: number;
  readonly what:
    | "changed"
    | "missing"
    | "out-of-order"
    | "unlinked"
    | "truncated"
    | "unsigned"
    | "head-forged"
    | "head-differs"
    | "witness-differs"
    | "key-differs"
    | "beginning-missing";
  readonly message: string;
}

export interface Report {
  /** Id of the chain. */
  readonly origin: string | undefined;
  readonly entries: number;
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** Empty: nothing was changed, removed or reordered, as far as heads and witnesses tell. At most 1,000. */
  readonly problems: readonly Problem[];
  /** How many problems there are in all. */
  readonly problemCount: number;
  /** Up to this sequence the centre's own key has signed. 0: nothing. */
  readonly signedTo: number;
  /** Up to this sequence somebody else has seen it; what comes after proves nothing against who has the centre's key. 0: nothing. */
  readonly witnessedTo: number;
  readonly witnesses: readonly string[];
  /** Intents of former runs of the centre that have no outcome: nobody knows what came of them. At most 1,000. */
  readonly unfinished: readonly number[];
  /** Intents of the present run that have none yet. */
  readonly underWay: number;
  /** What is no fault and should be known: a clock that was set back, a torn end that was mended. At most 100. */
  readonly notes: readonly string[];
}

export interface VerifyOptions {
  readonly witnesses?: readonly WitnessedHead[];
  /** True for a part that does not begin with the first entry: an export. */
  readonly isPart?: boolean;
}

const PROBLEMS_MAX = 1_000;
const UNFINISHED_MAX = 1_000;
const NOTES_MAX = 100;
/** A clock is mended by less all the time. */
const SET_BACK_MS = 1_000;

/** Verifies a chain, given as its files in their order. */
export function verify(segments: Iterable<Segment>, options: VerifyOptions = {}): Report {
  const check = new ChainCheck(options);
  for (const segment of segments) check.add(segment);
  return check.report();
}

/** Verifies a chain file by file, so that a long one need not be in memory. Pure: the same bytes give the same report. */
export class ChainCheck {
  readonly #isPart: boolean;
  readonly #problems: Problem[] = [];
  #problemCount = 0;
  readonly #notes: string[] = [];
  /** Which hash a head says that an entry has. */
  readonly #expected = new Map<number, { readonly hash: EntryHash; readonly by: string; readonly origin: string }[]>();
  readonly #witnesses: { readonly by: string; readonly head: Head; readonly key: string; isSeen: boolean }[] = [];
  readonly #keys = new Set<string>();
  readonly #open = new Set<number>();
  readonly #unfinished: number[] = [];
  readonly #pruned: { readonly to: number; readonly hash: string }[] = [];
  #origin: string | undefined;
  #entries = 0;
  #first: { readonly seq: number; readonly prev: EntryHash } | undefined;
  #lastSeq = 0;
  #lastHash: EntryHash | undefined;
  #atMs = Number.NEGATIVE_INFINITY;
  #signedTo = 0;

  constructor({ witnesses = [], isPart = false }: VerifyOptions = {}) {
    this.#isPart = isPart;
    for (const { by, note, key } of witnesses) {
      const read = readHead(note, [key]);
      if (read?.isSigned !== true) continue;
      this.#witnesses.push({ by, head: read.head, key, isSeen: false });
      const { origin, seq, hash } = read.head;
      const known = this.#expected.get(seq);
      if (known === undefined) this.#expected.set(seq, [{ hash, by, origin }]);
      else known.push({ hash, by, origin });
    }
  }

  add({ name, bytes, head, isOpen = false, isReserve = false }: Segment): void {
    const read = head === undefined ? undefined : readHead(head, []);
    let atHead: EntryHash | undefined;
    const seen = (line: ReadLine): void => {
      if (line.entry.seq === read?.head.seq) atHead = line.hash;
    };
    const lines = [...splitLines(bytes)];
    const rest = lines.pop();
    for (const line of lines) this.#line(line, isReserve, seen);
    if (rest !== undefined && rest.length > 0) {
      if (isOpen) this.#note(`${name} ends within a line, after entry ${this.#lastSeq}: it is being written, or its writer was killed`);
      else this.#line(rest, isReserve, seen);
    }
    if (head === undefined) {
      if (!isOpen && !isReserve && bytes.length > 0) this.#problem(this.#lastSeq, "unsigned", `${name} is closed, and no signed head of it is here`);
      return;
    }
    this.#head(name, head, read, atHead);
  }

  report(): Report {
    this.#checkBeginning();
    this.#checkOthers();
    for (const { by, head } of this.#witnesses)
      if (this.#isOwn(head) && head.seq > this.#lastSeq)
        this.#problem(this.#lastSeq + 1, "truncated", `${by} has seen entry ${head.seq} at ${head.at}, and the chain ends at ${this.#lastSeq}`);
    const witnessed = this.#witnesses.filter(({ isSeen }) => isSeen);
    return {
      origin: this.#origin,
      entries: this.#entries,
      first: this.#first?.seq,
      last: this.#first === undefined ? undefined : this.#lastSeq,
      problems: this.#problems.toSorted((a, b) => a.seq - b.seq),
      problemCount: this.#problemCount,
      signedTo: this.#signedTo,
      witnessedTo: Math.max(0, ...witnessed.map(({ head }) => head.seq)),
      witnesses: [...new Set(witnessed.map(({ by }) => by))].sort(),
      unfinished: this.#unfinished,
      underWay: this.#open.size,
      notes: this.#notes,
    };
  }

  #line(bytes: Buffer, isReserve: boolean, seen: (line: ReadLine) => void): void {
    const line = readLine(bytes);
    const expected = this.#lastSeq + 1;
    if (line === undefined) {
      if (isReserve) return;
      this.#problem(expected, "changed", `entry ${expected} is not what was written: its hash is not that of its bytes`);
      // Those after it are linked to what it was.
      if (this.#first !== undefined || !this.#isPart) {
        this.#lastSeq = expected;
        this.#lastHash = claimedHash(bytes);
      }
      return;
    }
    const { entry, prev, hash } = line;
    const { seq } = entry;
    if (isReserve && seq <= this.#lastSeq) return;
    this.#entries += 1;
    if (entry.is === "chain" && typeof entry.detail?.["origin"] === "string") this.#origin ??= entry.detail["origin"];
    this.#checkHash(seq, hash);
    seen(line);
    if (this.#first === undefined && (this.#isPart || this.#lastSeq === 0)) {
      this.#first = { seq, prev };
    } else if (seq < expected) {
      this.#problem(seq, "out-of-order", `entry ${seq} stands after entry ${this.#lastSeq}: it was moved or put in`);
      return;
    } else if (seq > expected) {
      const which = seq === expected + 1 ? `entry ${expected} is` : `entries ${expected} to ${seq - 1} are`;
      this.#problem(expected, "missing", `${which} missing`);
    } else if (this.#lastHash !== undefined && prev !== this.#lastHash) {
      this.#problem(this.#lastSeq, "unlinked", `entry ${this.#lastSeq} is not the one that entry ${seq} was written after: one of them was replaced`);
    }
    this.#lastSeq = seq;
    this.#lastHash = hash;
    this.#entry(entry);
  }

  #checkHash(seq: number, hash: EntryHash): void {
    for (const known of this.#expected.get(seq) ?? []) {
      if (!this.#isOwn(known)) continue;
      if (known.hash !== hash) {
        this.#problem(seq, "witness-differs", `entry ${seq} is another one than ${known.by} has seen: it, or entries before it, were written anew`);
        continue;
      }
      for (const one of this.#witnesses) if (this.#isOwn(one.head) && one.head.seq === seq && one.head.hash === hash) one.isSeen = true;
    }
  }

  #entry(entry: AuditEntry): void {
    const { seq, is, of, action, detail = {} } = entry;
    this.#checkTime(entry);
    if (is === "intent") this.#open.add(seq);
    else if (is === "outcome" && of !== undefined) this.#open.delete(of);
    else if (is === "chain") this.#own(seq, action ?? "", detail);
  }

  /** What the audit says of itself. */
  #own(seq: number, action: string, detail: NonNullable<AuditEntry["detail"]>): void {
    if (typeof detail["key"] === "string") this.#keys.add(detail["key"]);
    if (typeof detail["origin"] === "string") this.#origin ??= detail["origin"];
    if (action === "chain.prune") this.#pruned.push({ to: Number(detail["to"]), hash: String(detail["hash"]) });
    if (action === "chain.start") {
      for (const one of this.#open) if (this.#unfinished.length < UNFINISHED_MAX) this.#unfinished.push(one);
      this.#open.clear();
    }
    const told = NOTED[action];
    if (told !== undefined) this.#note(`entry ${seq}: ${told} (${describe(detail)})`);
  }

  #checkTime({ seq, at }: AuditEntry): void {
    const atMs = Date.parse(at);
    if (this.#atMs - atMs > SET_BACK_MS)
      this.#note(`entry ${seq} is of ${at}, earlier by ${Math.round((this.#atMs - atMs) / 1000)} s than the one before: the clock was set back`);
    this.#atMs = atMs;
  }

  /** Whether it is of this chain, as far as that is known. */
  #isOwn({ origin }: { readonly origin: string }): boolean {
    return this.#origin === undefined || origin === this.#origin;
  }

  /** Keys that witnesses of this chain have been shown. */
  get #trusted(): readonly string[] {
    return [...new Set(this.#witnesses.filter(({ head }) => this.#isOwn(head)).map(({ key }) => key))];
  }

  /** Another chain that a witness has seen: of another centre, if it went on after this one had been seen; else nobody can tell it from this one before it was begun anew. */
  #checkOthers(): void {
    for (const by of new Set(this.#witnesses.map((one) => one.by))) {
      const its = this.#witnesses.filter((one) => one.by === by).map(({ head }) => head);
      for (const origin of new Set(its.filter((head) => !this.#isOwn(head)).map((head) => head.origin))) {
        const last = its.findLast((head) => head.origin === origin);
        const firstOwn = its.findIndex((head) => this.#isOwn(head));
        const isBeside = firstOwn >= 0 && its.findLastIndex((head) => head.origin === origin) > firstOwn;
        const what = `${by} has seen another audit, ${origin}, up to entry ${last?.seq} at ${last?.at}`;
        if (isBeside) this.#note(`${what}, beside this one: it must be another centre's`);
        else
          this.#problem(
            1,
            "witness-differs",
            `${what}, and ${firstOwn < 0 ? "not this one" : "this one after it alone"}: this one was begun anew, or that is another centre's`,
          );
      }
    }
  }

  #head(name: string, note: string, read: ReadHead | undefined, atHead: EntryHash | undefined): void {
    if (read === undefined) return this.#problem(this.#lastSeq, "head-forged", `the head of ${name} cannot be read as a signed note`);
    const { head } = read;
    this.#origin ??= head.origin;
    const isOwn = head.origin === this.#origin;
    const isSigned = readHead(note, [...this.#keys, ...this.#trusted])?.isSigned === true;
    // Where the entry that names the key is not here, the head still tells how far the chain went.
    const isKeyless = this.#keys.size === 0 && this.#trusted.length === 0 && (this.#isPart || this.#entries === 0);
    if (!isOwn || (!isSigned && !isKeyless))
      return this.#problem(head.seq, "head-forged", `the head of ${name}, at entry ${head.seq}, is not signed by a key of this chain`);
    if (this.#trusted.length > 0 && readHead(note, this.#trusted)?.isSigned !== true)
      this.#problem(head.seq, "key-differs", `the head at entry ${head.seq} is signed with a key that no witness has ever been shown`);
    if (atHead === undefined) {
      if (head.seq > this.#lastSeq)
        this.#problem(
          this.#lastSeq + 1,
          "truncated",
          `the chain was signed up to entry ${head.seq} at ${head.at}, and ${name} ends at ${this.#lastSeq}`,
        );
      else this.#problem(head.seq, "head-differs", `entry ${head.seq}, which was signed at ${head.at}, is not in ${name}`);
    } else if (atHead !== head.hash) {
      this.#problem(head.seq, "head-differs", `entry ${head.seq} is another one than was signed at ${head.at}`);
    } else this.#signedTo = Math.max(this.#signedTo, head.seq);
  }

  #checkBeginning(): void {
    if (this.#first === undefined || this.#isPart) return;
    const { seq, prev } = this.#first;
    if (seq === 1) {
      if (prev !== NOTHING_BEFORE) this.#problem(1, "unlinked", "entry 1 was written after another one, which is not here");
      return;
    }
    if (this.#pruned.some(({ to, hash }) => to === seq - 1 && hash === prev)) return;
    this.#problem(1, "beginning-missing", `entries 1 to ${seq - 1} are missing, and no entry says that they were exported and removed`);
  }

  #problem(seq: number, what: Problem["what"], message: string): void {
    this.#problemCount += 1;
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ seq, what, message });
  }

  #note(text: string): void {
    if (this.#notes.length < NOTES_MAX) this.#notes.push(text);
  }
}

const NOTED: Readonly<Record<string, string>> = {
  "chain.torn": "the end of the file was torn and was put aside",
  "chain.damaged": "the file was changed under the centre, which went on in a new one",
  "chain.removed": "the file was removed while it was open, and put back",
  "chain.lost": "entries could not be written",
  "chain.key": "another key signs from here on",
  "chain.prune": "entries were removed after they had been exported",
};

function describe(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(", ");
}
