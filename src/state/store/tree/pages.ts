import type { Clock } from "#/base/index.ts";
import type { Kind, StoredObject } from "#/model/index.ts";
import type { ListOptions, ObjectList } from "../contract.ts";
import { parseSelection } from "../selector.ts";
import { gone, invalid } from "../store-error.ts";
import type { Memories } from "./memories.ts";
import { idOf, type KindMemory } from "./memory.ts";

const KEPT_MS = 5 * 60_000;
const KEPT_MAX = 64;

interface Token {
  readonly version: number;
  /** Id of the last object given. */
  readonly after: string;
}

/** Lists, whole or page by page. Pages of one list come from one reading, which is kept for five minutes if it changes meanwhile. */
export class Pages {
  readonly #memories: Memories;
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly items: readonly StoredObject[]; readonly untilMs: number }>();

  constructor(memories: Memories, clock: Clock) {
    this.#memories = memories;
    this.#clock = clock;
  }

  /** @throws store/gone: the page's reading is no longer kept; store/invalid: a selector, limit or token cannot be read */
  list(kind: Kind, options: ListOptions): ObjectList<StoredObject> {
    const { limit } = options;
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0))
      throw invalid("the list", [{ field: "limit", message: `found ${limit}; allowed: a whole number from 0, where 0 means all` }]);
    const selector = parseSelection(kind, options);
    const token = options.continue === undefined || options.continue === "" ? undefined : parseToken(options.continue);
    const memory = this.#memories.of(kind);
    const version = token?.version ?? this.#memories.version;
    const items = token === undefined ? memory.items() : this.#reading(kind, memory, token.version);
    const start = token === undefined ? 0 : positionAfter(items, token.after);
    const resourceVersion = String(version);
    if (limit === undefined || limit === 0) {
      const rest = start === 0 ? items : items.slice(start);
      return { items: selector === undefined ? rest : rest.filter(selector), resourceVersion };
    }
    const page: StoredObject[] = [];
    let index = start;
    for (; index < items.length && page.length < limit; index++) {
      const item = items[index];
      if (item !== undefined && (selector === undefined || selector(item))) page.push(item);
    }
    const hasMore = selector === undefined ? index < items.length : items.slice(index).some(selector);
    const last = page.at(-1);
    if (!hasMore || last === undefined) return { items: page, resourceVersion };
    this.#keep(kind, version, items);
    const next = formatToken({ version, after: idOf(last.metadata) });
    return { items: page, resourceVersion, continue: next, ...(selector === undefined && { remainingItemCount: items.length - index }) };
  }

  #reading(kind: Kind, memory: KindMemory, version: number): readonly StoredObject[] {
    const kept = this.#kept.get(`${kind.plural}@${version}`);
    if (kept !== undefined && kept.untilMs > this.#clock.now()) return kept.items;
    if (memory.changedVersion <= version && version <= this.#memories.version) return memory.items();
    throw gone("the rest of this list is no longer kept");
  }

  #keep(kind: Kind, version: number, items: readonly StoredObject[]): void {
    const nowMs = this.#clock.now();
    const name = `${kind.plural}@${version}`;
    this.#kept.delete(name);
    this.#kept.set(name, { items, untilMs: nowMs + KEPT_MS });
    for (const [key, { untilMs }] of this.#kept) {
      if (untilMs > nowMs && this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(key);
    }
  }
}

function positionAfter(items: readonly StoredObject[], id: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && idOf(item.metadata) <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function formatToken({ version, after }: Token): string {
  return Buffer.from(JSON.stringify([version, after])).toString("base64url");
}

function parseToken(text: string): Token {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (Array.isArray(token) && token.length === 2 && Number.isSafeInteger(token[0]) && typeof token[1] === "string")
      return { version: Number(token[0]), after: token[1] };
  } catch {
    // Said below.
  }
  throw invalid("the list", [{ field: "continue", message: "cannot be read; give the token of the former page as it came, or none" }]);
}
