import { statSync } from "node:fs";
import { describeError } from "#/base/index.ts";
import { ObservationLines } from "#/work/probes/index.ts";
import { readLog } from "#/work/process/index.ts";
import type { HostedInstance } from "./hosted-instance.ts";

/** Hands on what a probe program prints from now on, over all its runs, while its runner looks after it. What it printed before is old: nobody knows when it saw that. */
export function followProbe(hosted: HostedInstance): void {
  const { resource } = hosted.instance.spec;
  if (resource === undefined) return;
  read(hosted, resource).catch((error: unknown) =>
    hosted.context.log.error("reading a probe's output failed", { instance: hosted.instance.metadata.name, error: describeError(error) }),
  );
}

async function read(hosted: HostedInstance, resource: string): Promise<void> {
  const { folder, context, over } = hosted;
  const { name, namespace = "default" } = hosted.instance.metadata;
  const lines = new ObservationLines();
  const from = statSync(folder.log, { throwIfNoEntry: false })?.size ?? 0;
  for await (const chunk of readLog(folder.log, { follow: true, from, signal: over })) {
    const { invalid } = lines;
    // Of several at once the newest is the state.
    const newest = lines.push(chunk).at(-1);
    if (newest !== undefined) context.observed({ resource, namespace, instance: name, atMs: context.clock.now(), ...newest });
    if (lines.invalid > invalid) tellInvalid(hosted, lines.invalid, lines.lastInvalid ?? "");
  }
}

function tellInvalid(hosted: HostedInstance, count: number, last: string): void {
  hosted.tell(
    "Warning",
    "InvalidObservation",
    `${count} ${count === 1 ? "line" : "lines"} of its output were no observations, the last one: ${last}; a probe prints {"observed": {...}} or {"error": "..."}`,
  );
}
