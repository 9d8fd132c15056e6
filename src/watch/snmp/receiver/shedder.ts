/** How many datagrams are looked at, within each slot of time. */
export interface ShedLimits {
  readonly slotMs: number;
  /** Shared by all who send in a slot. */
  readonly perSlot: number;
  /** Sources that are told apart in a slot; whoever comes then is turned away. */
  readonly sourcesMax: number;
}

/** 1,000 a second, whoever sends; twice that while ever new sources come. */
export const SHED_LIMITS: ShedLimits = { slotMs: 100, perSlot: 100, sourcesMax: 5_000 };

/** Decides before anything of a datagram is read whether it is looked at. Each source has an equal share of a slot; the first of a source is taken while there are not too many sources, so that one that storms does not silence one that says a single thing. */
export class Shedder {
  readonly #limits: ShedLimits;
  #slot = Number.NEGATIVE_INFINITY;
  #share: number;
  #firsts = 0;
  #counts = new Map<string, number>();

  constructor(limits: ShedLimits = SHED_LIMITS) {
    this.#limits = limits;
    this.#share = limits.perSlot;
  }

  isTaken(source: string, nowMs: number): boolean {
    const { slotMs, perSlot, sourcesMax } = this.#limits;
    const slot = Math.floor(nowMs / slotMs);
    if (slot !== this.#slot) {
      // By who sent in the slot before: who has stopped leaves their share.
      this.#share = slot === this.#slot + 1 ? Math.max(1, Math.floor(perSlot / Math.max(1, this.#counts.size))) : perSlot;
      this.#slot = slot;
      this.#firsts = 0;
      this.#counts = new Map();
    }
    const count = this.#counts.get(source);
    if (count === undefined) {
      if (this.#counts.size >= sourcesMax) return false;
      this.#counts.set(source, 1);
      this.#firsts += 1;
      return this.#firsts <= perSlot;
    }
    this.#counts.set(source, count + 1);
    return count < this.#share;
  }
}

/** Counts by name, of so many names as are most; the rest together. */
export class BoundedCounts {
  readonly #max: number;
  readonly #counts = new Map<string, number>();
  #others = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(name: string): void {
    const count = this.#counts.get(name);
    if (count === undefined && this.#counts.size >= this.#max) this.#others += 1;
    else this.#counts.set(name, (count ?? 0) + 1);
  }

  get others(): number {
    return this.#others;
  }

  /** Most first. */
  top(count: number): readonly { readonly name: string; readonly count: number }[] {
    return [...this.#counts]
      .map(([name, one]) => ({ name, count: one }))
      .sort((a, b) => b.count - a.count)
      .slice(0, count);
  }
}
