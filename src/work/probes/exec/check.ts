import { describeError } from "#/base/index.ts";
import type { HealthCheck } from "#/model/index.ts";
import { runCommand } from "#/work/process/index.ts";
import type { Check } from "../contract.ts";

/** Well if a command ends with 0. It runs with the instance's environment and folder. */
export const checkExec: Check<NonNullable<HealthCheck["exec"]>> = async (action, target, { timeoutMs, signal }) => {
  const what = action.command.join(" ");
  try {
    const result = await runCommand({
      command: action.command,
      workingDir: target.workingDir,
      env: target.env,
      timeoutMs,
      outputBytesMax: 4096,
      ...(signal === undefined ? {} : { signal }),
    });
    if (result.timedOut) return { isOk: false, isUnanswered: true, message: `${what} did not end within ${timeoutMs} ms and was killed` };
    const end = result.signal ?? `exit status ${result.exitCode}`;
    const lastLine = result.output.trimEnd().split("\n").at(-1) ?? "";
    return { isOk: result.exitCode === 0, message: `${what}: ${end}${lastLine === "" ? "" : `: ${lastLine.slice(0, 300)}`}` };
  } catch (error) {
    signal?.throwIfAborted();
    return { isOk: false, message: describeError(error) };
  }
};
