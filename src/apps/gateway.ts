/** The gateway process of a host: edge (outside to services) and host (services to services) in one. Started by the supervisor; it listens and serves from its last table whether the centre is there or not. */
import os from "node:os";
import path from "node:path";
import { describeError, Lifecycle, systemClock, systemRandom } from "#/base/index.ts";
import { createClient } from "#/state/client/index.ts";
import { joinWorkers, partPorts, startHostParts } from "#/state/link/index.ts";
import { accessLogFile, type GatewayWorker } from "#/traffic/gateway/index.ts";
import { holdName, nameFolder, readBootId, SocketOwners } from "#/work/process/index.ts";
import { ACCESS_LOOK_MS, findCentreAccess } from "./centre-access.ts";
import { parseChildOptions } from "./child-options.ts";
import { GATEWAY_PARTS } from "./gateway-parts.ts";
import { readHostName } from "./host-name.ts";
import { ignoreHangUp } from "./interrupts.ts";
import { stdoutLog } from "./json-log.ts";
import { guardOutput } from "./output.ts";
import { writeRunFile } from "./run-file.ts";
import { serverNameOf } from "./site-identity.ts";
import { readEndpoints } from "./supervisor/endpoints.ts";
import { DRAIN_SIGNAL, GATEWAY_NAME } from "./supervisor/site-stop.ts";
import { readVersion } from "./version.ts";

/** The one gateway of a host. */
const NAME = "main";

guardOutput();
const options = parseChildOptions();
const log = stdoutLog();
ignoreHangUp(log);
const host = options.host ?? readHostName();
const version = readVersion();
/** Processes of instances, and what these have started. */
const owners = new SocketOwners({
  nameOf: (environment) => (environment["ORRERY_DATA"] === options.data ? environment["ORRERY_INSTANCE_NAME"] : undefined),
});
const lifecycle = new Lifecycle();
let workers: readonly GatewayWorker[] = [];
const facts = (): Readonly<Record<string, unknown>> => Object.assign({}, ...workers.map((one) => one.facts?.() ?? {}));

try {
  let isStopping = false;
  let closeClient = async (): Promise<void> => undefined;
  const stop = async (): Promise<void> => {
    if (isStopping) return process.exit(1);
    isStopping = true;
    log.info("stopping: requests under way are let to their end");
    for (const one of workers.toReversed()) await one.stop?.();
    await lifecycle.stop();
    await closeClient();
    log.info("stopped");
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
  let isDraining = false;
  process.on(DRAIN_SIGNAL, () => {
    log.info(isDraining ? "the services are ended although requests run" : "taking nothing new from outside; calls between services go on");
    for (const one of workers)
      if (isDraining) one.hurry?.();
      else void one.drain?.();
    isDraining = true;
  });
  await holdName(options.identity, GATEWAY_NAME, () => {
    const { isDrained = false, isHurried = false } = facts();
    return { data: nameFolder(options.data), isDrained, isHurried };
  });
  workers = await startHostParts(GATEWAY_PARTS, {
    ...partPorts(),
    lifecycle,
    name: NAME,
    host,
    folder: path.join(options.data, "gateway"),
    bootId: readBootId(),
    uptimeMs: () => os.uptime() * 1000,
    accessLogFile: accessLogFile(options.data),
    edge: { address: options.listen, port: options.edgePort },
    siteFolder: options.site,
    ownerOf: async ({ remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 }, instance) => {
      const found = await owners.find({ address: remoteAddress, port: remotePort, ownAddress: localAddress, ownPort: localPort }, instance);
      return { isOwn: found.kind === "own", name: found.kind === "other" ? found.name : "" };
    },
    onEdgeUrl: (edge) => {
      log.info("the edge has another URL", { edge });
      try {
        writeRunFile(options.data, "gateway", { identity: options.identity, edge });
      } catch (error) {
        log.warn("cannot write run/gateway.json", { error: describeError(error) });
      }
    },
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const { handlers, connected, disconnected } = joinWorkers(workers);
  const { edge, incarnation } = facts();
  writeRunFile(options.data, "gateway", { identity: options.identity, edge });
  log.info("ready", { name: NAME, host, edge, incarnation });
  const reach = (): void => {
    if (isStopping) return;
    const access = findCentreAccess(options.data, "gateway");
    if (access === undefined) {
      systemClock.after(ACCESS_LOOK_MS, reach, { background: true });
      return;
    }
    const client = createClient({
      ...access,
      serverName: serverNameOf(options.identity),
      clock: systemClock,
      random: systemRandom,
      log,
      userAgent: `orrery-gateway/${version}`,
    });
    const kept = client.keepLink({
      handlers,
      hello: () => Object.assign({ component: "gateway" as const, name: NAME, host, version }, ...workers.map((one) => one.hello?.() ?? {})),
      connected,
      disconnected: () => {
        disconnected();
        const url = readEndpoints(options.data)?.api;
        if (isStopping || url === undefined || url === access.url) return;
        log.info("the centre has moved", { url });
        void closeClient();
        reach();
      },
    });
    closeClient = async () => {
      kept.stop();
      await client.close();
    };
  };
  reach();
} catch (error) {
  log.error(describeError(error));
  process.exitCode = 1;
}
