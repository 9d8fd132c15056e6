import { rmSync } from "node:fs";
import path from "node:path";
import { readIfThere, writeDurably } from "./durable-file.ts";

/** A longest transaction that a table has said, and until when one could begin under it (`uptimeMs`); absent: now. */
interface Limit {
  readonly limitMs: number;
  readonly untilMs?: number;
}

/** Keeps in `<folder>/limits` how long the transactions of this start may last that are in flight: each as the table said when it began, also where a later one says less. */
export class TransactionLimits {
  readonly #file: string;
  #limits: readonly Limit[] = [];

  /** Call it when `beginRun` has read what the start before has kept: that is forgotten here, since times of another start of the machine mean something else. */
  constructor(folder: string) {
    this.#file = limitsFile(folder);
    rmSync(this.#file, { force: true });
  }

  /** The table in force says `limitMs` from `uptimeMs` on. Durable when it returns. */
  note(limitMs: number, uptimeMs: number): void {
    const present = this.#limits.at(-1);
    if (present?.limitMs === limitMs) return;
    const former = this.#limits
      .map((one) => ({ ...one, untilMs: one.untilMs ?? uptimeMs }))
      // What began last under it is over; or it ends no later than what begins now.
      .filter((one) => one.untilMs + one.limitMs > uptimeMs && one.limitMs > limitMs);
    const limits = [...former, { limitMs }];
    writeDurably(this.#file, `${JSON.stringify(limits)}\n`);
    this.#limits = limits;
  }
}

/** How long after `uptimeMs`, when the start that wrote them was found to have ended, its transactions may last at most; 0: it has noted nothing. */
export function longestLeftMs(folder: string, uptimeMs: number): number {
  try {
    const limits = JSON.parse(readIfThere(limitsFile(folder)) ?? "[]") as readonly Limit[];
    return Math.max(0, ...limits.map(({ limitMs, untilMs = uptimeMs }) => Math.ceil(untilMs + limitMs - uptimeMs)));
  } catch {
    // Written whole or not at all; what somebody else has put there says nothing.
    return 0;
  }
}

function limitsFile(folder: string): string {
  return path.join(folder, "limits");
}
