/** Overlapping updates in a large site: time from a change until every gateway has acknowledged the table, messages, and memory over many generations. */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { quantile, Report, round } from "./harness/report.ts";
import { LargeSite } from "./update/tables.ts";

const { values } = parseArgs({
  options: {
    services: { type: "string", default: "500" },
    instances: { type: "string", default: "5000" },
    gateways: { type: "string", default: "100" },
    overlapping: { type: "string", default: "20" },
    generations: { type: "string", default: "1000" },
  },
});
const [services, instances, gateways, overlapping, generations] = [
  values.services,
  values.instances,
  values.gateways,
  values.overlapping,
  values.generations,
].map(Number) as [number, number, number, number, number];
const SAMPLES = 10;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const report = new Report("update-scale");
const site = new LargeSite({ services, instances, gateways });
await site.begin();
const times = { distribute: [] as number[], switch: [] as number[], close: [] as number[] };
const memory: { readonly generation: number; readonly heapMb: number }[] = [];
const first = site.newest;
const messagesBefore = site.messages;
const cpuBefore = process.cpuUsage();
for (let count = 0; count < generations; count++) {
  const [distribute = Number.NaN, switched = Number.NaN] = await site.update((count * 7) % services, `v${count + 1}`);
  times.distribute.push(distribute);
  times.switch.push(switched);
  // So many are open at any time: the oldest ends when a new one has begun.
  if (count >= overlapping) times.close.push(await site.close(first + count - overlapping));
  if ((count + 1) % Math.ceil(generations / SAMPLES) === 0) memory.push({ generation: site.newest, heapMb: heapMb() });
}
const cpu = process.cpuUsage(cpuBefore);
const messagesPerUpdate = (site.messages - messagesBefore) / generations;
site.end();

const all = [...times.distribute, ...times.switch, ...times.close];
report.table(
  `${services} services, ${instances} endpoints, ${gateways} gateways over links in one process, ${overlapping} updates open at a time, ${generations} generations: ms from change to acknowledged by all`,
  ["change", "count", "p50", "p99", "max"],
  Object.entries({
    "new endpoints ready, generation distributed": times.distribute,
    "new stamp": times.switch,
    "generation closed, old endpoints gone": times.close,
    all,
  }).map(([name, list]) => [name, list.length, ...[0.5, 0.99, 1].map((share) => round(quantile(list, share)))]),
);
report.table(
  "Heap after garbage collection",
  ["generation", "MB"],
  memory.map((one) => [one.generation, one.heapMb]),
);
const perGateway = round(messagesPerUpdate / gateways, 2);
console.log(
  `\nmessages: ${round(messagesPerUpdate)} for each update, ${perGateway} for each gateway, whatever the number of transactions (1 to 1000 were open in each generation at each gateway)`,
);
report.figure("size", { services, instances, gateways, overlapping, generations });
report.figure(
  "ms",
  Object.fromEntries(
    Object.entries({ ...times, all }).map(([name, list]) => [
      name,
      { p50: round(quantile(list, 0.5)), p99: round(quantile(list, 0.99)), max: round(quantile(list, 1)) },
    ]),
  ),
);
report.figure("memory", memory);
report.figure("messagesPerUpdateAndGateway", perGateway);
report.figure("cpuMsPerUpdate", round((cpu.user + cpu.system) / 1000 / generations));
const p99 = round(quantile(all, 0.99));
report.aim({ what: "p99 from change to acknowledged everywhere", measured: `${p99} ms`, aim: "≤ 100 ms", isMet: p99 <= 100 });
const [begin, end] = [memory[1] ?? memory[0], memory.at(-1)];
const growth = (end?.heapMb ?? 0) / (begin?.heapMb ?? 1);
report.aim({
  what: `memory, generation ${end?.generation} to ${begin?.generation}`,
  measured: `× ${round(growth, 2)}`,
  aim: "flat: ≤ × 1.1",
  isMet: growth <= 1.1,
});
report.end();
process.exit();

function heapMb(): number {
  collectGarbage();
  return round(process.memoryUsage().heapUsed / 1024 / 1024);
}
