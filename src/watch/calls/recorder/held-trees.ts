import type { LineScan } from "../core/record.ts";

/** So long, and up to twice as long, a tree that is not in the share waits for an error or a slow call of its own, here or at another gateway, while there is room for it: inner calls of a slow request end long before it does. */
export const HOLD_MS: number = 5 * 60_000;
/** A trace that is wanted is wanted for calls that are still under way, so long and up to twice as long. */
const WANTED_MS = 5 * 60_000;
const WANTED_MAX = 20_000;
/** Of the chunks of which lines are held: a line keeps the text of its chunk. */
const HELD_BYTES_MAX = 16 * 1024 * 1024;
/** Told to others at one time. */
const TOLD_MAX = 500;

export interface HeldLine {
  /** One character a byte. */
  readonly text: string;
  readonly scan: LineScan;
}

/** Trees outside of the share: each is kept as a whole or dropped as a whole, once it is known whether something in it failed or was slow. In bounded memory: where there is more than it holds, those that wait longest are dropped early. Two generations of each, so that nothing has to look for the oldest. */
export class HeldTrees {
  #held = new Generations<HeldLine[]>();
  #heldBytes = 0;
  #heldSinceMs = 0;
  #wanted = new Generations<true>();
  #wantedSinceMs = 0;
  #news: string[] = [];
  dropped = 0;

  isWanted(traceId: string): boolean {
    return this.#wanted.get(traceId) === true;
  }

  hold(traceId: string, held: HeldLine): void {
    const lines = this.#held.get(traceId);
    if (lines === undefined) this.#held.set(traceId, [held]);
    else lines.push(held);
  }

  /** A chunk of so many bytes was looked through. */
  looked(bytes: number, nowMs: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes > HELD_BYTES_MAX / 2) this.#turnHeld(nowMs);
  }

  /** The tree is kept from now on; returns what was held of it. `isOwn`: it was seen here, and others are to be told. */
  want(traceId: string, nowMs: number, isOwn: boolean): readonly HeldLine[] {
    if (!this.isWanted(traceId)) {
      if (isOwn && this.#news.length < WANTED_MAX) this.#news.push(traceId);
      if (this.#wanted.young.size >= WANTED_MAX) this.#turnWanted(nowMs);
      this.#wanted.set(traceId, true);
    }
    return this.#held.take(traceId) ?? [];
  }

  /** Traces that others are to keep, too; each once. */
  takeNews(): readonly string[] {
    const news = this.#news.slice(0, TOLD_MAX);
    this.#news = this.#news.slice(TOLD_MAX);
    return news;
  }

  /** Drops what has waited long enough. */
  tick(nowMs: number): void {
    if (nowMs - this.#heldSinceMs >= HOLD_MS) this.#turnHeld(nowMs);
    if (nowMs - this.#wantedSinceMs >= WANTED_MS) this.#turnWanted(nowMs);
  }

  #turnHeld(nowMs: number): void {
    for (const lines of this.#held.turn().values()) this.dropped += lines.length;
    this.#heldBytes = 0;
    this.#heldSinceMs = nowMs;
  }

  #turnWanted(nowMs: number): void {
    this.#wanted.turn();
    this.#wantedSinceMs = nowMs;
  }
}

/** What came since the last turn, and what came before. */
class Generations<V> {
  young = new Map<string, V>();
  #old = new Map<string, V>();

  get(key: string): V | undefined {
    return this.young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: V): void {
    this.young.set(key, value);
  }

  take(key: string): V | undefined {
    const found = this.get(key);
    if (!this.young.delete(key)) this.#old.delete(key);
    return found;
  }

  /** Gives up the older ones, and returns them. */
  turn(): ReadonlyMap<string, V> {
    const gone = this.#old;
    this.#old = this.young;
    this.young = new Map();
    return gone;
  }
}
