import type { Clock } from "#/base/index.ts";
import { type Answer, type Reading, rowText } from "./answer.ts";
import type { Consumer, Followed } from "./followed.ts";
import type { Seen } from "./protocol.ts";
import type { Silence } from "./source.ts";

/** A row that a view computes. */
export interface DerivedRow {
  readonly key: string;
  readonly row: object;
  readonly seen?: Seen | undefined;
}

/** Two rows under one key would be one to a client: the second gets a key of its own. */
function withOwnKeys(rows: readonly DerivedRow[]): readonly DerivedRow[] {
  const counts = new Map<string, number>();
  return rows.map((row) => {
    const count = (counts.get(row.key) ?? 0) + 1;
    counts.set(row.key, count);
    return count === 1 ? row : { ...row, key: `${row.key} #${count}` };
  });
}

export interface DerivedOptions {
  readonly followed: readonly Followed<unknown>[];
  /** All rows, from what the sources hold now. */
  readonly compute: () => readonly DerivedRow[];
  /** Absent: all are told. */
  readonly window?: { readonly offset: number; readonly limit: number };
  readonly clock: Clock;
  readonly onClose?: () => void;
}

/** It is computed anew at most so often as that it takes one part of so many of the time. */
const REST_PARTS = 20;
/** What depends on the time alone is looked at so often. */
const LOOK_MS = 10_000;
const ROWS_MAX = 5_000;

/** A view that is computed as a whole from several sources, when one of them has changed. */
export class DerivedAnswer implements Answer, Consumer {
  readonly #options: DerivedOptions;
  #isStale = true;
  #nextMs = Number.NEGATIVE_INFINITY;
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(options: DerivedOptions) {
    this.#options = options;
    for (const { consumers } of options.followed) consumers.add(this);
  }

  get isChanged(): boolean {
    const nowMs = this.#options.clock.monotonic();
    return (this.#isStale && nowMs >= this.#nextMs) || nowMs - this.#readMs >= LOOK_MS;
  }

  get silence(): Silence | undefined {
    return this.#options.followed.find(({ source }) => source.silence !== undefined)?.source.silence;
  }

  apply(): void {
    this.#isStale = true;
  }

  read(): Reading {
    const { clock, compute, window: { offset, limit } = { offset: 0, limit: ROWS_MAX } } = this.#options;
    const startMs = clock.monotonic();
    this.#isStale = false;
    this.#readMs = startMs;
    const rows = withOwnKeys(compute());
    const endMs = clock.monotonic();
    this.#nextMs = endMs + (endMs - startMs) * REST_PARTS;
    return {
      total: rows.length,
      offset,
      rows: rows.slice(offset, offset + limit).map(({ key, row, seen }) => ({ key, text: rowText(JSON.stringify(row), seen) })),
    };
  }

  close(): void {
    for (const { consumers } of this.#options.followed) consumers.delete(this);
    this.#options.onClose?.();
  }
}
