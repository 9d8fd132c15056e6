import { OrreryError } from "#/base/index.ts";

/** Passwords that are hashed at the same time: each takes 19 MiB and a thread. */
const AT_WORK_MAX = 2;
/** That wait, of each of the two sorts. */
const WAITING_MAX = 32;

/** Does a few pieces of costly work at a time, those of known browsers first: who floods the others keeps no control room out. */
export class HashQueue {
  readonly #waiting: Record<"known" | "other", (() => void)[]> = { known: [], other: [] };
  #atWork = 0;

  /** Runs `work` in its turn.
   *  @throws login/busy (backoff): too many of the same sort wait */
  async run<T>(sort: "known" | "other", work: () => Promise<T>): Promise<T> {
    const line = this.#waiting[sort];
    if (this.#atWork >= AT_WORK_MAX) {
      if (line.length >= WAITING_MAX)
        throw new OrreryError("login/busy", `${WAITING_MAX} logins wait to be looked at; try again in a moment`, { retry: "backoff" });
      await new Promise<void>((resolve) => line.push(resolve));
    } else this.#atWork += 1;
    try {
      return await work();
    } finally {
      // Whoever is next takes over the place.
      const next = this.#waiting.known.shift() ?? this.#waiting.other.shift();
      if (next === undefined) this.#atWork -= 1;
      else next();
    }
  }
}
