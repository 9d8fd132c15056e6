import type { Transaction } from "./transaction.ts";

/** A call as the process that answers it sees it. */
export interface Exchange {
  readonly tx: Transaction;
  /** Trace headers that came with it, names and values in turn. */
  readonly headers: readonly string[];
  /** 0: from outside. */
  readonly depth: number;
  /** Until when its handler may begin further calls (ms since the beginning). */
  readonly endByMs: number;
  readonly isStream: boolean;
  /** False: the other end has gone. */
  readonly isOpen: boolean;
  becomeStream(): void;
  answer(status: number): void;
  /** The connection is broken before an answer. */
  reset(): void;
}
