import { seededRandom, systemClock } from "#/base/index.ts";
import { type Oid, text } from "../wire/index.ts";
import { Access } from "./access.ts";
import { AgentCounters } from "./counters.ts";
import { Dispatcher } from "./dispatcher.ts";
import { engineIdOf } from "./engine.ts";
import { MibTree, table } from "./mib-tree.ts";
import { empty } from "./requests.ts";

/** For benchmarks: an agent that tells one table of texts at `entry`, without site, kernel or socket. Community `public` reads it from this machine. */
export function tableAgent(entry: Oid, names: readonly string[]): (datagram: Uint8Array, address: string) => ReturnType<Dispatcher["take"]> {
  const rows = names.map((of, at) => ({ index: [at + 1], of }));
  const dispatcher = new Dispatcher({
    engine: { id: engineIdOf("bench", "host"), boots: 1, time: () => 1 },
    clock: systemClock,
    random: seededRandom(1),
    access: () => new Access([], [{ name: "public", value: "public", from: ["127.0.0.0/8"] }]),
    tree: new MibTree([table(entry, { 2: (name: string) => text(name), 3: (name) => text(name) }, () => rows)]),
    set: async ({ pdu }) => empty(pdu),
    counters: new AgentCounters(),
  });
  return (datagram, address) => dispatcher.take(datagram, address);
}
