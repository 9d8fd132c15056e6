import { Dice } from "./dice.ts";

/** One request from outside, or one call without a context, with everything it causes. */
export class Transaction {
  readonly id: number;
  readonly generation: number;
  /** Of the table by which it began: how often the store had been put back then. */
  readonly era: number;
  /** False: it began with a call of an instance that carried no context. */
  readonly isFromEdge: boolean;
  readonly startedMs: number;
  readonly dice: Dice;
  /** Calls, handlers and background timers that are under way. */
  live = 0;
  /** How many of these are at each service. */
  readonly at = new Map<string, number>();
  /** What these are, for the history. */
  readonly activities: string[] = [];
  /** Calls that it may still make. */
  budget: number;
  /** Handlers that have worked on after their answer. */
  background = 0;
  /** The fault that hit it: its calls may fail now. */
  touchedBy: string | undefined;
  /** Why its generation need not wait for it any more. */
  excusedBy: string | undefined;

  constructor(options: {
    readonly id: number;
    readonly generation: number;
    readonly era: number;
    readonly isFromEdge: boolean;
    readonly startedMs: number;
    readonly seed: number;
    readonly budget: number;
  }) {
    this.id = options.id;
    this.generation = options.generation;
    this.era = options.era;
    this.isFromEdge = options.isFromEdge;
    this.startedMs = options.startedMs;
    this.dice = new Dice(options.seed);
    this.budget = options.budget;
  }

  touch(fault: string): void {
    this.touchedBy ??= fault;
  }
}
