/** The thread of the trap receiver: whatever comes, the centre's own thread has nothing of it but what it asks for. */
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { describeError, formatEndpoint, type Log, systemClock, systemRandom } from "#/base/index.ts";
import { startEngine } from "../agent/engine.ts";
import { openUdp, type UdpPort } from "../agent/udp-port.ts";
import type { FromThread, ThreadSettings, ToThread, TrapQuery, TrapThreadData } from "./messages.ts";
import { TrapReceiver } from "./receiver.ts";
import { TrapLog } from "./trap-log.ts";
import type { TrapRecord } from "./trap-record.ts";

/** Where it listens if the wished port is not to be had; then any free one. */
const OTHER_PORT = 1162;
const RECORDS_MAX = 1_000;

const tell = (message: FromThread): void => parentPort?.postMessage(message);
const logAt =
  (level: "info" | "warn" | "error" | "debug") =>
  (message: string): void =>
    tell({ log: { level, message } });
const log: Log = { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error"), child: () => log };
const { folder, identity, host } = workerData as TrapThreadData;

const engine = startEngine({ folder, identity, host: `traps ${host}`, clock: systemClock });
const trapLog = new TrapLog(folder);
let udp: UdpPort | undefined;
let listening = "";
let dropsBefore = 0;
const receiver = new TrapReceiver({
  engine,
  trapLog,
  clock: systemClock,
  random: systemRandom,
  log,
  onKept: (traps) => tell({ traps }),
  send: (datagram, { address, port }) => udp?.send(datagram, port, address),
});

let turn: Promise<unknown> = Promise.resolve();
parentPort?.on("message", (message: ToThread) => {
  turn = turn.then(() => take(message)).catch((error: unknown) => log.error(`the trap receiver: ${describeError(error)}`));
});

async function take(message: ToThread): Promise<void> {
  if ("settings" in message) return await listen(message.settings);
  if ("follow" in message) return receiver.follow(message.follow);
  if ("end" in message) {
    await udp?.close();
    await trapLog.close();
    parentPort?.close();
    return;
  }
  const { ask } = message;
  try {
    if ("figures" in message) tell({ answer: ask, figures: { ...receiver.figures(), droppedByKernel: readDrops() } });
    else tell({ answer: ask, records: trapLog.read(Math.min(RECORDS_MAX, message.query.limit), wanted(message.query)) });
  } catch (error) {
    tell({ answer: ask, failure: describeError(error) });
  }
}

async function listen(settings: ThreadSettings): Promise<void> {
  receiver.configure(settings);
  const engineId = Buffer.from(engine.id).toString("hex");
  const wished = settings.enabled ? formatEndpoint(settings.address, settings.port) : "";
  if (wished === listening) return;
  dropsBefore += readDrops() ?? 0;
  await udp?.close();
  udp = undefined;
  listening = wished;
  if (!settings.enabled) return tell({ listening: { engineId, reason: "SwitchedOff", message: "spec.enabled is false" } });
  try {
    udp = await openUdp(
      settings.address,
      settings.port,
      settings.port === OTHER_PORT ? [] : [OTHER_PORT],
      (datagram, from) => receiver.receive(datagram, from),
      log,
    );
    const endpoint = formatEndpoint(udp.address, udp.port);
    const { taken } = udp;
    if (taken === undefined) return tell({ listening: { endpoint, engineId, reason: "AsWished", message: `on UDP ${endpoint}` } });
    const redirect = `devices that send to ${settings.port} are heard after: nft add rule ip nat prerouting udp dport ${settings.port} redirect to :${udp.port}`;
    tell({ listening: { endpoint, engineId, reason: taken.reason, message: `on UDP ${endpoint} instead: ${taken.message}; ${redirect}` } });
  } catch (error) {
    listening = "";
    tell({ listening: { engineId, reason: "AddressNotThere", message: describeError(error) } });
  }
}

function wanted({ from, oid, oids, since }: TrapQuery): (record: TrapRecord) => boolean {
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
  const exactly = oids === undefined ? undefined : new Set(oids);
  return (record) =>
    exactly?.has(record.oid) !== false &&
    (from === undefined || record.from === from || record.agent === from) &&
    (oid === undefined || record.oid === oid || record.oid.startsWith(`${oid}.`)) &&
    Date.parse(record.at) >= sinceMs;
}

/** Datagrams for which there was no room: the last column of /proc/net/udp. */
function readDrops(): number | undefined {
  if (udp === undefined) return dropsBefore;
  const port = udp.port.toString(16).toUpperCase().padStart(4, "0");
  try {
    const lines = readFileSync(udp.address.includes(":") ? "/proc/net/udp6" : "/proc/net/udp", "utf8")
      .split("\n")
      .slice(1);
    const own = lines.map((line) => line.trim().split(/\s+/)).find((words) => words[1]?.endsWith(`:${port}`) === true);
    return own === undefined ? undefined : dropsBefore + Number(own.at(-1));
  } catch {
    return undefined;
  }
}
