import type { HealthCheck, Probe } from "#/model/index.ts";
import type { AskOptions, CheckResult, CheckTarget, Observation, ProbeContext } from "./contract.ts";
import { checkExec } from "./exec/check.ts";
import { observeExec } from "./exec/observe.ts";
import { observeHost } from "./host/observe.ts";
import { checkHttp } from "./http/check.ts";
import { observeHttp } from "./http/observe.ts";
import { checkTcp } from "./tcp/check.ts";
import { observeTcp } from "./tcp/observe.ts";

/** The part of a health check that says how to ask. */
export type CheckAction = Pick<HealthCheck, "http" | "tcp" | "exec">;

/** Asks once, by the protocol that the check names. Never throws for what the target does; rejects with the signal's reason when aborted. */
export async function runCheck(check: CheckAction, target: CheckTarget, options: AskOptions): Promise<CheckResult> {
  if (check.http !== undefined) return await checkHttp(check.http, target, options);
  if (check.tcp !== undefined) return await checkTcp(check.tcp, target, options);
  if (check.exec !== undefined) return await checkExec(check.exec, target, options);
  return { isOk: false, message: "the check names no protocol; give one of http, tcp, exec" };
}

/** True if the probe is carried out here and not by a program of its own. */
export function isBuiltIn(probe: Probe): boolean {
  return (probe.http ?? probe.tcp ?? probe.exec ?? probe.snmp ?? probe.host) !== undefined;
}

/** Looks once, by the protocol that the probe names. Never throws for what it finds; rejects with the signal's reason when aborted. */
export async function runProbe(probe: Probe, context: ProbeContext, options: AskOptions): Promise<Observation> {
  if (probe.http !== undefined) return await observeHttp(probe.http, context, options);
  if (probe.tcp !== undefined) return await observeTcp(probe.tcp, context, options);
  if (probe.exec !== undefined) return await observeExec(probe.exec, context, options);
  if (probe.host !== undefined) return await observeHost(probe.host, context, options);
  return { error: "the probe is a container image without a command: this host runs programs; give command" };
}
