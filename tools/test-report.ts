import type { Took } from "./test-run.ts";

export interface NamedTook extends Took {
  readonly name: string;
}

export interface LaneTook {
  readonly name: string;
  /** From its begin to its end. */
  readonly ms: number;
  readonly files: readonly NamedTook[];
}

/** So many of the slowest files are told. */
const SLOWEST = 10;

/** Where the time went: each lane, and the slowest files with how much of it they waited. Lines for people. */
export function describeTimes(lanes: readonly LaneTook[]): string[] {
  const all = lanes.flatMap(({ files }) => files);
  if (all.length < 2) return [];
  const slowest = [...all].sort((a, b) => b.ms - a.ms).slice(0, SLOWEST);
  return [
    "── time ──",
    ...lanes.filter(({ files }) => files.length > 0).map(describeLane),
    `the slowest${all.length > SLOWEST ? ` ${SLOWEST} of ${all.length}` : ""}:`,
    ...slowest.map((one) => `${seconds(one.ms)}  ${describeWaiting(one)}  ${one.name}`),
    "",
  ];
}

function describeLane({ name, ms, files }: LaneTook): string {
  const sum = files.reduce((total, one) => ({ ms: total.ms + one.ms, processorMs: total.processorMs + one.processorMs }), { ms: 0, processorMs: 0 });
  const beside = (sum.ms / Math.max(1, ms)).toFixed(1);
  return `${seconds(ms)}  ${describeWaiting(sum)}  ${name}: one after the other ${seconds(sum.ms).trim()}, ${beside} at once`;
}

/** Processes that work beside each other may keep processors for longer than the time that passes: then nothing was waiting. */
function describeWaiting({ ms, processorMs }: Took): string {
  const share = ms > 0 ? Math.max(0, 1 - processorMs / ms) : 0;
  return `${String(Math.round(share * 100)).padStart(3)} % waiting`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}
