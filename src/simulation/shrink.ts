import type { Scenario } from "./plan.ts";
import { type RunResult, runScenario } from "./run.ts";

/** Runs that shrinking may cost. */
const RUNS_MAX = 400;

/** A smaller scenario that breaks the same invariant: faults, wishes, gateways and requests are left out as long as it does. */
export function shrink(
  scenario: Scenario,
  invariant: string,
  run: (scenario: Scenario) => RunResult = (one) => runScenario(one, { keepsHistory: true }),
): { readonly scenario: Scenario; readonly result: RunResult } {
  let best = { scenario, result: run(scenario) };
  let runs = 0;
  const attempt = (smaller: Scenario): boolean => {
    if (runs >= RUNS_MAX) return false;
    runs++;
    const result = run(smaller);
    if (result.violations[0]?.invariant !== invariant) return false;
    best = { scenario: smaller, result };
    return true;
  };
  for (let isSmaller = true; isSmaller && runs < RUNS_MAX; ) {
    isSmaller = false;
    for (const part of ["faults", "wishes", "roots"] as const) {
      // Halves first, then one by one.
      for (let size = Math.ceil(best.scenario[part].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
        for (let from = 0; from < best.scenario[part].length; ) {
          const list: readonly unknown[] = best.scenario[part];
          const left = [...list.slice(0, from), ...list.slice(from + size)];
          if (attempt({ ...best.scenario, [part]: left })) isSmaller = true;
          else from += size;
          if (runs >= RUNS_MAX) return best;
        }
      }
    }
  }
  return best;
}
