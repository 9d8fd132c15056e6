import { formatDuration, formatShare, type Site, type Update } from "#/model/index.ts";

/** What `orrery update pause` says: where the Update is held, at which step of its ramp, and how long it stays there. */
export function describePause(one: Update, site: Site | undefined, nowMs: number): string {
  const { name } = one.metadata;
  const ramp = site?.status?.generations?.find((generation) => generation.update === name)?.ramp;
  const step = one.status?.phase === "Ramping" ? ramp?.step : undefined;
  if (one.spec.paused) return `update ${name} ${describeHeld(one, ramp, step)}`;
  if (ramp === undefined || step === undefined) return `update ${name} goes on`;
  const { holdMs } = ramp.steps[step] ?? { holdMs: 0 };
  const leftMs = Math.max(0, holdMs - (ramp.stepSince === undefined ? 0 : nowMs - Date.parse(ramp.stepSince)));
  const next = ramp.steps[step + 1];
  return `update ${name} goes on at ${describeStep(ramp, step)}: ${leftMs === 0 ? "its time there is over" : `it stays there ${formatDuration(leftMs)} or longer`}, then ${next === undefined ? "all new transactions" : formatShare(next.share)}`;
}

/** What `orrery update promote` says, of the Update as it was before. */
export function describePromotion({ metadata: { name }, spec, status }: Update): string {
  if (spec.ramp === undefined) return `update ${name} is not held any more; it has no ramp that could be shortened`;
  if (status?.phase === "Ramping") return `update ${name} is taken to its end: all new transactions get its versions at once, whatever gates say`;
  return `update ${name} is made without its ramp: all new transactions get its versions as soon as they are ready${hasBegun(status) ? "" : ", when its turn has come"}`;
}

function describeHeld(one: Update, ramp: Ramp | undefined, step: number | undefined): string {
  const { name } = one.metadata;
  const off = `until: orrery update pause ${name} --off`;
  if ((one.status?.strategy ?? one.spec.strategy) === "rolling" || (one.status?.strategy ?? one.spec.strategy) === "recreate") {
    if (!hasBegun(one.status)) return `is held before it replaces any instance; it stays so ${off}`;
    if (one.status?.phase === "Distributing")
      return `is held, but its instances are replaced: calls meet those of the new version; it stays so ${off}`;
    return `replaces no further instance; calls meet both versions as soon as one of the new is ready; it stays so ${off}`;
  }
  const until = one.spec.ramp === undefined && ramp === undefined ? off : `${off}, or to its end at once: orrery update promote ${name}`;
  if (ramp === undefined || step === undefined)
    return `is held before any transaction has the new versions${hasBegun(one.status) ? "" : ", whose instances start when its turn comes"}; it stays so ${until}`;
  const gate = one.spec.gates === undefined ? "" : "; a gate that fails still takes it back";
  return `is held at ${describeStep(ramp, step)}; it stays there ${until}${gate}`;
}

/** True once it has a generation: its instances start. */
function hasBegun(status: Update["status"]): boolean {
  return status?.generation !== undefined && status.phase !== "Pending";
}

type Ramp = NonNullable<NonNullable<NonNullable<Site["status"]>["generations"]>[number]["ramp"]>;

function describeStep({ steps }: Ramp, step: number): string {
  return `step ${step + 1} of ${steps.length} (${formatShare(steps[step]?.share ?? 0)} of new transactions)`;
}
