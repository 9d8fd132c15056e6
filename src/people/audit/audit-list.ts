import { setImmediate as turn } from "node:timers/promises";
import { type ReadLine, readHead, readLine, splitLines } from "./chain/index.ts";
import { headFile, linesOfReserve, listSegments, readIfThere, reserveFile } from "./chain-folder.ts";
import type { AuditEntry, AuditPage, AuditProblem, AuditQuery, Outcome } from "./contract.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
/** Bytes that one page looks through: what is further back is the next page's. */
const LOOKED_BYTES_MAX = 16 * 1024 * 1024;
/** Lines between two turns of the thread. */
const LINES_A_TURN = 500;
/** An outcome stands at most so many entries behind its intent, or it is looked for in vain. */
const OUTCOME_ENTRIES_MAX = 5_000;
/** That one page tells. */
const PROBLEMS_MAX = 1_000;

/** Looks backwards through the chain of a folder, and tells where it is not what was written. `reserved`: lines that are not in its files yet; default as its reserve has them. */
export async function listEntries(folder: string, query: AuditQuery, reserved?: Buffer): Promise<AuditPage> {
  const limit = Math.min(Math.max(1, query.limit ?? LIMIT_DEFAULT), LIMIT_MAX);
  const { before = Number.MAX_SAFE_INTEGER, after = 0 } = query;
  const matches = matcher(query);
  const outcomes = new Map<number, Outcome>();
  const items: AuditEntry[] = [];
  const links = new LinksBackwards(query.before === undefined ? await signedTo(folder) : 0);
  let looked = 0;
  let lowest = before;
  const page = (next?: number): AuditPage => {
    const from = next ?? after + 1;
    const problems = links.problems.filter(({ seq }) => seq >= from && seq < before).slice(0, PROBLEMS_MAX);
    return { items, problems, ...(next !== undefined && { continue: next }) };
  };
  for await (const { content, isReserve } of contents(folder, reserved, before + OUTCOME_ENTRIES_MAX)) {
    const lines = [...splitLines(content)].slice(0, -1).reverse();
    for (const [index, bytes] of lines.entries()) {
      if (index % LINES_A_TURN === LINES_A_TURN - 1) await turn();
      looked += bytes.length;
      const line = readLine(bytes);
      if (!isReserve) links.take(line);
      const entry = line?.entry;
      if (entry === undefined || entry.seq >= before + OUTCOME_ENTRIES_MAX) continue;
      if (entry.seq <= after) return page();
      if (entry.is === "outcome" && entry.of !== undefined && entry.outcome !== undefined) outcomes.set(entry.of, entry.outcome);
      if (entry.seq >= lowest) continue;
      lowest = entry.seq;
      const whole = withOutcome(entry, outcomes);
      if (whole !== undefined && matches(whole, bytes)) items.push(whole);
      const isFull = items.length >= limit || looked > LOOKED_BYTES_MAX;
      if (isFull && entry.seq > Math.max(1, after + 1)) return page(entry.seq);
    }
  }
  links.end();
  return page();
}

/** Follows the links of a chain from its end backwards. What it finds is named by the sequence at whose place it stands. */
class LinksBackwards {
  readonly #problems: AuditProblem[] = [];
  /** The line after the present one. */
  #next: ReadLine | undefined;
  /** Lines between `#next` and the present one that are not what was written. */
  #changed = 0;
  readonly #signedTo: number;

  /** `signedTo`: so far it goes at least. */
  constructor(signedTo: number) {
    this.#signedTo = signedTo;
  }

  /** Newest first. */
  get problems(): readonly AuditProblem[] {
    return this.#problems;
  }

  take(line: ReadLine | undefined): void {
    if (line === undefined) {
      this.#changed += 1;
      return;
    }
    const { seq } = line.entry;
    const next = this.#next;
    this.#tell(seq, next?.entry.seq);
    if (next !== undefined && next.entry.seq <= seq)
      // At a place that the next page has, if this one ends between the two.
      this.#problem(Math.max(1, next.entry.seq - 1), `entry ${next.entry.seq} stands after entry ${seq}: it was moved or put in`);
    else if (next?.entry.seq === seq + 1 && next.prev !== line.hash)
      this.#problem(seq, `entry ${seq} is not the one that entry ${seq + 1} was written after: one of them was replaced`);
    this.#next = line;
  }

