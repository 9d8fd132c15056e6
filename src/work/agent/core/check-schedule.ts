import { CHECK_NAMES, type CheckName, type CheckPlan, type Demand } from "./demand.ts";
import type { CheckState, InstanceState } from "./state.ts";

/** Until an instance is ready for the first time, and has stayed so for `minReady`, it is asked this often, if asking is cheap. */
const EAGER_INTERVAL_MS = 250;

/** Startup alone until it has passed, then readiness, and liveness from the first time that it was ready: on a busy machine a slow start would otherwise be cut off again and again. */
export function activeChecks({ hasStartedUp }: InstanceState, { checks }: Demand): [CheckName, CheckPlan][] {
  return CHECK_NAMES.flatMap((name): [CheckName, CheckPlan][] => {
    const plan = checks[name];
    const isItsTime = name === "startup" ? !hasStartedUp : hasStartedUp || (name === "readiness" && checks.startup === undefined);
    return plan !== undefined && isItsTime ? [[name, plan]] : [];
  });
}

/** A check that was never asked, of a process that was started at `startedAtMs`. */
export function firstCheck(plan: CheckPlan, startedAtMs: number, nowMs: number): CheckState {
  // The clock may have been put back since then.
  return { nextAtMs: Math.max(nowMs, Math.min(nowMs, startedAtMs) + plan.initialDelayMs), isAsking: false, successes: 0, failures: 0 };
}

/** The check when its answer has come; it is asked again at `nextAtMs`. */
export function answeredCheck(check: CheckState, isOk: boolean, nextAtMs: number): CheckState {
  return { nextAtMs, isAsking: false, successes: isOk ? check.successes + 1 : 0, failures: isOk ? 0 : check.failures + 1 };
}

/** How long after one asking comes the next. */
export function intervalMs({ phase, isReady, isAvailable }: InstanceState, { minReadyMs }: Demand, plan: CheckPlan): number {
  const isProven = isAvailable === true || minReadyMs === 0;
  const isEager = (phase === "Starting" || (isReady && !isProven)) && plan.action.exec === undefined;
  return isEager ? Math.min(EAGER_INTERVAL_MS, plan.intervalMs) : plan.intervalMs;
}

/** When checks are asked next, as far as no answer is waited for. */
export function nextTimes(state: InstanceState, demand: Demand): number[] {
  return activeChecks(state, demand).flatMap(([name]) => {
    const check = state.checks[name];
    return check === undefined || check.isAsking ? [] : [check.nextAtMs];
  });
}
