/** Agents of many hosts and one gateway without processes and sockets, as a process: real links and API calls, simulated instances. Arguments: --data, --hosts, --start-ms. Says `ready` by IPC. */
import { parseArgs } from "node:util";
import { systemClock as clock, systemRandom as random, silentLog } from "#/base/index.ts";
import { SimulatedAgent, SimulatedGateway } from "#/simulation/index.ts";
import type { Link } from "#/state/link/index.ts";
import { RemoteStore } from "#/state/store/remote/index.ts";
import type { TableMessage } from "#/traffic/routing/index.ts";
import { clientOf } from "./centre.ts";

const { values } = parseArgs({
  options: { data: { type: "string", default: "" }, hosts: { type: "string", default: "10" }, "start-ms": { type: "string", default: "200" } },
});
const stopping = new AbortController();
const startMs = Number(values["start-ms"]);
const version = "0.1.0";

await connectGateway("main");
for (let index = 0; index < Number(values.hosts); index++) runAgent(`host-${String(index).padStart(3, "0")}`);
process.send?.("ready");
process.once("SIGTERM", () => process.exit(0));

function runAgent(host: string): void {
  const client = clientOf(values.data, "agent");
  client.keepLink({ hello: { component: "agent", name: host, host, version } });
  const agent = new SimulatedAgent({
    store: new RemoteStore({ client, log: silentLog }),
    host,
    clock,
    random,
    log: silentLog,
    startMs: () => startMs,
  });
  void agent.run(stopping.signal);
}

async function connectGateway(name: string): Promise<void> {
  const client = clientOf(values.data, "gateway");
  const link = await new Promise<Link>((resolve) => {
    client.keepLink({ hello: { component: "gateway", name, host: "host-000", version, incarnation: 1 }, connected: resolve });
  });
  const gateway = new SimulatedGateway({
    name,
    incarnation: 1,
    connect: (position, signal) => link.stream("table", { position: position ?? null }, { signal }) as AsyncIterable<TableMessage>,
    acknowledge: (position) => link.notify("table/ack", position),
    report: (report) => link.notify("gateway/report", report),
  });
  void gateway.run(stopping.signal);
  // As a real one, which reports every two seconds even when nothing happens.
  setInterval(() => gateway.tell(), 2000).unref();
}
