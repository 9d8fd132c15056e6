import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { describeError, OrreryError } from "#/base/index.ts";

export interface CommandOptions {
  readonly command: readonly string[];
  readonly workingDir: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** The newest so many bytes of output are kept; default 1 MiB. */
  readonly outputBytesMax?: number;
  /** Kills the command; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

export interface CommandResult {
  /** `null` if it ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** stdout and stderr as they came. A first line in brackets says how much was left out. */
  readonly output: string;
}

const OUTPUT_BYTES_MAX = 1024 * 1024;
/** A process that the command left behind may keep the pipes open for ever. */
const PIPE_WAIT_MS = 500;

/** Runs a command to its end in a process group of its own, which is killed at `timeoutMs`. It ends with this process' attention: for what must live on use `startProcess`.
 *  @throws process/command: it could not be started, such as program not found */
export async function runCommand(options: CommandOptions): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const [program = "", ...args] = options.command;
  const beganMs = performance.now();
  const child = spawn(program, args, { cwd: options.workingDir, env: { ...options.env }, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const output = new NewestBytes(options.outputBytesMax ?? OUTPUT_BYTES_MAX);
  child.stdout.on("data", (bytes: Buffer) => output.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => output.push(bytes));
  let timedOut = false;
  const kill = (): void => killGroup(child.pid);
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, options.timeoutMs);
  options.signal?.addEventListener("abort", kill, { once: true });
  try {
    const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, name) => {
        const closeTimer = setTimeout(() => resolve([code, name]), PIPE_WAIT_MS);
        child.once("close", () => {
          clearTimeout(closeTimer);
          resolve([code, name]);
        });
      });
    });
    options.signal?.throwIfAborted();
    return { exitCode, signal, timedOut, durationMs: Math.round(performance.now() - beganMs), output: output.text() };
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw new OrreryError("process/command", `cannot run ${program}: ${explain(error, program, options.workingDir)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", kill);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function explain(error: unknown, program: string, workingDir: string): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (!existsSync(workingDir)) return `its working folder ${workingDir} is not there`;
  if (code === "ENOENT") return program.includes("/") ? "there is no such program" : "there is no such program on PATH; install it, or give its path";
  return code === "EACCES" ? "this user may not execute it" : describeError(error);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

class NewestBytes {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#chunks[0] as Buffer;
      const excess = Math.min(oldest.length, this.#bytes - this.#bytesMax);
      if (excess === oldest.length) this.#chunks.shift();
      else this.#chunks[0] = oldest.subarray(excess);
      this.#bytes -= excess;
      this.#dropped += excess;
    }
  }

  text(): string {
    const text = Buffer.concat(this.#chunks).toString("utf8");
    return this.#dropped === 0 ? text : `[the first ${this.#dropped} bytes are left out]\n${text}`;
  }
}
