import { statSync } from "node:fs";
import { type Observation, ObservationLines } from "#/work/probes/index.ts";
import { readLog } from "#/work/process/index.ts";

export interface ProbeProgramOptions {
  readonly logPath: string;
  readonly onObservation: (observation: Observation) => void;
  /** Lines that are no observations: how many so far, and the last one. */
  readonly onInvalid: (count: number, last: string) => void;
  readonly signal: AbortSignal;
}

/** Reads what a probe program prints from now on, over all its runs, until `signal` aborts. What it printed before is old: nobody knows when it saw that. */
export async function followProbeProgram({ logPath, onObservation, onInvalid, signal }: ProbeProgramOptions): Promise<void> {
  const lines = new ObservationLines();
  const from = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  for await (const chunk of readLog(logPath, { follow: true, from, signal })) {
    const before = lines.invalid;
    // Of several at once the newest is the state.
    const newest = lines.push(chunk).at(-1);
    if (newest !== undefined) onObservation(newest);
    if (lines.invalid > before) onInvalid(lines.invalid, lines.lastInvalid ?? "");
  }
}
