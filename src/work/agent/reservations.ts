import { isOrreryError } from "#/base/index.ts";
import { type HeldName, holdName } from "#/work/process/index.ts";

/** What the agents of one machine share: a port or an address that one has given to an instance is given by no other, also while the instance does not listen. A reservation ends with the process that made it. */
export class Reservations {
  readonly #what: string;
  readonly #held = new Map<string, Promise<HeldName | undefined>>();

  /** `what`: `port`, `address`. */
  constructor(what: string) {
    this.#what = what;
  }

  /** False: another agent has it. Idempotent. */
  async take(one: string): Promise<boolean> {
    const held = this.#held.get(one) ?? this.#hold(one);
    this.#held.set(one, held);
    if ((await held) !== undefined) return true;
    this.#held.delete(one);
    return false;
  }

  giveBack(one: string): void {
    const held = this.#held.get(one);
    this.#held.delete(one);
    void held?.then((name) => name?.release());
  }

  async giveBackAll(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const held of all) await (await held)?.release();
  }

  async #hold(one: string): Promise<HeldName | undefined> {
    try {
      return await holdName(one, this.#what);
    } catch (error) {
      if (isOrreryError(error, "process/held")) return undefined;
      throw error;
    }
  }
}
