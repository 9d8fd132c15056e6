import { backoffDelayMs, type Random } from "#/base/index.ts";
import { withoutRetry } from "#/model/index.ts";
import { activeChecks, answeredCheck, firstCheck, intervalMs, nextTimes } from "./check-schedule.ts";
import { type CheckName, type CheckPlan, type Demand, whyAnew } from "./demand.ts";
import { describeEnd, describeFailure, describeFormer, describeRun, type Ending, outcomeOf } from "./ending.ts";
import { adviseForeground, describeBackground, type LeftProcess } from "./foreground.ts";
import type { CheckState, Exit, InstanceState, Outcome, StopCause } from "./state.ts";

/** Delays between failures: 1 s doubling to 60 s. */
export const RESTART_BACKOFF = { firstMs: 1000, maxMs: 60_000, jitter: 0.1 } as const;
/** Ready for so long, an instance is forgiven its earlier failures. */
export const WELL_AFTER_MS = 60_000;
/** Each end makes the time for which an instance has to stay ready twice as long, up to this, or `minReady` if that is longer. */
const MIN_READY_GROWN_MS = 30_000;

/** What holds for an instance now, beside its own state. */
export interface Circumstances {
  readonly wish: "run" | "stop";
  readonly demand: Demand;
  /** Why it may not start yet, for people; `undefined`: it may. */
  readonly obstacle?: string | undefined;
  readonly nowMs: number;
  readonly random: Random;
  /** True while something is told that has happened long ago: nothing is ordered for it. */
  readonly isAccount?: boolean;
}

/** What has happened. `pid` of a check: of the process about which it was asked. */
export type Input =
  | { readonly type: "tick" }
  /** Somebody has asked it to begin again: what waits for its next try tries now. */
  | { readonly type: "asked" }
  | { readonly type: "started"; readonly pid: number; readonly startedAtMs: number; readonly runHash: string; readonly isAdopted: boolean }
  | { readonly type: "start-failed"; readonly message: string; readonly lines: readonly string[] }
  | {
      readonly type: "exited";
      readonly exit: Exit;
      /** What the program left running when it ended by itself, and what was ended then. Absent: nothing. */
      readonly left?: readonly LeftProcess[] | undefined;
    }
  /** What was ordered to stop could not be ended; it is tried again. */
  | { readonly type: "stop-failed"; readonly message: string }
  | {
      readonly type: "check";
      readonly name: CheckName;
      readonly pid: number;
      readonly askedAtMs: number;
      readonly isOk: boolean;
      /** See `CheckResult`. */
      readonly isUnanswered?: true | undefined;
      readonly message: string;
    };

/** What is to be done. `start` is answered by `started` or `start-failed`, `stop` by `exited` (once nothing of it is left), `check` by `check`. */
export type Effect =
  | { readonly do: "start" }
  | { readonly do: "stop"; readonly graceMs: number; readonly cause: StopCause }
  | { readonly do: "check"; readonly name: CheckName; readonly plan: CheckPlan }
  | { readonly do: "tell"; readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string };

export interface Step {
  readonly state: InstanceState;
  readonly effects: readonly Effect[];
  /** When to come again if nothing happens. */
  readonly wakeAtMs?: number;
}

/** One turn of an instance's life. Pure. */
export function step(before: InstanceState, input: Input, at: Circumstances): Step {
  const turn = new Turn(before, at);
  turn.take(input);
  turn.settle();
  turn.prove(input);
  return turn.result();
}

class Turn {
  #state: InstanceState;
  readonly #at: Circumstances;
  readonly #effects: Effect[] = [];

  constructor(state: InstanceState, at: Circumstances) {
    this.#state = state;
    this.#at = at;
  }

