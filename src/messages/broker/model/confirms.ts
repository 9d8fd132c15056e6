import type { Journal } from "./journal.ts";

/** Tells a publisher what became of messages: of those with numbers up to `tag`, or of that one. */
export type ConfirmTeller = (tag: number, isMultiple: boolean, isAck: boolean) => void;

/** Messages of one batch of the journal. */
interface Pending {
  readonly batch: number;
  readonly refused: number[];
  acceptedCount: number;
  lastAccepted: number;
}

/** The confirms of one channel: each message is confirmed when the batch is on disk that it belongs to, all those of a batch by one answer; in order. */
export class Confirms {
  readonly #journal: Journal;
  readonly #tell: ConfirmTeller;
  #published = 0;
  #pending: Pending | undefined;

  constructor(journal: Journal, tell: ConfirmTeller) {
    this.#journal = journal;
    this.#tell = tell;
  }

  /** The number of a message that has come, in whatever way it goes on. */
  next(): number {
    return ++this.#published;
  }

  /** It is decided, in the order of the numbers of those that are accepted; what was said of it to the journal belongs to its open batch. */
  add(tag: number, isAccepted: boolean): void {
    const batch = this.#journal.openBatch;
    const isNew = this.#pending?.batch !== batch;
    const pending: Pending = isNew || this.#pending === undefined ? { batch, refused: [], acceptedCount: 0, lastAccepted: 0 } : this.#pending;
    this.#pending = pending;
    if (isAccepted) {
      pending.acceptedCount += 1;
      pending.lastAccepted = tag;
    } else pending.refused.push(tag);
    if (isNew) this.#journal.commit((error) => this.#settle(pending, error));
  }

  #settle(pending: Pending, error: unknown): void {
    if (this.#pending === pending) this.#pending = undefined;
    const { refused, acceptedCount, lastAccepted } = pending;
    // First, as what follows counts for all below it that have not been told of.
    for (const tag of refused) this.#tell(tag, false, false);
    if (acceptedCount > 0) this.#tell(lastAccepted, acceptedCount > 1, error === undefined);
  }
}
