import type { FieldTable } from "#/messages/amqp/index.ts";
import type { Message } from "./message.ts";

/** A durable exchange, queue or binding, as it is kept. */
export type Definition =
  | {
      readonly is: "exchange";
      readonly name: string;
      readonly type: string;
      readonly isAutoDelete: boolean;
      readonly isInternal: boolean;
      readonly args: FieldTable;
    }
  | { readonly is: "queue"; readonly id: number; readonly name: string; readonly isAutoDelete: boolean; readonly args: FieldTable }
  | {
      readonly is: "binding";
      readonly source: string;
      readonly to: "queue" | "exchange";
      readonly destination: string;
      readonly routingKey: string;
      readonly args: FieldTable;
    };

/** Where a message stands: the number of its queue, and its own number in it. */
export interface Place {
  readonly queue: number;
  readonly seq: number;
  /** In ms since 1970; `Infinity`: it never expires. */
  readonly expiresAtMs: number;
}

/** Keeps what must survive. All calls return at once; what they said is written in their order, in batches. A number of a queue is never used twice. */
export interface Journal {
  /** Number of the batch that is written next: what is said now belongs to it. */
  readonly openBatch: number;
  /** Keeps a definition under `key`; `undefined` forgets it, with all messages where it was a queue. */
  define(key: string, definition: Definition | undefined): void;
  add(message: Message, places: readonly Place[]): void;
  /** The message is to be forgotten. */
  remove(queue: number, seq: number): void;
  /** It has been handed out `count` times. */
  delivered(queue: number, seq: number, count: number): void;
  /** Calls `done` when everything that was said before is on disk, in the order of the calls; with an error if it is not, and then never again without one: what a disk has refused once it may have lost. */
  commit(done: (error?: unknown) => void): void;
}

/** Keeps nothing: for what may be lost. */
export const memoryJournal: Journal = {
  openBatch: 0,
  define() {},
  add() {},
  remove() {},
  delivered() {},
  commit: (done) => done(),
};
