/** Walks through 1,000 variables by GETBULK: our agent beside net-snmp's own daemon, in turns. One manager asks both, one request at a time, so what is measured is how fast each answers. Options: none. Needs snmpd (apt-get install snmpd). */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { tableAgent } from "#/watch/snmp/agent/table-rig.ts";
import { isWithin, NULL, type Oid, oid, PDU, type Pdu, readMessage, writeCommunityMessage } from "#/watch/snmp/wire/index.ts";
import { findProgram, missingPrograms } from "../tools/debian-programs.ts";

const ROWS = 1_000;
const REPETITIONS = 50;
const WALKS = 300;
const AIM = 0.3;
/** Of both: a table of texts, from which the first 1,000 are taken. Of the daemon it is what it keeps in memory of each installed package. */
const OURS = oid("1.3.6.1.4.1.32473.1.1.4.1.1");
const THEIRS = oid("1.3.6.1.2.1.25.6.3.1");

function serve(): void {
  const take = tableAgent(
    OURS,
    Array.from({ length: ROWS }, (_, at) => `orbit-propagation-${at}`),
  );
  const socket = createSocket("udp4");
  socket.on("message", (datagram, { address, port }) => {
    const answer = take(datagram, address);
    if (answer instanceof Buffer) socket.send(answer, port, address);
  });
  socket.bind(0, "127.0.0.1", () => process.send?.(socket.address().port));
}

async function measure(): Promise<void> {
  const missing = missingPrograms({ snmpd: "snmpd" });
  if (missing !== undefined) {
    console.error(missing);
    process.exitCode = 1;
    return;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-bench-snmp-"));
  const agent = fork(import.meta.filename, ["agent"]);
  const daemon = startDaemon(folder);
  try {
    const [ours] = (await once(agent, "message")) as [number];
    const manager = new Manager();
    await untilAnswered(manager, daemon.port);
    const seconds = { ours: [] as number[], theirs: [] as number[] };
    const cpuBefore = { ours: cpuSeconds(agent), theirs: cpuSeconds(daemon.child) };
    for (let turn = 0; turn < WALKS; turn++) {
      seconds.ours.push(await manager.walk(ours, OURS));
      seconds.theirs.push(await manager.walk(daemon.port, THEIRS));
    }
    manager.close();
    const cpu = { ours: cpuSeconds(agent) - cpuBefore.ours, theirs: cpuSeconds(daemon.child) - cpuBefore.theirs };
    const [our, their] = [median(seconds.ours), median(seconds.theirs)];
    // The manager's own time is in both walks, and hides what differs: so the processor time of each is told, too.
    const ratio = Math.min(their / our, cpu.theirs / cpu.ours);
    console.log(`${ROWS} variables, ${REPETITIONS} a request, ${WALKS} walks in turns; a walk's median, and the processor time of who answers:`);
    for (const [name, walk, used] of [
      ["orrery", our, cpu.ours],
      ["snmpd", their, cpu.theirs],
    ] as const)
      console.log(
        `  ${name.padEnd(7)} ${(walk * 1000).toFixed(2)} ms  ${((used / WALKS) * 1000).toFixed(2)} ms  ${Math.round((ROWS * WALKS) / used)} variables in a second of one core`,
      );
    console.log(`  the lower ratio: ${ratio.toFixed(2)} (aim: ${AIM} or more)`);
    if (ratio < AIM) process.exitCode = 1;
  } finally {
    agent.kill();
    daemon.child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startDaemon(folder: string): { readonly child: ChildProcess; readonly port: number } {
  const port = 20_000 + (process.pid % 10_000);
  const file = path.join(folder, "snmpd.conf");
  writeFileSync(file, `agentaddress udp:127.0.0.1:${port}\nrocommunity public 127.0.0.1\n`);
  const env = { ...process.env, SNMP_PERSISTENT_DIR: folder, MIBS: "" };
  const child = spawn(findProgram("snmpd") ?? "snmpd", ["-f", "-Lf", path.join(folder, "log"), "-C", "-c", file], { env, stdio: "ignore" });
  return { child, port };
}

async function untilAnswered(manager: Manager, port: number): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    const seconds = await manager.walk(port, THEIRS).catch(() => undefined);
    if (seconds !== undefined) return;
    await wait(200);
  }
  throw new Error(`snmpd does not tell ${ROWS} rows`);
}

/** Asks, and waits for the answer before it asks again. */
class Manager {
  readonly #socket: Socket = createSocket("udp4");
  #id = 1;

  /** Seconds for the first 1,000 variables below `root`. */
  async walk(port: number, root: Oid): Promise<number> {
    const startMs = performance.now();
    let last = root;
    for (let count = 0; count < ROWS; ) {
      const varbinds = (await this.#ask(port, last)).varbinds.filter((one) => isWithin(one.oid, root));
      if (varbinds.length === 0) throw new Error(`only ${count} rows`);
      count += varbinds.length;
      last = varbinds.at(-1)?.oid ?? root;
    }
    return (performance.now() - startMs) / 1000;
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(port: number, from: Oid): Promise<Pdu> {
    this.#id += 1;
    const pdu: Pdu = { type: PDU.getBulk, requestId: this.#id, status: 0, index: REPETITIONS, varbinds: [{ oid: from, value: NULL }] };
    const answered = once(this.#socket, "message", { signal: AbortSignal.timeout(2_000) });
    this.#socket.send(writeCommunityMessage({ version: 1, community: Buffer.from("public"), pdu }), port, "127.0.0.1");
    const [datagram] = (await answered) as [Buffer];
    const message = readMessage(datagram);
    if (message.version === 3 || !("requestId" in message.pdu)) throw new Error("another answer");
    return message.pdu;
  }
}

/** User and system time so far; ticks are hundredths of a second. */
function cpuSeconds({ pid }: ChildProcess): number {
  const words = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(words[11]) + Number(words[12])) / 100;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (process.argv[2] === "agent") serve();
else await measure();
