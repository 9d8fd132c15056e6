import { formatDuration, type Site, type Update } from "#/model/index.ts";

/** What `orrery update pause` says: at which step of its ramp the Update is, and how long it stays there. */
export function describePause(one: Update, site: Site | undefined, nowMs: number): string {
  const { name } = one.metadata;
  const ramp = site?.status?.generations?.find((generation) => generation.update === name)?.ramp;
  const step = one.status?.phase === "Ramping" ? ramp?.step : undefined;
  if (one.spec.paused) {
    const until = `until: orrery update pause ${name} --off, or to its end at once: orrery update promote ${name}`;
    if (one.spec.strategy === "rolling")
      return `update ${name} replaces no further instance; calls already meet those of the new version that are ready; it stays so until: orrery update pause ${name} --off`;
    if (ramp === undefined || step === undefined) return `update ${name} is held before any transaction has the new versions; it stays so ${until}`;
    return `update ${name} is held at ${describeStep(ramp, step)}; it stays there ${until}`;
  }
  if (ramp === undefined || step === undefined) return `update ${name} goes on`;
  const { holdMs } = ramp.steps[step] ?? { holdMs: 0 };
  const leftMs = Math.max(0, holdMs - (ramp.stepSince === undefined ? 0 : nowMs - Date.parse(ramp.stepSince)));
  const next = ramp.steps[step + 1];
  return `update ${name} goes on at ${describeStep(ramp, step)}: ${leftMs === 0 ? "its time there is over" : `it stays there ${formatDuration(leftMs)} or longer`}, then ${next === undefined ? "all new transactions" : percent(next.share)}`;
}

type Ramp = NonNullable<NonNullable<NonNullable<Site["status"]>["generations"]>[number]["ramp"]>;

function describeStep({ steps }: Ramp, step: number): string {
  return `step ${step + 1} of ${steps.length} (${percent(steps[step]?.share ?? 0)} of new transactions)`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
