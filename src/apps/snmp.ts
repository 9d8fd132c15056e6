/** The SNMP agent process of a host, beside the agent. Started by the supervisor; it answers whether the centre is there or not. */
import path from "node:path";
import { describeError, LastGuard, sleep, systemClock, systemRandom } from "#/base/index.ts";
import { type Client, createClient } from "#/state/client/index.ts";
import { RemoteStore } from "#/state/store/remote/index.ts";
import { type HostAgent, startHostAgent } from "#/watch/snmp/agent/index.ts";
import { holdName, nameFolder } from "#/work/process/index.ts";
import { ACCESS_LOOK_MS, findCentreAccess } from "./centre-access.ts";
import { parseChildOptions } from "./child-options.ts";
import { boundHeapGrowthSoon } from "./heap-growth.ts";
import { readHostName } from "./host-name.ts";
import { ignoreHangUp } from "./interrupts.ts";
import { stdoutLog } from "./json-log.ts";
import { guardOutput } from "./output.ts";
import { writeRunFile } from "./run-file.ts";
import { serverNameOf } from "./site-identity.ts";
import { readEndpoints } from "./supervisor/endpoints.ts";
import { SNMP_NAME } from "./supervisor/site-stop.ts";
import { readVersion } from "./version.ts";

/** How often it is looked whether the centre is elsewhere. */
const MOVED_LOOK_MS = 5_000;

guardOutput();
const { data, identity, host = readHostName() } = parseChildOptions();
const log = stdoutLog();
ignoreHangUp(log);
const guard = new LastGuard({ clock: systemClock, log, giveUp: () => process.exit(1) });
guard.watchProcess();
const version = readVersion();
const ending = new AbortController();
const clients: Client[] = [];
let agent: HostAgent | undefined;

const end = async (): Promise<void> => {
  if (ending.signal.aborted) return;
  ending.abort();
  try {
    await agent?.stop();
    for (const client of clients) await client.close();
  } catch (error) {
    log.error(`cannot end properly: ${describeError(error)}`);
  }
  log.info("ended");
  process.exit(0);
};
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void end());

try {
  await holdName(identity, SNMP_NAME, () => ({ data: nameFolder(data) }));
  agent = await startHostAgent({
    folder: path.join(data, "snmp"),
    identity,
    host,
    version,
    clock: systemClock,
    random: systemRandom,
    log,
    guard,
    onEndpoint: (snmp) => {
      log.info("listening", { snmp });
      writeRunFile(data, "snmp", { identity, snmp });
    },
  });
  log.info("ready", { host });
  boundHeapGrowthSoon(systemClock);
  await follow(agent);
} catch (error) {
  log.error(`cannot start: ${describeError(error)}`, { stack: error instanceof Error ? error.stack : undefined });
  process.exit(1);
}

/** Follows the centre, where it is now; one that moves is followed by beginning anew. */
async function follow(running: HostAgent): Promise<void> {
  let access = findCentreAccess(data, "agent");
  while (access === undefined) {
    await sleep(systemClock, ACCESS_LOOK_MS);
    access = findCentreAccess(data, "agent");
  }
  const { url } = access;
  const common = {
    ...access,
    serverName: serverNameOf(identity),
    clock: systemClock,
    random: systemRandom,
    log,
    userAgent: `orrery-snmp/${version}`,
  };
  const client = createClient(common);
  clients.push(client);
  running.follow({ client, store: new RemoteStore({ client, log }), withToken: (token) => createClient({ ...common, token }) });
  for (;;) {
    await sleep(systemClock, MOVED_LOOK_MS, ending.signal).catch(() => undefined);
    if (ending.signal.aborted) return;
    const now = readEndpoints(data)?.api;
    if (now === undefined || now === url) continue;
    log.info("the centre has moved; starting again", { url: now });
    return await end();
  }
}
