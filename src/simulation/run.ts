import type { Violation } from "./judge.ts";
import { longestTransactionMs, type Scenario } from "./plan.ts";
import { makeScenario } from "./scenario.ts";
import type { Tally } from "./tally.ts";
import { makeWorld } from "./world.ts";

/** What came of a run. */
export interface RunResult extends Readonly<Tally> {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Empty unless it was asked for. */
  readonly history: readonly string[];
  readonly generations: number;
  readonly transactions: number;
  readonly events: number;
  readonly elapsedMs: number;
}

const EVENTS_MAX = 400_000;
const LOOK_MS = 50;

/** Runs a scenario to its end: until everything wanted is served and nothing else is left, or until it should have been. */
export function runScenario(scenario: Scenario, options: { readonly keepsHistory?: boolean } = {}): RunResult {
  const { judge, scheduler, rules } = makeWorld(scenario, options.keepsHistory ?? false);
  const limitMs = scenario.calmFromMs + 3 * longestTransactionMs(scenario) + 3 * scenario.readyWithinMs + 6 * scenario.holdMs + 8000;
  const lastRootMs = scenario.roots.at(-1)?.atMs ?? 0;
  try {
    scheduler.runUntil(Math.max(scenario.calmFromMs, lastRootMs) + 1, EVENTS_MAX);
    while (judge.violations.length === 0 && scheduler.elapsedMs < limitMs && (judge.open > 0 || rules.unfinished() !== undefined)) {
      scheduler.runUntil(scheduler.elapsedMs + LOOK_MS, EVENTS_MAX);
    }
    const unfinished = judge.open > 0 ? `${judge.open} transactions have not ended` : rules.unfinished();
    if (unfinished !== undefined && judge.violations.length === 0)
      judge.violate("P", `after ${Math.round(limitMs - scenario.calmFromMs)} ms without wishes and faults: ${unfinished}`);
    if (judge.violations.length === 0) rules.delays();
  } catch (error) {
    judge.violate("X", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  let transactions = 0;
  for (const record of judge.records.values()) transactions += record.transactions;
  return {
    seed: scenario.seed,
    violations: judge.violations,
    history: judge.history,
    generations: judge.records.size,
    transactions,
    events: scheduler.events,
    elapsedMs: scheduler.elapsedMs,
    ...judge.tally,
  };
}

export function runSeed(seed: number): RunResult {
  return runScenario(makeScenario(seed));
}
