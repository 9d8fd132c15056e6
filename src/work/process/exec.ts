import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import { explainSpawn, killGroup } from "./command.ts";
import { COMMAND_MARK, endLeftovers, newCommandId } from "./leftovers.ts";
import { OutputFile } from "./output-file.ts";

export interface ExecOptions {
  readonly command: readonly string[];
  readonly workingDir: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether something is written to its standard input; else that is empty. */
  readonly hasInput: boolean;
  /** A terminal of this size; absent: none, and stdout and stderr apart. */
  readonly terminal?: TerminalSize;
  /** Ends the command with everything that it has started. */
  readonly signal: AbortSignal;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What comes of a command. The end comes last, once. */
export type ExecOutput = { readonly stream: "out" | "err"; readonly bytes: Buffer } | ExecEnd;

export interface ExecEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

const LOOK_MS = 15;
/** So much that nobody has read yet, and the command is held until it is read. */
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;
/** Room of what was read is given back in steps of this. */
const DROP_BYTES = 16 * 1024 * 1024;
/** Where room cannot be given back, the command is ended here. */
const HELD_BYTES_MAX = 512 * 1024 * 1024;

/** A command that someone works with: what they type goes in, what it says comes out as it says it.
 *  Nothing of its output is lost (`OutputFile`); a reader who is slow holds the command (SIGSTOP), so that what waits is bounded. With a terminal its standard input, output and error are one of the system's (pty), made by `script` of util-linux, as Node.js makes none itself. */
export class Exec {
  readonly #child: ChildProcess;
  readonly #id: string;
  readonly #options: ExecOptions;
  readonly #outputs: readonly { readonly name: "out" | "err"; readonly file: OutputFile; position: number; droppedTo: number }[];
  readonly #ended: Promise<ExecEnd>;
  #isHeld = false;
  #isOver = false;
  #isFlooding = false;
  #isDropping = false;