  result(): Step {
    const wakeAtMs = this.#nextWake();
    return { state: this.#state, effects: this.#effects, ...(wakeAtMs === undefined ? {} : { wakeAtMs }) };
  }

  take(input: Input): void {
    switch (input.type) {
      case "tick":
        return;
      case "asked":
        this.#state = { ...without(this.#state, "retryAtMs"), ...(this.#state.running === undefined ? { failures: 0 } : {}) };
        return;
      case "started":
        return this.#started(input);
      case "start-failed":
        return this.#failed({ what: "start", message: input.message, lines: input.lines });
      case "exited":
        return this.#exited(input.exit, input.left ?? []);
      case "stop-failed":
        return this.#stopFailed(input.message);
      case "check":
        return this.#checked(input);
    }
  }

  /** Orders what the state and the wish ask for. */
  settle(): void {
    const { running, pending } = this.#state;
    if (pending !== undefined) return;
    if (this.#at.wish === "stop") {
      if (running === undefined && this.#state.result !== undefined) this.#rest("Stopped");
      else if (running === undefined) this.#set({ phase: "Stopped", isReady: false, reason: "Stopped", message: "stopped; nothing of it runs" });
      else this.#stop("wish", "it is being stopped");
    } else if (this.#at.demand.once !== undefined) {
      this.#settleRun(this.#at.demand.once);
    } else if (running === undefined) {
      this.#startWhenDue();
    } else if (whyAnew(running.runHash, this.#at.demand) !== undefined) {
      const isAsked = whyAnew(running.runHash, this.#at.demand) === "restart";
      this.#stop("changed", isAsked ? "it was asked to begin again; it is started anew" : "its spec has changed; it is started anew");
    } else {
      this.#passWithoutCheck();
      this.#askWhatIsDue(running.startedAtMs);
    }
  }

  /** Judges whether it has been ready for long enough, and sees to it that somebody looks when that time is over. */
  prove(input: Input): void {
    const { running, isReady, isAvailable, checks } = this.#state;
    const { demand, nowMs } = this.#at;
    // A probe program that has done its work runs again later.
    if (isReady && running === undefined) return;
    if (!isReady) {
      this.#state = without(this.#state, "isAvailable", "steadySinceMs");
      return;
    }
    if (isAvailable === true) return;
    const neededMs = this.#neededMs();
    const isAsked = demand.checks.readiness !== undefined;
    const isSteady = Object.values(checks).every((one) => one.failures === 0) && (!isAsked || (checks.readiness?.successes ?? 0) > 0);
    if (!isSteady) this.#state = without(this.#state, "steadySinceMs");
    // The clock may have been put back since then.
    else this.#set({ steadySinceMs: Math.min(this.#state.steadySinceMs ?? nowMs, nowMs) });
    const { steadySinceMs } = this.#state;
    const isSeen = steadySinceMs !== undefined && isSteadyUntil(steadySinceMs + neededMs, isAsked, input, nowMs);
    if (neededMs === 0 || isSeen) this.#state = { ...without(this.#state, "steadySinceMs"), isAvailable: true };
    else if (isAsked && steadySinceMs !== undefined) this.#askAt(Math.max(nowMs, steadySinceMs + neededMs));
  }

  #neededMs(): number {
    const { minReadyMs } = this.#at.demand;
    return Math.max(minReadyMs, Math.min(MIN_READY_GROWN_MS, minReadyMs * 2 ** this.#state.failures));
  }

  /** The readiness check is asked again at that time at the latest. */
  #askAt(atMs: number): void {
    const { readiness } = this.#state.checks;
    if (readiness === undefined || readiness.isAsking || readiness.nextAtMs <= atMs) return;
    this.#set({ checks: { ...this.#state.checks, readiness: { ...readiness, nextAtMs: atMs } } });
  }

  /** Of a run of a job: a changed spec never starts it anew, and what has ended stays so. */
  #settleRun({ timeoutMs, isCancelled }: NonNullable<Demand["once"]>): void {
    const { running, result } = this.#state;
    if (running === undefined) {
      if (result !== undefined) this.#rest(result.outcome === "Succeeded" ? "Succeeded" : "Failed");
      else if (isCancelled) this.#finish("Cancelled", undefined);
      else this.#startWhenDue();
    } else if (this.#at.isAccount !== true && isCancelled) {
      this.#stop("cancelled", "somebody has stopped it");
    } else if (this.#at.isAccount !== true && timeoutMs !== undefined && this.#at.nowMs >= running.startedAtMs + timeoutMs) {
      this.#stop("timeout", `it has not ended within its timeout of ${timeoutMs} ms`);
    } else {
      this.#passWithoutCheck();
    }
  }

  /** Says again what came of a run. */
  #rest(phase: "Stopped" | "Succeeded" | "Failed"): void {
    const { outcome = "Unknown", message = "" } = this.#state.result ?? {};
    this.#set({ phase, isReady: false, reason: outcome, message });
  }

  /** The end of a run of a job; `startedAtMs`: of its program, if that was started. */
  #finish(outcome: Outcome, startedAtMs: number | undefined, detail?: string): void {
    const message = detail ?? describeRun(outcome, this.#state.lastExit, startedAtMs);
    this.#state = {
      ...without(this.#state, "pending", "wellSinceMs", "retryAtMs"),
      result: { outcome, message, ...(startedAtMs === undefined ? {} : { startedAtMs }) },
    };
    this.#rest(outcome === "Succeeded" ? "Succeeded" : "Failed");
    this.#tell(outcome === "Succeeded" || outcome === "Cancelled" ? "Normal" : "Warning", outcome, message);
  }

  #started(input: Extract<Input, { type: "started" }>): void {
    const isUp = input.isAdopted && this.#state.hasStartedUp;
    const isReady = isUp && this.#state.isReady;
    this.#state = {
      ...without(this.#state, "pending", "retryAtMs", "steadySinceMs", ...(isUp ? [] : (["isUnanswered"] as const))),
      running: { pid: input.pid, startedAtMs: input.startedAtMs, runHash: input.runHash },
      phase: isUp ? "Running" : "Starting",
      isReady,
      hasStartedUp: isUp,
      checks: {},
      reason: isReady ? "Ready" : isUp ? "NotReady" : "Starting",
      message: isReady ? "it runs" : `started; its checks have not passed yet${this.#former()}`,
    };
    this.#well(isReady);
    this.#tell("Normal", input.isAdopted ? "Adopted" : "Started", `${input.isAdopted ? "found again" : "started"}: pid ${input.pid}`);
  }

  /** Where no check is left that could say so, it is ready: also one whose start nobody has recorded, and one whose check was taken out of its spec. */
  #passWithoutCheck(): void {
    const { checks } = this.#at.demand;
    const waitsForNothing = checks.readiness === undefined && (checks.startup === undefined || this.#state.hasStartedUp);
    if (!waitsForNothing || (this.#state.isReady && this.#state.hasStartedUp)) return;
    this.#set({ hasStartedUp: true, phase: "Running", isReady: true, reason: "Ready", message: "it runs" });
    this.#well(true);
  }

  /** Its slot stays taken: nothing is believed gone while it is there. */
  #stopFailed(message: string): void {
    if (this.#state.pending?.order !== "stop") return;
    // The same again every few seconds is no news.
    if (this.#state.reason !== "StopFailed" || this.#state.message !== message) this.#tell("Warning", "StopFailed", message);
    this.#set({ reason: "StopFailed", message });
  }

  #exited(exit: Exit, left: readonly LeftProcess[]): void {
    const { running, pending } = this.#state;
    if (running === undefined) return;
    this.#state = { ...without(this.#state, "running", "pending", "isUnanswered"), lastExit: exit, isReady: false, hasStartedUp: false, checks: {} };
    const cause = pending?.order === "stop" ? pending.cause : undefined;
    if (this.#at.demand.once !== undefined) {
      const isCutOff = exit.code === 0 && cause === undefined && left.length > 0;
      if (isCutOff) this.#finish("Failed", running.startedAtMs, `${describeBackground(left)}. ${adviseForeground(left)}`);
      else this.#finish(outcomeOf(exit, cause), running.startedAtMs);
    } else if (cause === "wish" || cause === "changed") {
      this.#state = { ...without(this.#state, "wellSinceMs", "retryAtMs"), phase: "Pending", failures: 0 };
      this.#tell("Normal", "Stopped", `stopped: ${describeEnd(exit)}`);
    } else if (cause === undefined && exit.code === 0 && this.#at.demand.rerunMs !== undefined) {
      if (left.length > 0) this.#tell("Warning", "WentToBackground", `${describeBackground(left)}. ${adviseForeground(left)}`);
      this.#set({
        phase: "Running",
        reason: "Done",
        message: `ended with 0; it runs again every ${this.#at.demand.rerunMs} ms`,
        isReady: true,
        failures: 0,
        retryAtMs: Math.max(this.#at.nowMs, running.startedAtMs + this.#at.demand.rerunMs),
      });
    } else {
      this.#failed(
        cause === "unhealthy"
          ? { what: "check", message: this.#state.message, lines: exit.lines }
          : exit.code === 0 && left.length > 0
            ? { what: "background", left, lines: exit.lines }
            : { what: "exit", exit, ranMs: Math.max(0, exit.atMs - running.startedAtMs), lines: exit.lines },
      );
    }
  }

  /** Counts a failure and decides when it is tried again. */
  #failed(ending: Ending): void {
    const { nowMs, random, demand } = this.#at;
    if (demand.once !== undefined && ending.what === "start") {
      const said = ending.lines.length === 0 ? "" : `; its last lines: ${ending.lines.slice(-5).join(" | ")}`;
      return this.#finish("Failed", undefined, `${ending.message}${said}`);
    }
    const wasWell = this.#state.wellSinceMs !== undefined && nowMs - this.#state.wellSinceMs >= WELL_AFTER_MS;
    const failures = (wasWell ? 0 : this.#state.failures) + 1;
    const retryAtMs = nowMs + backoffDelayMs(RESTART_BACKOFF, failures, random);
    const hasRun = ending.what !== "start";
    const { reason, message } = describeFailure(ending, failures, retryAtMs);
    this.#state = {
      ...without(this.#state, "pending", "wellSinceMs"),
      phase: hasRun ? "Backoff" : "Failed",
      isReady: false,
      reason,
      message,
      failures,
      retryAtMs,
      restarts: this.#state.restarts + (hasRun ? 1 : 0),
    };
    // An event outlives what was meant to come.
    this.#tell("Warning", reason, withoutRetry(message));
  }

  #checked(input: Extract<Input, { type: "check" }>): void {
    const { running, pending } = this.#state;
    const plan = this.#at.demand.checks[input.name];
    const check = this.#state.checks[input.name];
    if (plan === undefined) {
      // It was taken out of the spec; should it come back, it is asked anew.
      const { [input.name]: _gone, ...checks } = this.#state.checks;
      return this.#set({ checks });
    }
    // An answer about a process that is gone or going says nothing about the next one.
    if (running === undefined || pending !== undefined || check === undefined || input.pid !== running.pid) return;
    const nextAtMs = Math.max(this.#at.nowMs, input.askedAtMs + intervalMs(this.#state, this.#at.demand, plan));
    const next = answeredCheck(check, input.isOk, nextAtMs);
    this.#set({ checks: { ...this.#state.checks, [input.name]: next } });
    if (input.name === "startup") this.#judgeStartup(next, plan, input.message, running.startedAtMs);
    else if (input.name === "readiness") this.#judgeReadiness(next, plan, input);
    else if (next.failures >= plan.failureThreshold) this.#unhealthy(`liveness failed ${next.failures} times in a row: ${input.message}`);
  }

  #judgeStartup(check: CheckState, plan: CheckPlan, message: string, startedAtMs: number): void {
    if (check.successes >= plan.successThreshold) {
      const isReady = this.#at.demand.checks.readiness === undefined;
      this.#set({
        hasStartedUp: true,
        phase: "Running",
        isReady,
        reason: isReady ? "Ready" : "Starting",
        message: isReady ? "started up" : "started up; not ready yet",
      });
      this.#well(isReady);
      // By time, not by count: it is asked more often than every interval.
    } else if (check.failures > 0 && this.#at.nowMs >= startedAtMs + plan.initialDelayMs + plan.intervalMs * plan.failureThreshold) {
      this.#unhealthy(`not started up within ${plan.initialDelayMs + plan.intervalMs * plan.failureThreshold} ms: ${message}`);
    } else if (check.failures > 0) {
      this.#set({ message: `starting: ${message}${this.#former()}` });
    }
  }

  #judgeReadiness(check: CheckState, plan: CheckPlan, input: Extract<Input, { type: "check" }>): void {
    const { message } = input;
    if (check.successes >= plan.successThreshold) {
      if (!this.#state.isReady) this.#tell("Normal", "Ready", message);
      this.#set({ hasStartedUp: true, phase: "Running", isReady: true, reason: "Ready", message: "its checks pass" });
      this.#well(true);
    } else if (check.failures > 0 && (!this.#state.isReady || check.failures >= plan.failureThreshold)) {
      if (this.#state.isReady) this.#tell("Warning", "NotReady", message);
      // Until it is ready for the first time, also when `startup` has passed before.
      const isStarting = this.#state.reason === "Starting";
      const isUnanswered = input.isUnanswered === true && (this.#state.isReady || this.#state.isUnanswered === true);
      this.#set({
        isReady: false,
        reason: isStarting ? "Starting" : "NotReady",
        message: isStarting
          ? `${message}${plan.isAssumed === true && this.#state.failures === 0 ? WORKER_HINT : ""}${this.#former()}`
          : isUnanswered
            ? `${message}; it is called only while no other instance is ready`
            : message,
        ...(isUnanswered ? { isUnanswered } : {}),
      });
      this.#well(false);
    }
  }

  #former(): string {
    return describeFormer(this.#state.failures, this.#state.lastExit);
  }

  #unhealthy(message: string): void {
    this.#tell("Warning", "Unhealthy", message);
    this.#stop("unhealthy", message);
  }

  #stop(cause: StopCause, message: string): void {
    this.#set({
      phase: "Stopping",
      isReady: false,
      reason: cause === "unhealthy" ? "Unhealthy" : "Stopping",
      message,
      pending: { order: "stop", cause },
    });
    this.#effects.push({ do: "stop", graceMs: this.#at.demand.graceMs, cause });
  }

  #startWhenDue(): void {
    const { nowMs, obstacle } = this.#at;
    if (this.#state.retryAtMs !== undefined && this.#state.retryAtMs > nowMs) return;
    if (obstacle !== undefined) {
      this.#set({ phase: "Pending", isReady: false, reason: "Pending", message: obstacle });
      return;
    }
    // A probe that runs now and then is no less known while it starts again.
    const isRerun = this.#state.phase === "Running";
    this.#set({
      pending: { order: "start" },
      ...(isRerun ? {} : { phase: "Starting", isReady: false, reason: "Starting", message: "it is being started" }),
    });
    this.#effects.push({ do: "start" });
  }

  #askWhatIsDue(startedAtMs: number): void {
    for (const [name, plan] of activeChecks(this.#state, this.#at.demand)) {
      const check = this.#state.checks[name] ?? firstCheck(plan, startedAtMs, this.#at.nowMs);
      const isDue = !check.isAsking && check.nextAtMs <= this.#at.nowMs;
      this.#set({ checks: { ...this.#state.checks, [name]: isDue ? { ...check, isAsking: true } : check } });
      if (isDue) this.#effects.push({ do: "check", name, plan });
    }
  }

  #well(isWell: boolean): void {
    if (isWell) this.#state = { ...this.#state, wellSinceMs: this.#state.wellSinceMs ?? this.#at.nowMs };
    else this.#state = without(this.#state, "wellSinceMs");
  }

  #nextWake(): number | undefined {
    const { pending, running, retryAtMs } = this.#state;
    if (pending !== undefined) return undefined;
    if (running === undefined) return this.#at.wish === "run" && retryAtMs !== undefined && retryAtMs > this.#at.nowMs ? retryAtMs : undefined;
    const { once } = this.#at.demand;
    if (once !== undefined) return once.timeoutMs === undefined ? undefined : running.startedAtMs + once.timeoutMs;
    const times = nextTimes(this.#state, this.#at.demand);
    const { isReady, isAvailable, steadySinceMs } = this.#state;
    const isWatched = this.#at.demand.checks.readiness === undefined && isReady && isAvailable !== true;
    if (isWatched && steadySinceMs !== undefined) times.push(steadySinceMs + this.#neededMs());
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #tell(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#effects.push({ do: "tell", type, reason, message });
  }

  #set(change: Partial<InstanceState>): void {
    this.#state = { ...(change.isReady === undefined ? this.#state : without(this.#state, "isUnanswered")), ...change };
  }
}

/** A template that does not say `ports` has one, and is not ready until something listens there. */
const WORKER_HINT = "; a program that takes no calls (a worker) says `ports: []` in its template";

/** True if it is known that nothing broke until `untilMs`: by a check that was asked then or later, where there is one, else by the clock. */
function isSteadyUntil(untilMs: number, isAsked: boolean, input: Input, nowMs: number): boolean {
  if (!isAsked) return nowMs >= untilMs;
  return input.type === "check" && input.name === "readiness" && input.isOk && input.askedAtMs >= untilMs;
}

function without<K extends "running" | "pending" | "retryAtMs" | "wellSinceMs" | "isUnanswered" | "isAvailable" | "steadySinceMs">(
  state: InstanceState,
  ...keys: K[]
): Omit<InstanceState, K> & InstanceState {
  const copy: Record<string, unknown> = { ...state };
  for (const key of keys) delete copy[key];
  return copy as unknown as InstanceState;
}
