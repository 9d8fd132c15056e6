const SLOT_MS = 1000;
const SLOTS = 10;

/** What a gateway knows of one instance from its own calls: a window of the last 10 s, in slots of 1 s, kept as sums so that reading costs nothing. Times are monotonic milliseconds. */
export class CallStats {
  /** Calls under way. */
  inFlight = 0;
  /** When the newest call began; -Infinity before the first. */
  lastBeginMs = Number.NEGATIVE_INFINITY;
  readonly #begun = new Float64Array(SLOTS);
  readonly #ended = new Float64Array(SLOTS);
  readonly #errors = new Float64Array(SLOTS);
  readonly #timeMs = new Float64Array(SLOTS);
  #slot = 0;
  #begunSum = 0;
  #endedSum = 0;
  #errorsSum = 0;
  #timeSumMs = 0;
  #lastMeanMs: number | undefined;
  #lastErrorShare = 0;

  begin(nowMs: number): void {
    const index = this.#roll(nowMs);
    this.inFlight++;
    this.lastBeginMs = nowMs;
    this.#begun[index] = (this.#begun[index] ?? 0) + 1;
    this.#begunSum++;
  }

  end(nowMs: number, timeMs: number, isError: boolean): void {
    const index = this.#roll(nowMs);
    this.inFlight--;
    this.#ended[index] = (this.#ended[index] ?? 0) + 1;
    this.#endedSum++;
    this.#timeMs[index] = (this.#timeMs[index] ?? 0) + timeMs;
    this.#timeSumMs += timeMs;
    if (!isError) return;
    this.#errors[index] = (this.#errors[index] ?? 0) + 1;
    this.#errorsSum++;
  }

  /** Calls begun in the window. */
  callsAt(nowMs: number): number {
    this.#roll(nowMs);
    return this.#begunSum;
  }

  /** Mean time of the calls that ended in the window; the last one known when there were none; `undefined` before any. */
  meanMsAt(nowMs: number): number | undefined {
    this.#roll(nowMs);
    return this.#endedSum === 0 ? this.#lastMeanMs : this.#timeSumMs / this.#endedSum;
  }

  /** Share of the ended calls that failed, 0 to 1; the last one known when there were none. */
  errorShareAt(nowMs: number): number {
    this.#roll(nowMs);
    return this.#endedSum === 0 ? this.#lastErrorShare : this.#errorsSum / this.#endedSum;
  }

  /** Moves the window to `nowMs` and returns the index of its newest slot. */
  #roll(nowMs: number): number {
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot <= this.#slot) return this.#slot % SLOTS;
    if (this.#endedSum > 0) {
      this.#lastMeanMs = this.#timeSumMs / this.#endedSum;
      this.#lastErrorShare = this.#errorsSum / this.#endedSum;
    }
    const first = Math.max(this.#slot + 1, slot - SLOTS + 1);
    for (let one = first; one <= slot; one++) this.#empty(one % SLOTS);
    this.#slot = slot;
    return slot % SLOTS;
  }

  #empty(index: number): void {
    this.#begunSum -= this.#begun[index] ?? 0;
    this.#endedSum -= this.#ended[index] ?? 0;
    this.#errorsSum -= this.#errors[index] ?? 0;
    // Sums of fractions drift; an empty window is exactly empty.
    this.#timeSumMs = this.#endedSum === 0 ? 0 : this.#timeSumMs - (this.#timeMs[index] ?? 0);
    this.#begun[index] = 0;
    this.#ended[index] = 0;
    this.#errors[index] = 0;
    this.#timeMs[index] = 0;
  }
}
