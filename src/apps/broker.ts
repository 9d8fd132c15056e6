/** The embedded message broker of a site: AMQP 0-9-1 on this machine alone. It needs nobody: it serves whether the centre is there or not. */
import { statfs } from "node:fs/promises";
import path from "node:path";
import { describeError, LastGuard, systemClock, systemRandom } from "#/base/index.ts";
import { type BrokerServer, startBrokerServer } from "#/messages/broker/server/index.ts";
import { type OpenStore, openStore } from "#/messages/broker/store/index.ts";
import { holdName, nameFolder } from "#/work/process/index.ts";
import { readFormerPort, rememberPort, siteAuthority } from "./broker-access.ts";
import { parseChildOptions } from "./child-options.ts";
import { boundHeapGrowthSoon } from "./heap-growth.ts";
import { ignoreHangUp } from "./interrupts.ts";
import { stdoutLog } from "./json-log.ts";
import { guardOutput } from "./output.ts";
import { writeRunFile } from "./run-file.ts";
import { BROKER_NAME } from "./supervisor/site-stop.ts";
import { readVersion } from "./version.ts";

/** Who speaks AMQP without TLS is on this machine. */
const HOST = "127.0.0.1";

guardOutput();
const { data, identity } = parseChildOptions();
const folder = path.join(data, "broker");
const log = stdoutLog();
ignoreHangUp(log);
const guard = new LastGuard({ clock: systemClock, log, giveUp: () => process.exit(1) });
guard.watchProcess();
const running: { server?: BrokerServer; store?: OpenStore } = {};
let isEnding = false;

const end = async (): Promise<void> => {
  if (isEnding) return;
  isEnding = true;
  try {
    await running.server?.stop();
    await running.store?.journal.close();
  } catch (error) {
    log.error(`cannot end properly: ${describeError(error)}`);
  }
  log.info("ended");
  process.exit(0);
};
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void end());

try {
  await holdName(identity, BROKER_NAME, () => ({ data: nameFolder(data) }));
  const store = openStore({
    folder: path.join(folder, "messages"),
    clock: systemClock,
    random: systemRandom,
    log,
    // What waits is told no; who starts this process again finds what the disk has.
    onFailed(error) {
      log.error(error.message);
      setImmediate(() => process.exit(1));
    },
  });
  running.store = store;
  const common = {
    broker: store.broker,
    authority: await siteAuthority(folder, systemRandom),
    host: HOST,
    version: readVersion(),
    clock: systemClock,
    log,
    guard,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
  };
  const former = readFormerPort(folder);
  const server = await startBrokerServer({ ...common, port: former }).catch((error: unknown) => {
    if (former === 0) throw error;
    log.warn(`${describeError(error)}; another port is taken`);
    return startBrokerServer({ ...common, port: 0 });
  });
  running.server = server;
  rememberPort(folder, server.port);
  const bus = `amqp://${HOST}:${server.port}`;
  log.info("listening", { bus });
  writeRunFile(data, "broker", { identity, bus, ...(store.damaged.length > 0 && { damaged: store.damaged }) });
  log.info("ready", { queues: store.broker.queues.size });
  boundHeapGrowthSoon(systemClock);
} catch (error) {
  log.error(`cannot start: ${describeError(error)}`, { stack: error instanceof Error ? error.stack : undefined });
  process.exit(1);
}
