import { describeError } from "#/base/index.ts";
import type { Probe } from "#/model/index.ts";
import { runCommand } from "#/work/process/index.ts";
import type { Observe } from "../contract.ts";
import { describeInvalid, ObservationLines } from "../observation-lines.ts";

/** Runs a command once and reads its JSON lines; the last one counts. */
export const observeExec: Observe<NonNullable<Probe["exec"]>> = async (spec, context, { timeoutMs, signal }) => {
  const what = spec.command.join(" ");
  try {
    const result = await runCommand({
      command: spec.command,
      workingDir: context.workingDir,
      env: context.env,
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    const lines = new ObservationLines();
    const last = [...lines.push(result.output), ...lines.end()].at(-1);
    if (result.timedOut) return { error: `${what} did not end within ${timeoutMs} ms and was killed` };
    if (result.exitCode !== 0) return { error: `${what}: ${result.signal ?? `exit status ${result.exitCode}`}${describeInvalid(lines)}` };
    return last ?? { error: `${what} printed no line {"observed": {...}}${describeInvalid(lines)}` };
  } catch (error) {
    signal?.throwIfAborted();
    return { error: describeError(error) };
  }
};
