import { setImmediate as turn } from "node:timers/promises";
import { readLine, splitLines } from "./chain/index.ts";
import { listSegments, readIfThere } from "./chain-folder.ts";
import type { AuditEntry, AuditPage, AuditQuery, Outcome } from "./contract.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
/** Bytes that one page looks through: what is further back is the next page's. */
const LOOKED_BYTES_MAX = 16 * 1024 * 1024;
/** Lines between two turns of the thread. */
const LINES_A_TURN = 500;
/** An outcome stands at most so many entries behind its intent, or it is looked for in vain. */
const OUTCOME_ENTRIES_MAX = 5_000;

/** Looks backwards through the chain of a folder. `reserved`: lines that are not in its files yet. */
export async function listEntries(folder: string, query: AuditQuery, reserved: Buffer = Buffer.alloc(0)): Promise<AuditPage> {
  const limit = Math.min(Math.max(1, query.limit ?? LIMIT_DEFAULT), LIMIT_MAX);
  const { before = Number.MAX_SAFE_INTEGER, after = 0 } = query;
  const matches = matcher(query);
  const outcomes = new Map<number, Outcome>();
  const items: AuditEntry[] = [];
  let looked = 0;
  let lowest = before;
  for await (const content of contents(folder, reserved, before + OUTCOME_ENTRIES_MAX)) {
    const lines = [...splitLines(content)].slice(0, -1).reverse();
    for (const [index, bytes] of lines.entries()) {
      if (index % LINES_A_TURN === LINES_A_TURN - 1) await turn();
      looked += bytes.length;
      const entry = readLine(bytes)?.entry;
      if (entry === undefined || entry.seq >= before + OUTCOME_ENTRIES_MAX) continue;
      if (entry.seq <= after) return { items };
      if (entry.is === "outcome" && entry.of !== undefined && entry.outcome !== undefined) outcomes.set(entry.of, entry.outcome);
      if (entry.seq >= lowest) continue;
      lowest = entry.seq;
      const whole = withOutcome(entry, outcomes);
      if (whole !== undefined && matches(whole, bytes)) items.push(whole);
      if (items.length >= limit || looked > LOOKED_BYTES_MAX) return entry.seq <= Math.max(1, after + 1) ? { items } : { items, continue: entry.seq };
    }
  }
  return { items };
}

/** From the newest backwards: what is only in the reserve, then the files, as far as they may hold entries before `before`. */
async function* contents(folder: string, reserved: Buffer, before: number): AsyncGenerator<Buffer, void, undefined> {
  if (reserved.length > 0) yield reserved;
  const segments = await listSegments(folder);
  for (const { first, file } of segments.toReversed()) if (first < before) yield (await readIfThere(file)) ?? Buffer.alloc(0);
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
