import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { describeError, OrreryError } from "#/base/index.ts";
import { COMMAND_MARK, endLeftovers, endWriters, newCommandId } from "./leftovers.ts";
import { OutputFile } from "./output-file.ts";
import { explainProgram } from "./program-check.ts";

export interface CommandOptions {
  readonly command: readonly string[];
  readonly workingDir: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** The newest so many bytes of output are kept; default 1 MiB. */
  readonly outputBytesMax?: number;
  /** Told of what it writes, within 50 ms; of more than 1 MiB in that time, the newest. Never after the result. */
  readonly onOutput?: (bytes: Buffer) => void;
  /** Kills the command; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** What the command has left in the background when it ends: `end` (default) ends it; `leave` leaves it to whoever ends what carries the marks in `env`, unless it still writes to the command's output. */
  readonly leftovers?: "end" | "leave";
}

export interface CommandResult {
  /** `null` if it ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** stdout and stderr as they came, in UTF-8 (other bytes are shown as U+FFFD). A first line in brackets says how much was left out. */
  readonly output: string;
}

const OUTPUT_BYTES_MAX = 1024 * 1024;
const TIMER_MS_MAX = 2 ** 31 - 1;
const LOOK_MS = 50;
/** Of what was written between two looks, so much is told. */
const TOLD_BYTES_MAX = 1024 * 1024;
/** Room that a command's output takes before the older part of it is given back. */
const HELD_BYTES = 16 * 1024 * 1024;
/** Where room cannot be given back, or not fast enough, a command is ended here. */
const HELD_BYTES_MAX = 512 * 1024 * 1024;

/** Runs a command to its end in a process group of its own, which is killed at `timeoutMs`. It ends with this process' attention: for what must live on use `startProcess`.
 *  Nothing that the command wrote is lost, however it ends (`OutputFile`); of much only the newest is kept.
 *  @throws process/command: it could not be started, such as program not found; or it wrote faster than its output could be dropped */
export async function runCommand(options: CommandOptions): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const { command, workingDir, env } = options;
  const [program = ""] = command;
  const fail = (why: string, cause?: unknown): OrreryError =>
    new OrreryError("process/command", `cannot run ${program}: ${why}`, cause === undefined ? {} : { cause });
  const output = openOutput(fail);
  const id = newCommandId();
  try {
    const beganMs = performance.now();
    const child = spawnCommand(command, {
      workingDir,
      env: { ...env, [COMMAND_MARK]: id },
      stdio: ["ignore", output.writeDescriptor, output.writeDescriptor],
    });
    const end = await waitForEnd(child, output, options).catch((error: unknown) => {
      if (options.signal?.aborted === true) throw error;
      throw fail(explainSpawn(error, command, workingDir, env), error);
    });
    if (end.isFlooding)
      throw fail(`it wrote ${HELD_BYTES_MAX / 1024 / 1024} MiB faster than they could be dropped, and was ended; let it write less`);
    return {
      exitCode: end.code,
      signal: end.signal,
      timedOut: end.timedOut,
      durationMs: Math.round(performance.now() - beganMs),
      output: textOf(output, options),
    };
  } finally {
    output.close();
    if (options.leftovers === "leave") await endWriters(id, output.name);
    else endLeftovers(id);
  }
}

function openOutput(fail: (why: string, cause: unknown) => OrreryError): OutputFile {
  try {
    return new OutputFile();
  } catch (error) {
    throw fail(`no file for its output can be made: ${describeError(error)}`, error);
  }
}

/** Starts a program as the leader of a session and process group of its own. What is wrong with it comes as the event `error`. */
export function spawnCommand(
  command: readonly string[],
  options: { readonly workingDir: string; readonly env: Readonly<Record<string, string>>; readonly stdio: ["ignore" | "pipe", number, number] },
): ChildProcess {
  const [program = "", ...args] = command;
  return spawn(program, args, { cwd: options.workingDir, env: { ...options.env }, detached: true, stdio: options.stdio });
}

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly isFlooding: boolean;
}

/** Its group is gone when this resolves or rejects, unless it was to be left. */
async function waitForEnd(child: ChildProcess, output: OutputFile, options: CommandOptions): Promise<End> {
  const { signal } = options;
  let timedOut = false;
  let isFlooding = false;
  const kill = (): void => killGroup(child.pid);
  const timer = setTimeout(
    () => {
      timedOut = true;
      kill();
    },
    Math.min(options.timeoutMs, TIMER_MS_MAX),
  );
  const bytesMax = options.outputBytesMax ?? OUTPUT_BYTES_MAX;
  let isDropping = false;
  let told = 0;
  const tell = (): void => {
    const { onOutput } = options;
    if (onOutput === undefined) return;
    told = Math.max(told, output.length - TOLD_BYTES_MAX);
    for (let bytes = output.read(told); bytes.length > 0; bytes = output.read(told)) {
      told += bytes.length;
      onOutput(bytes);
    }
  };
  const looks = setInterval(() => {
    tell();
    const { held, length } = output;
    if (held > HELD_BYTES_MAX) {
      isFlooding = true;
      kill();
    } else if (held > HELD_BYTES + bytesMax && !isDropping) {
      isDropping = true;
      void output.dropUpTo(length - bytesMax).finally(() => {
        isDropping = false;
      });
    }
  }, LOOK_MS);
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const [code, name] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (exitCode, exitSignal) => resolve([exitCode, exitSignal]));
    });
    signal?.throwIfAborted();
    tell();
    return { code, signal: name, timedOut, isFlooding };
  } finally {
    clearTimeout(timer);
    clearInterval(looks);
    signal?.removeEventListener("abort", kill);
    // The number of the group is nobody else's while anyone is in it, and not given away in this moment.
    if (options.leftovers !== "leave") kill();
  }
}

function textOf(output: OutputFile, { outputBytesMax = OUTPUT_BYTES_MAX }: CommandOptions): string {
  const { bytes, before } = output.newest(outputBytesMax);
  const text = bytes.toString("utf8");
  return before === 0 ? text : `[the first ${before} bytes are left out]\n${text}`;
}

/** What kept a program from being started, for people. */
export function explainSpawn(error: unknown, command: readonly string[], workingDir: string, env: Readonly<Record<string, string>>): string {
  const [program = ""] = command;
  const code = (error as NodeJS.ErrnoException).code;
  if (!existsSync(workingDir)) return `its working folder ${workingDir} is not there`;
  const known = explainProgram(command, workingDir, env);
  if (known !== undefined) return known;
  if (code === "ENOENT") return program.includes("/") ? "there is no such program" : "there is no such program on PATH; install it, or give its path";
  return code === "EACCES" ? "this user may not execute it" : describeError(error);
}

/** Kills the process group of `pid`, if there is one. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals = "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // EPERM: what is left there belongs to another user.
    if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