  /** No line stands before the last one that was taken. */
  end(): void {
    const first = this.#next?.entry.seq;
    this.#tell(first === undefined ? 0 : Math.max(0, first - 1 - this.#changed), first);
  }

  /** What lies between the entries `seq` and `next`; without `next`, behind the last one that can be read. */
  #tell(seq: number, next: number | undefined): void {
    const changed = this.#changed;
    this.#changed = 0;
    const room = next === undefined ? Math.max(changed, this.#signedTo - seq) : Math.max(0, next - seq - 1);
    const missing = room - changed;
    if (missing > 0) {
      const where = next === undefined ? `at the end: the chain was signed up to entry ${this.#signedTo}` : `before entry ${next}`;
      this.#problem(seq + room, `${missing === 1 ? "an entry is" : `${missing} entries are`} missing ${where}`);
    }
    for (let one = Math.min(changed, room); one > 0; one--) {
      const place = seq + one;
      this.#problem(place, `entry ${place} is not what was written: its hash is not that of its bytes`);
    }
    if (changed > room)
      this.#problem(Math.max(1, seq), `${seq === 0 ? "before the first entry" : `behind entry ${seq}`} stands what is no entry: it was put in`);
  }

  #problem(seq: number, message: string): void {
    this.#problems.push({ seq, message });
  }
}

/** As the newest head says. Read before the entries are. */
async function signedTo(folder: string): Promise<number> {
  const newest = (await listSegments(folder)).at(-1);
  const note = newest === undefined ? undefined : await readIfThere(headFile(newest.file));
  return (note === undefined ? undefined : readHead(note.toString("utf8"), []))?.head.seq ?? 0;
}

/** From the newest backwards: what is only in the reserve, then the files, as far as they may hold entries before `before`. */
async function* contents(
  folder: string,
  reserved: Buffer | undefined,
  before: number,
): AsyncGenerator<{ readonly content: Buffer; readonly isReserve: boolean }, void, undefined> {
  const kept = reserved ?? linesOfReserve((await readIfThere(reserveFile(folder))) ?? Buffer.alloc(0));
  if (kept.length > 0) yield { content: kept, isReserve: true };
  const segments = await listSegments(folder);
  for (const { first, file } of segments.toReversed())
    if (first < before) yield { content: (await readIfThere(file)) ?? Buffer.alloc(0), isReserve: false };
}

/** An intent with what came of it; `undefined` for an outcome, which stands with its intent. */
function withOutcome(entry: AuditEntry, outcomes: Map<number, Outcome>): AuditEntry | undefined {
  if (entry.is === "outcome") return undefined;
  const outcome = outcomes.get(entry.seq);
  return outcome === undefined ? entry : { ...entry, outcome };
}

function matcher(query: AuditQuery): (entry: AuditEntry, bytes: Buffer) => boolean {
  const { user, action, object, since, until, text, isVisible } = query;
  const wanted = text?.toLowerCase();
  const [kind, name] = object?.includes("/") === true ? object.split("/", 2) : [undefined, undefined];
  const isObject = (entry: AuditEntry): boolean => {
    const { object: of } = entry;
    if (of === undefined) return false;
    if (kind !== undefined) return of.kind.toLowerCase() === kind.toLowerCase() && of.name === name;
    return of.name === object || of.kind.toLowerCase() === object?.toLowerCase();
  };
  return (entry, bytes) =>
    (user === undefined || entry.who?.name === user) &&
    (action === undefined || entry.action === action) &&
    (object === undefined || isObject(entry)) &&
    (since === undefined || entry.at >= since) &&
    (until === undefined || entry.at < until) &&
    (wanted === undefined || textOf(bytes).includes(wanted)) &&
    (isVisible === undefined || isVisible(entry));
}

/** What an entry says, without hashes. */
function textOf(bytes: Buffer): string {
  return bytes.toString("utf8", Math.max(0, bytes.indexOf('"at":'))).toLowerCase();
}
