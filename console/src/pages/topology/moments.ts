/** What the page has shown, so that one can look back: moments of the last minutes, of one question. Pure but for what it holds. */
import type { CallsRow, ViewRow } from "../../../../src/face/views/protocol.ts";

export interface Moment {
  /** The server's time. */
  readonly atMs: number;
  readonly rows: readonly ViewRow<CallsRow>[];
}

/** At one a second: a quarter of an hour. Rows that did not change are the same objects in all of them. */
const MOMENTS_MAX = 900;
/** Nearer ones take the place of each other. */
const APART_MS = 900;

export class Moments {
  #of: string | undefined;
  #list: Moment[] = [];

  /** Oldest first. */
  get list(): readonly Moment[] {
    return this.#list;
  }

  /** Keeps what is shown now; those of another question are forgotten. Returns true if there is another one than before. */
  add(question: string, moment: Moment): boolean {
    if (question !== this.#of) {
      this.#of = question;
      this.#list = [];
    }
    const last = this.#list.at(-1);
    if (last?.rows === moment.rows) return false;
    if (last !== undefined && moment.atMs - last.atMs < APART_MS) this.#list = [...this.#list.slice(0, -1), { ...moment, atMs: last.atMs }];
    else this.#list = [...this.#list, moment].slice(-MOMENTS_MAX);
    return true;
  }

  /** The one that was shown at that time: the last that began by then. Undefined: nobody looked. */
  at(atMs: number): Moment | undefined {
    let [low, high] = [0, this.#list.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#list[middle] as Moment).atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    return this.#list[low - 1];
  }
}
