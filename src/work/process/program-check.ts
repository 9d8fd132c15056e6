import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import path from "node:path";

const HEAD_BYTES = 4096;
const SHELLS: ReadonlySet<string> = new Set(["sh", "bash", "dash", "ash", "ksh", "zsh"]);
/** e_machine of an ELF file (elf(5)), by `process.arch`. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183, ia32: 3, arm: 40, riscv64: 243, loong64: 258, ppc64: 21, s390x: 22 };

/** Why the program of `command` cannot be executed although its file is there, for people: its interpreter is missing, its first line has a Windows line end, it is made for another processor. The system says "no such file" to most of these, of a file that everyone can see.
 *  `undefined`: nothing of that kind is known, or there is no such file. */
export function explainProgram(command: readonly string[], workingDir: string, env: Readonly<Record<string, string>>): string | undefined {
  const file = findProgram(command[0] ?? "", workingDir, env["PATH"]);
  if (file === undefined) return undefined;
  const head = readHead(file);
  if (head.subarray(0, 2).toString("latin1") === "#!") return explainShebang(file, head, env["PATH"]);
  return head.subarray(0, 4).toString("latin1") === "\x7fELF" ? explainElf(file, head) : undefined;
}

/** What a shell script with Windows line ends comes to, for people; `undefined` where `command` runs none. The shell itself takes each carriage return for a part of a word, and says things such as `\r: not found`. */
export function explainLineEnds(command: readonly string[], workingDir: string): string | undefined {
  const [program = "", script = ""] = command;
  if (!SHELLS.has(path.basename(program)) || script === "" || script.startsWith("-")) return undefined;
  const file = path.resolve(workingDir, script);
  return isFile(file) && hasWindowsLineEnd(readHead(file))
    ? `${script} has Windows line ends (CRLF), which a shell does not understand; ${conversion(script)}`
    : undefined;
}

function hasWindowsLineEnd(head: Buffer): boolean {
  const newline = head.indexOf(10);
  return newline > 0 && head[newline - 1] === 13;
}

function conversion(file: string): string {
  return `convert it: sed -i 's/\\r$//' ${/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`}`;
}

/** As execvp(3) finds it. */
function findProgram(program: string, workingDir: string, searchPath: string | undefined): string | undefined {
  if (program === "") return undefined;
  const places = program.includes("/")
    ? [path.resolve(workingDir, program)]
    : (searchPath ?? "/bin:/usr/bin").split(":").map((one) => path.resolve(workingDir, one, program));
  return places.find((one) => isFile(one) && isExecutable(one));
}

/** False also for what cannot be looked at: a folder on the PATH that its user may not enter is passed over, as execvp(3) does. */
function isFile(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readHead(file: string): Buffer {
  try {
    const descriptor = openSync(file, "r");
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.subarray(0, readSync(descriptor, head, 0, head.length, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Executable and not readable: nothing can be said.
    return Buffer.alloc(0);
  }
}

function explainShebang(file: string, head: Buffer, searchPath: string | undefined): string | undefined {
  const newline = head.indexOf(10);
  const line = head.subarray(2, newline < 0 ? head.length : newline).toString("latin1");
  if (line.endsWith("\r"))
    return `${file} has Windows line ends (CRLF), so that the system looks for the interpreter ${JSON.stringify(line.trimStart())}; ${conversion(file)}`;
  const [interpreter = "", argument] = line.trim().split(/[ \t]+/);
  if (interpreter === "") return undefined;
  if (!isFile(interpreter)) return `its interpreter ${interpreter}, named in the first line of ${file}, is not there; install it, or name another`;
  if (
    path.basename(interpreter) === "env" &&
    argument !== undefined &&
    /^[\w.+-]+$/.test(argument) &&
    !argument.startsWith("-") &&
    findProgram(argument, "/", searchPath) === undefined
  )
    return `its interpreter ${argument}, named in the first line of ${file}, is not on PATH; install it, or give its path`;
  return undefined;
}

/** Reads what elf(5) says of the processor and of the dynamic linker. */
function explainElf(file: string, head: Buffer): string | undefined {
  const is64 = head[4] === 2;
  const isLittle = head[5] === 1;
  if (head.length < 64 || !isLittle) return undefined;
  const machine = head.readUInt16LE(18);
  const own = MACHINES[process.arch];
  const isOlderKin = (own === 62 && machine === 3) || (own === 183 && machine === 40);
  if (own !== undefined && machine !== own && !isOlderKin)
    return `${file} was compiled for another processor (ELF machine ${machine}; this one is ${process.arch}, ${own}); compile it for this one`;
  const table = is64 ? Number(head.readBigUInt64LE(32)) : head.readUInt32LE(28);
  const [entryBytes, entries] = is64 ? [head.readUInt16LE(54), head.readUInt16LE(56)] : [head.readUInt16LE(42), head.readUInt16LE(44)];
  for (let at = table, left = entries; left > 0 && at + entryBytes <= head.length; at += entryBytes, left--) {
    if (head.readUInt32LE(at) !== 3 || entryBytes < 32) continue;
    const from = is64 ? Number(head.readBigUInt64LE(at + 8)) : head.readUInt32LE(at + 4);
    const end = head.indexOf(0, from);
    if (from >= head.length || end < 0) return undefined;
    const interpreter = head.subarray(from, end).toString("utf8");
    return isFile(interpreter)
      ? undefined
      : `the dynamic linker of ${file}, ${interpreter}, is not there: it was compiled for another system; compile it for this one, or statically`;
  }
  return undefined;
}
