import { type Clock, OrreryError } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { Identity, Reading } from "#/people/access/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { Rights } from "./rights.ts";

/** So often it is looked whether what is streamed may still be seen by who reads it. */
const SIGHT_MS = 1_000;

/** Looks after streams that are of certain objects: these may leave the reach of who reads them. */
export class Sight {
  readonly #options: { readonly store: Store; readonly rights: Rights; readonly clock: Clock };

  constructor(options: { readonly store: Store; readonly rights: Rights; readonly clock: Clock }) {
    this.#options = options;
  }

  /** False once it is there and not shown any more; what is gone stays as it was. */
  async isShown(who: Identity, kind: Kind, key: { readonly name: string; readonly namespace: string }, reading: Reading): Promise<boolean> {
    if (this.#options.rights.authorizer.visible(who, kind, reading) === undefined) return true;
    const present = await this.#options.store.get(kind, key);
    return present === undefined || this.#options.rights.shows(who, kind, present, reading);
  }

  /** Until `signal` aborts, or what is returned is called. A look that fails could not be taken: the next one will be. */
  everySecond(look: () => Promise<unknown>, signal: AbortSignal): () => void {
    let isOver = signal.aborted;
    let cancel = (): void => {};
    const stop = (): void => {
      isOver = true;
      cancel();
      signal.removeEventListener("abort", stop);
    };
    const again = (): void => {
      if (!isOver) cancel = this.#options.clock.after(SIGHT_MS, () => void look().then(again, again), { background: true });
    };
    signal.addEventListener("abort", stop, { once: true });
    again();
    return stop;
  }
}

/** What is told to who loses it. */
export function outOfReach(kind: Kind, { metadata }: { readonly metadata: { readonly name: string } }, who: Identity): OrreryError {
  return new OrreryError("api/ended", `this has ended: ${kind.kind} ${metadata.name} is not among those that ${who.name} may reach any more`);
}
