import { createHash } from "node:crypto";
import { durationMs, type HealthCheck, type Instance } from "#/model/index.ts";

export type CheckName = "startup" | "readiness" | "liveness";
export const CHECK_NAMES: readonly CheckName[] = ["startup", "readiness", "liveness"];

/** A health check with its times in milliseconds. */
export interface CheckPlan {
  readonly action: Pick<HealthCheck, "http" | "tcp" | "exec">;
  readonly initialDelayMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
  /** Nobody wrote it: it stands where a template has a port and says no readiness. */
  readonly isAssumed?: true;
}

/** What an Instance's spec asks of its process, in the core's own terms. */
export interface Demand {
  readonly checks: Readonly<Partial<Record<CheckName, CheckPlan>>>;
  readonly graceMs: number;
  /** Ready for so long without a break, it is available. */
  readonly minReadyMs: number;
  /** A probe program that ends with 0 has done its work: it is run again after this time. */
  readonly rerunMs?: number;
  /** It is the run of a job: started once, and never again whatever comes of it. `timeoutMs`: the longest that it may take; `isCancelled`: somebody has stopped it. */
  readonly once?: { readonly timeoutMs: number | undefined; readonly isCancelled: boolean };
  /** Differs when the process must be started anew for a changed spec. A changed duty alone is told, not restarted. */
  readonly runHash: string;
  /** When it was last asked to begin again; absent: never. */
  readonly restartAt?: string;
  /** Nobody calls it: a process that was started before `restartAt` may be ended. */
  readonly mayRestart?: true;
}

/** What is remembered of a process, over the agent's own restarts, to know later for what it was started. */
export function startNote({ runHash, restartAt }: Demand): string {
  return restartAt === undefined ? runHash : `${runHash}@${restartAt}`;
}

/** `restartAt` of the demand for which a process was started. */
export function restartOfNote(note: string | undefined): string | undefined {
  const at = note?.indexOf("@") ?? -1;
  return at < 0 ? undefined : note?.slice(at + 1);
}

/** Why a process with this note is not the one that is wanted; `undefined`: it is. */
export function whyAnew(note: string, demand: Demand): "changed" | "restart" | undefined {
  if (note.split("@", 1)[0] !== demand.runHash) return "changed";
  return demand.mayRestart === true && restartOfNote(note) !== demand.restartAt ? "restart" : undefined;
}

/** Reads a spec. Without a readiness check the first port must take connections; without ports a running process is ready. */
export function planDemand(spec: Instance["spec"]): Demand {
  const { startup, readiness, liveness } = spec.health;
  const assumed: HealthCheck | undefined =
    spec.ports.length === 0 ? undefined : { tcp: {}, initialDelay: "0s", interval: "2s", timeout: "1s", successThreshold: 1, failureThreshold: 3 };
  const checks: Partial<Record<CheckName, CheckPlan>> = {};
  for (const [name, check] of [
    ["startup", startup],
    ["readiness", readiness ?? assumed],
    ["liveness", liveness],
  ] as const) {
    if (check !== undefined) checks[name] = { ...planCheck(check), ...(check === assumed ? { isAssumed: true as const } : {}) };
  }
  const { run, artifact, env, ports, scripts, probe, calls, once } = spec;
  return {
    checks,
    graceMs: durationMs(spec.grace),
    ...(spec.restart === undefined ? {} : { restartAt: spec.restart.at, ...(spec.restart.isFree === true ? { mayRestart: true as const } : {}) }),
    minReadyMs: durationMs(spec.minReady ?? "0s"),
    ...(run !== undefined && probe !== undefined ? { rerunMs: durationMs(probe.interval) } : {}),
    ...(once === undefined
      ? {}
      : { once: { timeoutMs: once.timeout === undefined ? undefined : durationMs(once.timeout), isCancelled: once.isCancelled === true } }),
    runHash: createHash("sha256")
      .update(JSON.stringify([run, artifact, env, ports, scripts, probe, calls]))
      .digest("hex")
      .slice(0, 16),
  };
}

function planCheck(check: HealthCheck): CheckPlan {
  const { http, tcp, exec } = check;
  return {
    action: { http, tcp, exec },
    initialDelayMs: durationMs(check.initialDelay),
    intervalMs: Math.max(100, durationMs(check.interval)),
    timeoutMs: Math.max(1, durationMs(check.timeout)),
    successThreshold: check.successThreshold,
    failureThreshold: check.failureThreshold,
  };
}
