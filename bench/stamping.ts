/** What stamping and counting cost at a gateway: processor time of each, beside that of a whole hop. Options: --edge-us N, --host-us N (processor time of a hop in microseconds, from the program `gateway`). */
import { parseArgs } from "node:util";
import { systemRandom } from "#/base/index.ts";
import { CallLedger } from "#/traffic/gateway/core/call-ledger.ts";
import { GatewayCore, RequestHead } from "#/traffic/gateway/core/index.ts";
import { carriedTrace, readTrace, rootTrace } from "#/traffic/gateway/core/trace-headers.ts";
import { sketchTable } from "#/traffic/gateway/feed/table-sketch.ts";
import { median, Report, round } from "./harness/report.ts";

const { values } = parseArgs({
  options: {
    "edge-us": { type: "string" },
    "host-us": { type: "string" },
    rounds: { type: "string", default: "9" },
    count: { type: "string", default: "200000" },
  },
});
const rounds = Number(values.rounds);
const count = Number(values.count);

const core = new GatewayCore({ name: "main", host: "h", roles: ["edge", "host"], incarnation: 1, random: systemRandom });
core.update({
  table: sketchTable({
    generations: { 1: { portal: "portal-v1" } },
    stamp: { generation: 1 },
    revisions: {
      "portal-v1": [0, 1].map((slot) => ({ instance: `portal-v1-${slot}`, port: 1000 + slot, caller: `127.20.0.${slot + 1}`, ready: true })),
    },
    services: { portal: { port: 20_000, balancing: "roundRobin" } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
  }),
});
const headers = ["Host", "a", "Accept", "*/*", "User-Agent", "bench"];
const head = new RequestHead("GET", "/", headers);
const generation = core.table.generation(1);
const admitted = core.edge(head, "127.0.0.1", 0);
if (generation === undefined || admitted.kind !== "admitted") throw new Error("the table does not route");
const { call } = admitted;
const key = core.table.traceKey;
const labelled = new RequestHead("GET", "/", [...headers, ...call.traceHeaders]);
const traceparent = call.traceHeaders[call.traceHeaders.indexOf("traceparent") + 1] ?? "";
const w3cOnly = new RequestHead("GET", "/", [...headers, "traceparent", traceparent]);
const context = readTrace(key, labelled);
if (context.kind !== "labelled") throw new Error("the trace is not labelled");
const ledger = new CallLedger({ name: "main", host: "h", roles: ["edge", "host"], incarnation: 1 }, core.table);
const counted = { ...call, counts: ledger.countsOf(1) };

let kept = 0;
/** Reads the last character of each: a text put together of parts is made whole then, as it is when it is sent. */
const keep = (texts: readonly string[]): void => {
  for (const text of texts) kept += text.charCodeAt(text.length - 1);
};
const carry = (from: RequestHead): void => {
  const read = readTrace(key, from);
  if (read.kind === "labelled") keep(carriedTrace(read, from, generation, key, systemRandom).headers);
};
const parts: Readonly<Record<string, (at: number) => void>> = {
  "stamp a transaction (edge)": () => keep(rootTrace(generation, undefined, systemRandom).headers),
  "read a trace and carry it on (host), caller forwards all carriers": () => carry(labelled),
  "the same, caller forwards W3C only": () => carry(w3cOnly),
  "count a call: begin and end": (at) => {
    counted.isOver = false;
    ledger.begin(counted, at);
    ledger.end(counted, 200, at + 1);
  },
  "decide at the edge, all of it": (at) => {
    const decision = core.edge(new RequestHead("GET", "/", headers), "127.0.0.1", at);
    if (decision.kind === "admitted") core.end(decision.call, 200, at + 1);
  },
};

const report = new Report("stamping");
const times = new Map<string, number[]>(Object.keys(parts).map((name) => [name, []]));
for (let index = 0; index < rounds + 2; index++) {
  // In turn; the first two rounds warm up.
  for (const [name, run] of Object.entries(parts)) {
    const before = process.cpuUsage();
    for (let at = 0; at < count; at++) run(at);
    const { user, system } = process.cpuUsage(before);
    if (index >= 2) times.get(name)?.push((user + system) / count);
  }
}
const cost = Object.fromEntries([...times].map(([name, list]) => [name, round(median(list), 3)]));
report.table(
  `Processor time of one call, median of ${rounds} rounds of ${count}`,
  ["", "µs"],
  Object.entries(cost).map(([name, us]) => [name, us]),
);
report.figure("us", cost);
report.figure("kept", kept > 0);
const [stamp = 0, carryAll = 0, carryOne = 0, counting = 0] = Object.values(cost);
for (const [what, us, hop] of [
  ["edge", stamp + counting, values["edge-us"]],
  ["host", Math.max(carryAll, carryOne) + counting, values["host-us"]],
] as const) {
  const share = round((us / Number(hop)) * 100, 2);
  // The time of a hop is 1,000,000 / requests per CPU second; of the host hop, what `edge + host` takes more than `edge`.
  if (hop === undefined) console.log(`\ngive --${what}-us, as the program gateway measures it, to see the share of a hop`);
  else
    report.aim({
      what: `stamping and counting, share of a hop, ${what}`,
      measured: `${share} % (${round(us, 2)} of ${hop} µs)`,
      aim: "≤ 2 %",
      isMet: share <= 2,
    });
}
report.end();
