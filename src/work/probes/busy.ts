import { describeError } from "#/base/index.ts";
import type { BusyCheck } from "#/model/index.ts";
import { runCommand } from "#/work/process/index.ts";
import { deadline, describeConnectError } from "./connect-error.ts";
import type { AskOptions, CheckTarget } from "./contract.ts";
import { getOnce } from "./http/request.ts";

/** Whether an instance has work that no call shows. `message` says what was asked and found. */
export interface BusyAnswer {
  readonly state: "busy" | "idle" | "unknown";
  readonly message: string;
}

/** Asks once. Never throws for what the instance does; rejects with the signal's reason when aborted. */
export async function askBusy(check: BusyCheck, target: CheckTarget, options: AskOptions): Promise<BusyAnswer> {
  try {
    return check.http === undefined ? await askByCommand(check, target, options) : await askByHttp(check.http, target, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    return { state: "unknown", message: describeError(error) };
  }
}

async function askByHttp(http: NonNullable<BusyCheck["http"]>, target: CheckTarget, { timeoutMs, signal }: AskOptions): Promise<BusyAnswer> {
  const port = target.port(http.port);
  if (port === undefined) return { state: "unknown", message: `there is no port ${http.port ?? "at all"} to ask` };
  const url = new URL(http.path, `http://${target.address}:${port}`);
  try {
    const { status } = await getOnce(url, { bodyBytesMax: 0, signal: deadline(timeoutMs, signal) });
    const state = status === 200 ? "busy" : status === 204 ? "idle" : "unknown";
    return { state, message: `GET ${url} answered ${status}${state === "unknown" ? ", expected 200 (busy) or 204 (idle)" : ""}` };
  } catch (error) {
    signal?.throwIfAborted();
    return { state: "unknown", message: `GET ${url}: ${describeConnectError(error, `${target.address}:${port}`, timeoutMs)}` };
  }
}

async function askByCommand(check: BusyCheck, target: CheckTarget, { timeoutMs, signal }: AskOptions): Promise<BusyAnswer> {
  const command = check.exec?.command ?? [];
  const { exitCode, timedOut } = await runCommand({
    command,
    workingDir: target.workingDir,
    env: target.env,
    timeoutMs,
    outputBytesMax: 4096,
    ...(signal === undefined ? {} : { signal }),
  });
  const what = command.join(" ");
  if (timedOut) return { state: "unknown", message: `${what} did not end within ${timeoutMs} ms and was killed` };
  const state = exitCode === 0 ? "busy" : exitCode === 1 ? "idle" : "unknown";
  return { state, message: `${what}: exit status ${exitCode}${state === "unknown" ? ", expected 0 (busy) or 1 (idle)" : ""}` };
}
