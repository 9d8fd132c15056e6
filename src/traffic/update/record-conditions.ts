import { setCondition, type Update } from "#/model/index.ts";
import { consistencyOf, type SiteState } from "./core/index.ts";

type UpdateStatus = NonNullable<Update["status"]>;

/** Why the site has refused what the Update wanted. */
export function refusalOf(status: UpdateStatus, { refused }: SiteState): string | undefined {
  return refused.find((one) => status.revisions?.some(({ service, to }) => one.service === service && one.revision === to))?.reason;
}

/** `status` with what is true of it. `compatible`: exclusive services that are handed over without holding; `refusal`: why the site has refused it; `stopped`: what was switched to without having been started, told to people. */
export function withConditions(
  one: Update,
  status: UpdateStatus,
  {
    compatible,
    refusal,
    stopped,
  }: { readonly compatible: readonly string[]; readonly refusal: string | undefined; readonly stopped: readonly string[] },
  nowMs: number,
): UpdateStatus {
  const phase = status.phase ?? "Pending";
  const isComplete = phase === "Complete";
  const wait = status.waits?.[0];
  const complete = setCondition(
    one.status?.conditions,
    {
      type: "Complete",
      status: isComplete ? "True" : "False",
      reason: phase,
      message: wait?.message ?? (isComplete ? "the new revisions serve all transactions; the old ones are withdrawn" : (refusal ?? `phase ${phase}`)),
      observedGeneration: one.metadata.generation,
    },
    nowMs,
  );
  const consistent = setCondition(complete, consistencyOf(status.strategy ?? one.spec.strategy ?? "consistent", compatible), nowMs);
  return { ...status, conditions: [...withStarted(consistent, phase, stopped, nowMs)] };
}

/** Told of what is switched to, and only where something was not started at first. */
function withStarted(conditions: Conditions, phase: UpdateStatus["phase"], stopped: readonly string[], nowMs: number): Conditions {
  const isSwitched = phase === "Draining" || phase === "Complete";
  if (isSwitched && stopped.length > 0)
    return setCondition(conditions, { type: "Started", status: "False", reason: "Suspended", message: stopped.join("; ") }, nowMs);
  if (!conditions.some((one) => one.type === "Started")) return conditions;
  return setCondition(
    conditions,
    { type: "Started", status: "True", reason: "Started", message: "it was started while the update was under way" },
    nowMs,
  );
}

type Conditions = ReturnType<typeof setCondition>;
