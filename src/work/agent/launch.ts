import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";
import { type Duty, durationMs, type Instance, sizeBytes } from "#/model/index.ts";
import { type CommandResult, Exec, type LogLimits, type ProcessSigns, type RunningProcess, runCommand, startProcess } from "#/work/process/index.ts";
import { buildEnvironment } from "./core/index.ts";
import type { ExecRequest } from "./exec-sessions.ts";
import type { InstanceFolder, NetworkRecord } from "./instance-folder.ts";
import type { RunnerContext } from "./runner.ts";
import { makeVolume, volumesOf } from "./volumes.ts";
import { prepareWorkFolder } from "./work-folder.ts";

/** One Instance as it is to be run. */
export interface LaunchInput {
  readonly instance: Instance;
  readonly folder: InstanceFolder;
  readonly network: NetworkRecord;
  readonly context: RunnerContext;
}

/** How much of its output is kept. */
export function logLimits({ spec }: Instance): LogLimits {
  const { size, parts } = spec.logs ?? {};
  return { ...(size === undefined ? {} : { bytesMax: sizeBytes(size) }), ...(parts === undefined ? {} : { partsMax: parts }) };
}

/** By what the processes of an Instance are known. */
export function signsOf({
  instance,
  folder,
  context,
}: Pick<LaunchInput, "instance" | "folder" | "context">): ProcessSigns & { readonly home: string } {
  return { marks: { ORRERY_INSTANCE: instance.metadata.uid, ORRERY_SITE: context.site }, home: folder.path };
}

/** Makes the working folder ready, and the file that says what the instance may do.
 *  @throws agent/no-artifact: the files are not on this host
 *  @throws agent/work-folder, agent/render: as `prepareWorkFolder` */
export async function prepare(input: LaunchInput, duty: Duty): Promise<void> {
  const { instance, folder, context } = input;
  const { artifact, rendered = [] } = instance.spec;
  const files = artifact === undefined ? undefined : await context.openArtifact(artifact);
  if (artifact !== undefined && files === undefined) {
    throw new OrreryError(
      "agent/no-artifact",
      `the files of ${instance.metadata.name} (artifact ${artifact}) are not in ${path.join(context.dataFolder, "artifacts")}; change the template or apply it again, so that they are copied anew`,
    );
  }
  const volumes = volumesOf(instance, context.volumesFolder);
  for (const { folder: place } of volumes) makeVolume(place);
  prepareWorkFolder(folder.work, {
    artifact: files,
    rendered,
    volumes: Object.fromEntries(volumes.map((one) => [one.path, one.folder])),
    values: rendered.length === 0 ? {} : environmentOf(input),
  });
  folder.writeDuty(duty);
}

/** The whole environment of the instance's process, scripts and checks. */
export function environmentOf({ instance, folder, network, context }: LaunchInput): Record<string, string> {
  const { spec, metadata } = instance;
  return buildEnvironment({
    uid: metadata.uid,
    name: metadata.name,
    spec,
    ports: network.ports,
    callerAddress: network.callerAddress,
    services: context.services(),
    proxyPort: context.proxyPort,
    stateFile: folder.state,
    folder: folder.work,
    site: context.site,
    dataFolder: context.dataFolder,
    inherited: context.inherited,
    volumes: Object.fromEntries(volumesOf(instance, context.volumesFolder).map((one) => [one.name, one.folder])),
    probeIntervalMs: spec.probe === undefined ? undefined : durationMs(spec.probe.interval),
  });
}

/** Runs the script `start`, if there is one, and then starts the process. `runHash` is found again after an adoption.
 *  @throws agent/start-script: it failed; `details.lines`: what it said last
 *  @throws process/… as `startProcess` */
export async function launch(input: LaunchInput, runHash: string): Promise<RunningProcess> {
  const { instance, folder, context } = input;
  const { run } = instance.spec;
  if (run === undefined) throw new OrreryError("agent/no-program", `${instance.metadata.name} has nothing to run`);
  await runScriptIfAny(input, "start");
  return await startProcess({
    folder: folder.runs,
    command: [...run.command, ...run.args],
    workingDir: folder.workingDir(run.workingDir),
    env: environmentOf(input),
    ...signsOf(input),
    logPath: folder.log,
    logLimits: logLimits(instance),
    note: runHash,
    nowMs: context.clock.now(),
  });
}

/** Runs the named script if the instance has one; false if it has none.
 *  @throws agent/start-script (also for `stop`): it failed */
export async function runScriptIfAny(input: LaunchInput, name: string): Promise<boolean> {
  if (!input.instance.spec.scripts.some((script) => script.name === name)) return false;
  const result = await runNamedScript(input, name, input.context.signal);
  if (result.exitCode === 0 && !result.timedOut) return true;
  const how = result.timedOut ? "did not end in time and was killed" : `ended with ${result.signal ?? `exit status ${result.exitCode}`}`;
  throw new OrreryError("agent/start-script", `its script ${name} ${how}`, { details: { lines: result.output.trimEnd().split("\n").slice(-10) } });
}

/** Runs one of the instance's scripts in its folder and environment.
 *  @throws agent/no-script: it has none of that name */
export async function runNamedScript(
  input: LaunchInput,
  name: string,
  signal: AbortSignal,
  onOutput?: (bytes: Buffer) => void,
): Promise<CommandResult> {
  const { instance, folder } = input;
  const script = instance.spec.scripts.find((one) => one.name === name);
  if (script === undefined) {
    const names = instance.spec.scripts.map((one) => one.name).join(", ");
    throw new OrreryError(
      "agent/no-script",
      `${instance.metadata.name} has no script ${JSON.stringify(name)}; it has ${names === "" ? "none" : names}`,
    );
  }
  const workingDir = folder.workingDir(instance.spec.run?.workingDir ?? ".");
  return await runCommand({
    command: script.command,
    workingDir,
    env: environmentOf(input),
    timeoutMs: durationMs(script.timeout),
    signal,
    ...(onOutput !== undefined && { onOutput }),
    // A helper that a script starts belongs to the instance and is ended with it.
    leftovers: "leave",
  });
}

/** Variable by which the agent knows commands that someone works with: they are no part of the instance's process, and a crash of that does not end them. */
export const EXEC_MARK = "ORRERY_EXEC";

/** Starts a command that someone works with, in the instance's folder and with its environment, except for what marks the instance's own processes. */
export async function startExec(input: LaunchInput, { command, input: hasInput = false, terminal }: ExecRequest, signal: AbortSignal): Promise<Exec> {
  const { instance, folder } = input;
  const { ORRERY_INSTANCE: uid = "", ...env } = environmentOf(input);
  return await Exec.start({
    command,
    workingDir: folder.workingDir(instance.spec.run?.workingDir ?? "."),
    env: { ...env, [EXEC_MARK]: uid, ...(terminal === undefined ? {} : { TERM: terminal.type ?? "xterm" }) },
    hasInput,
    ...(terminal === undefined ? {} : { terminal }),
    signal,
  });
}

/** What a failed start says, and the last lines that belong to it. */
export function explainStart(error: unknown): { readonly message: string; readonly lines: readonly string[] } {
  const lines = error instanceof OrreryError ? error.details["lines"] : undefined;
  return { message: describeError(error), lines: Array.isArray(lines) ? lines.map(String) : [] };
}
