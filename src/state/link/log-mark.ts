/** How far the lines of one instance were given, so that whoever has lost the connection reads on from there: neither does a line that was given come again, nor is one left out. It goes by the times of lines, which rise, and of which several lines may have the same. */
export class LogMark {
  /** 0: lines of which nobody knows the time, before all others. */
  #atMs: number | undefined;
  /** Lines of that time that were given. */
  #given = 0;
  /** Of these, lines that are still to come again. */
  #left = 0;
  #isAgain = false;
  /** Of the first time, where reading began among its lines: what was given of it. */
  #begun: string[] | undefined;

  /** `isTail`: reading began with the last lines, so that more of the first time may stand before them. */
  constructor(isTail: boolean = false) {
    this.#begun = isTail ? [] : undefined;
  }

  /** Time of the newest line that was given (Unix milliseconds); `undefined`: none has one. */
  get atMs(): number | undefined {
    return this.#atMs === 0 ? undefined : this.#atMs;
  }

  /** From now on lines are read again, from that time or before. */
  begin(): void {
    this.#isAgain = this.#atMs !== undefined;
    this.#left = this.#given;
  }

  /** Takes the next line; false if it was given before. One without a time among those that have one is a word about the reading itself. */
  take(timeMs: number | undefined, text: string = ""): boolean {
    if (timeMs === undefined && this.atMs !== undefined) return true;
    const atMs = timeMs ?? 0;
    if (this.#isAgain && this.#atMs !== undefined) {
      if (atMs < this.#atMs) return false;
      if (atMs === this.#atMs && this.#left > 0) {
        if (this.#begun === undefined || this.#begun.at(-this.#left) === text) this.#left -= 1;
        return false;
      }
    }
    if (this.#atMs !== undefined && atMs !== this.#atMs) this.#begun = undefined;
    this.#begun?.push(text);
    this.#isAgain = this.#isAgain && atMs === this.#atMs;
    this.#given = atMs === this.#atMs ? this.#given + 1 : 1;
    this.#atMs = atMs;
    return true;
  }
}
