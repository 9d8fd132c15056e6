import type { Instance } from "#/model/index.ts";
import type { CheckName } from "./demand.ts";

/** What came of a run of a job. */
export type Outcome = NonNullable<NonNullable<Instance["status"]>["outcome"]>;

/** The end of a run of a job. Final: nothing of it is ever started again. */
export interface RunResult {
  readonly outcome: Outcome;
  readonly message: string;
  /** Absent: its program was never started. */
  readonly startedAtMs?: number;
}

export type Phase = NonNullable<NonNullable<Instance["status"]>["phase"]>;

export interface Exit {
  readonly code?: number;
  readonly signal?: string;
  readonly atMs: number;
  /** Last lines of the output. */
  readonly lines: readonly string[];
}

/** How far one check is. */
export interface CheckState {
  readonly nextAtMs: number;
  /** Asked and not yet answered. */
  readonly isAsking: boolean;
  /** In a row. */
  readonly successes: number;
  readonly failures: number;
}

/** Why a process is being stopped. `wish`: it is not wanted any more; `changed`: its spec is another one now; `unhealthy`: a check has failed too often; `timeout`, `cancelled`: of a run of a job. */
export type StopCause = "wish" | "changed" | "unhealthy" | "timeout" | "cancelled";

/** What the agent knows of one instance. Plain data; changed by `step` alone. */
export interface InstanceState {
  readonly phase: Phase;
  readonly isReady: boolean;
  /** It was ready, and is not only because nothing comes of its readiness check in time. Absent: no. */
  readonly isUnanswered?: true;
  /** It has been ready for as long as its spec asks, without a break and without a restart. Absent: no. */
  readonly isAvailable?: true;
  /** Since when its checks have passed without a break, as this agent has seen it. */
  readonly steadySinceMs?: number;
  /** Why it is ready or not: one CamelCase word, and a sentence. */
  readonly reason: string;
  readonly message: string;
  readonly running?: { readonly pid: number; readonly startedAtMs: number; readonly runHash: string };
  /** What was ordered and has not been answered. */
  readonly pending?: { readonly order: "start" } | { readonly order: "stop"; readonly cause: StopCause };
  /** True once the startup check has passed; without one, once it was ready for the first time. */
  readonly hasStartedUp: boolean;
  readonly checks: Readonly<Partial<Record<CheckName, CheckState>>>;
  /** Ends and failed starts in a row. */
  readonly failures: number;
  readonly wellSinceMs?: number;
  /** Not started before. */
  readonly retryAtMs?: number;
  readonly restarts: number;
  readonly lastExit?: Exit;
  readonly result?: RunResult;
}

export const NEW_INSTANCE: InstanceState = {
  phase: "Pending",
  isReady: false,
  reason: "Pending",
  message: "not started yet",
  hasStartedUp: false,
  checks: {},
  failures: 0,
  restarts: 0,
};

/** What must outlive the agent, so that an adopted instance is neither called unready for a moment nor forgiven its crashes. Not since when it is steady: what happened while no agent looked is not known, so that begins anew. */
export type InstanceMemory = Pick<InstanceState, "isReady" | "hasStartedUp" | "failures" | "restarts"> & {
  readonly isUnanswered?: true | undefined;
  readonly isAvailable?: true | undefined;
  readonly wellSinceMs?: number | undefined;
  readonly lastExit?: Exit | undefined;
  readonly result?: RunResult | undefined;
};

export function rememberInstance(state: InstanceState): InstanceMemory {
  const { isReady, isUnanswered, isAvailable, hasStartedUp, failures, restarts, wellSinceMs, lastExit, result } = state;
  return { isReady, isUnanswered, isAvailable, hasStartedUp, failures, restarts, wellSinceMs, lastExit, result };
}

export function recallInstance(memory: InstanceMemory): InstanceState {
  const { failures, restarts, wellSinceMs, lastExit, isReady, isUnanswered, isAvailable, hasStartedUp, result } = memory;
  return {
    ...NEW_INSTANCE,
    isReady,
    hasStartedUp,
    failures,
    restarts,
    ...(isUnanswered === undefined ? {} : { isUnanswered }),
    ...(isAvailable === undefined ? {} : { isAvailable }),
    ...(wellSinceMs === undefined ? {} : { wellSinceMs }),
    ...(lastExit === undefined ? {} : { lastExit }),
    ...(result === undefined ? {} : { result }),
  };
}
