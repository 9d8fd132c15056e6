/** net-snmp's own programs, for tests: a manager, and a receiver of traps. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { MIBS } from "#/watch/snmp/names/index.ts";
import { findProgram, missingPrograms } from "../tools/debian-programs.ts";

/** Why these tests cannot run; `undefined`: they can. */
export const missingSnmp: string | undefined = missingPrograms({ snmpget: "snmp", snmptable: "snmp", snmptrapd: "snmptrapd", smilint: "smitools" });

export interface Said {
  readonly status: number;
  readonly out: string;
}

/** The standard modules and ours in one folder, which is removed after the test. */
export function mibFolder(t: { after(end: () => void): void }): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-mibs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const standard = path.join(path.dirname(createRequire(import.meta.url).resolve("net-snmp")), "lib", "mibs");
  // Those of SNMPv1 name things twice.
  for (const name of readdirSync(standard).filter((one) => !one.startsWith("RFC")))
    copyFileSync(path.join(standard, name), path.join(folder, name.replace(/\.mib$/, ".txt")));
  for (const name of readdirSync(MIBS)) copyFileSync(path.join(MIBS, name), path.join(folder, name));
  return folder;
}

/** Runs one of net-snmp's programs; what it keeps of its own goes into `state`. */
export function runSnmp(program: string, args: readonly string[], state: string): Promise<Said> {
  return new Promise((resolve) => {
    execFile(
      findProgram(program) ?? program,
      args,
      {
        env: { ...process.env, SNMP_PERSISTENT_DIR: path.join(state, "persistent"), SNMPCONFPATH: state, LANG: "C.UTF-8" },
        timeout: 60_000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, out, err) => resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : 1, out: out + err }),
    );
  });
}

/** A port of UDP that nobody has now. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

export interface TrapReceiver {
  readonly port: number;
  /** All that it has said. */
  readonly said: () => string;
  /** Resolves when `pattern` stands in it. */
  until(pattern: RegExp): Promise<string>;
}

/** snmptrapd on a free port; it ends with the test. `config`: further lines for it. */
export async function startTrapReceiver(t: { after(end: () => unknown): void }, mibs: string, config = ""): Promise<TrapReceiver> {
  const state = mkdtempSync(path.join(tmpdir(), "orrery-trapd-"));
  mkdirSync(path.join(state, "persistent"));
  const port = await freeUdpPort();
  writeFileSync(path.join(state, "trapd.conf"), `authCommunity log public\n${config}\n`);
  const args = ["-f", "-Lo", "-C", "-c", path.join(state, "trapd.conf"), "-M", mibs, "-m", "ALL", `udp:127.0.0.1:${port}`];
  const child: ChildProcess = spawn(findProgram("snmptrapd") ?? "snmptrapd", args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, SNMP_PERSISTENT_DIR: path.join(state, "persistent"), SNMPCONFPATH: state },
  });
  let text = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      for (const look of waiting) look();
    });
  t.after(async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    rmSync(state, { recursive: true, force: true });
  });
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const end = (then: () => void): void => {
        waiting.delete(look);
        clearTimeout(timer);
        then();
      };
      const look = (): void => {
        const found = pattern.exec(text)?.[0];
        if (found !== undefined) end(() => resolve(found));
      };
      const timer = setTimeout(() => end(() => reject(new Error(`${pattern} does not come; so far: ${text.slice(-3000)}`))), 60_000);
      waiting.add(look);
      look();
    });
  await until(/NET-SNMP version/);
  return { port, said: () => text, until };
}