  private constructor(child: ChildProcess, id: string, options: ExecOptions, files: readonly OutputFile[]) {
    this.#child = child;
    this.#id = id;
    this.#options = options;
    this.#outputs = files.map((file, index) => ({ name: index === 0 ? "out" : "err", file, position: 0, droppedTo: 0 }) as const);
    this.#ended = new Promise((resolve) => {
      child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }));
    });
    child.stdin?.on("error", () => {});
  }

  /** @throws process/command: it could not be started
   *  @throws process/no-terminal: this machine has no `script` that makes terminals */
  static async start(options: ExecOptions): Promise<Exec> {
    const { terminal, workingDir, signal } = options;
    signal.throwIfAborted();
    const id = newCommandId();
    const env = { ...options.env, [COMMAND_MARK]: id };
    const [program = "", ...args] = terminal === undefined ? options.command : inTerminal(options.command, terminal, options.env);
    const files = terminal === undefined ? [new OutputFile(), new OutputFile()] : [new OutputFile()];
    const [out, err = out] = files.map((one) => one.writeDescriptor);
    const child = spawn(program, args, {
      cwd: workingDir,
      env: terminal === undefined ? env : { ...env, SHELL: "/bin/sh" },
      detached: true,
      stdio: [options.hasInput || terminal !== undefined ? "pipe" : "ignore", out, err],
    });
    const exec = new Exec(child, id, options, files);
    try {
      await once(child, "spawn");
    } catch (error) {
      for (const file of files) file.close();
      throw new OrreryError("process/command", `cannot run ${options.command[0]}: ${explainSpawn(error, options.command, workingDir, options.env)}`, {
        cause: error,
      });
    }
    return exec;
  }

  /** Gives it input; resolves when that was taken. What comes after its end is dropped. */
  async write(bytes: Uint8Array): Promise<void> {
    const { stdin } = this.#child;
    if (stdin === null || stdin.destroyed || stdin.writableEnded || this.#isOver) return;
    if (stdin.write(bytes)) return;
    await Promise.race([once(stdin, "drain").catch(() => {}), once(stdin, "close").catch(() => {}), this.#ended]);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Only with a terminal: tells it its new size, and the programs in it by SIGWINCH. */
  resize({ rows, columns }: TerminalSize): void {
    const device = this.#inner()
      .map(terminalOf)
      .find((one) => one !== undefined);
    if (device !== undefined) execFile("stty", ["-F", device, "rows", String(rows), "columns", String(columns)], () => {});
  }

  /** What it says, and how it ended. Call it once; whoever stops reading ends the command. */
  async *output(): AsyncGenerator<ExecOutput, void, undefined> {
    const { signal } = this.#options;
    const end = (): void => this.#end();
    signal.addEventListener("abort", end, { once: true });
    const looks = setInterval(() => this.#lookAtRoom(), LOOK_MS);
    try {
      let ending: ExecEnd | undefined;
      void this.#ended.then((one) => {
        ending = one;
      });
      for (;;) {
        // Looked at before the reading: what it wrote until its end is read after it.
        const isLast = ending !== undefined;
        for (const one of this.#outputs) {
          for (let bytes = one.file.read(one.position); bytes.length > 0; bytes = one.file.read(one.position)) {
            one.position += bytes.length;
            yield { stream: one.name, bytes };
          }
        }
        if (signal.aborted) throw signal.reason;
        if (isLast) break;
        await Promise.race([this.#ended, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
      }
      if (this.#isFlooding) throw new OrreryError("process/command", `${this.#options.command[0]} wrote more than could be held, and was ended`);
      if (ending !== undefined) yield ending;
    } finally {
      clearInterval(looks);
      signal.removeEventListener("abort", end);
      this.#end();
      for (const { file } of this.#outputs) file.close();
    }
  }

  #lookAtRoom(): void {
    if (this.#isOver) return;
    const unread = this.#outputs.reduce((sum, one) => sum + one.file.length - one.position, 0);
    if (unread > UNREAD_BYTES_MAX !== this.#isHeld) {
      this.#isHeld = !this.#isHeld;
      for (const pid of [this.#child.pid, ...this.#inner()]) killGroup(pid, this.#isHeld ? "SIGSTOP" : "SIGCONT");
    }
    for (const one of this.#outputs) {
      if (one.position - one.droppedTo < DROP_BYTES || this.#isDropping) continue;
      this.#isDropping = true;
      const to = one.position;
      void one.file.dropUpTo(to).then(() => {
        // Tried, whether it could be or not.
        one.droppedTo = to;
        this.#isDropping = false;
      });
      if (one.file.held > HELD_BYTES_MAX) {
        this.#isFlooding = true;
        this.#end();
      }
    }
  }

  /** In a terminal the command leads a session of its own. */
  #inner(): number[] {
    if (this.#options.terminal === undefined || this.#child.pid === undefined) return [];
    try {
      return readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, "utf8")
        .trim()
        .split(" ")
        .map(Number)
        .filter((pid) => pid > 0);
    } catch {
      return [];
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const pid of [...this.#inner(), this.#child.pid]) killGroup(pid);
    this.#child.stdin?.destroy();
    endLeftovers(this.#id);
  }
}

/** The command line of `script` that runs `command` in a terminal.
 *  @throws process/no-terminal */
function inTerminal(command: readonly string[], { rows, columns }: TerminalSize, env: Readonly<Record<string, string>>): string[] {
  if (!isOnPath("script", env["PATH"]))
    throw new OrreryError(
      "process/no-terminal",
      "there is no program `script` on this host, which makes terminals: install util-linux (Debian: bsdutils), or leave out -t",
    );
  // The shell of `script` is /bin/sh; what runs in it has the environment's own again.
  const shell = env["SHELL"] === undefined ? "unset SHELL" : `export SHELL=${quoted(env["SHELL"])}`;
  return [
    "script",
    "-q",
    "-e",
    "-c",
    `stty rows ${rows} columns ${columns} 2>/dev/null; ${shell}; exec ${command.map(quoted).join(" ")}`,
    "/dev/null",
  ];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function isOnPath(program: string, searchPath = "/usr/bin:/bin"): boolean {
  return searchPath.split(":").some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function terminalOf(pid: number): string | undefined {
  try {
    const device = readlinkSync(`/proc/${pid}/fd/0`);
    return /^\/dev\/pts\/\d+$/.test(device) ? device : undefined;
  } catch {
    return undefined;
  }
}
