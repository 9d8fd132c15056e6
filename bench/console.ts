/** Fifty consoles over 1,000 services, 10,000 instances and 10,000 resources, of which 1,000 statuses change in a second: processor time and memory of the server, delay from a write to the stream, first answers and searches; also for readers with 50 rules by label. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ConsoleTab, type ServerAddress } from "./harness/console-tab.ts";
import { cpuSeconds, memoryOf } from "./harness/processes.ts";
import { median, quantile, Report, round } from "./harness/report.ts";
import { temporaryFolder } from "./harness/site.ts";

const { values } = parseArgs({
  options: {
    consoles: { type: "string", default: "50" },
    changes: { type: "string", default: "1000" },
    seconds: { type: "string", default: "10" },
    rules: { type: "string", default: "0,50" },
    /** Folder for a profile of each server. */
    profile: { type: "string" },
  },
});
const consoles = Number(values.consoles);
const seconds = Number(values.seconds);

interface Outcome {
  readonly what: string;
  readonly firstMs: readonly number[];
  readonly searchMs: readonly number[];
  readonly delayMs: readonly number[];
  readonly cpuPercent: number;
  readonly heapMb: number;
  readonly pssMb: number;
  readonly kilobytes: number;
}

const report = new Report("console");
const outcomes: Outcome[] = [];
for (const rules of values.rules.split(",").map(Number)) outcomes.push(...(await measure(rules)));
report.table(
  `${consoles} consoles, ${values.changes} changes a second, for ${seconds} s; processor time and memory are what the consoles add`,
  ["", "first ms p50", "max", "search ms p50", "p99", "delay ms p50", "p99", "CPU %", "heap MB", "PSS MB", "kB/s a console"],
  outcomes.map((one) => [
    one.what,
    Math.round(median(one.firstMs)),
    Math.round(quantile(one.firstMs, 1)),
    Math.round(median(one.searchMs)),
    Math.round(quantile(one.searchMs, 0.99)),
    Math.round(median(one.delayMs)),
    Math.round(quantile(one.delayMs, 0.99)),
    one.cpuPercent,
    one.heapMb,
    one.pssMb,
    one.kilobytes,
  ]),
);
report.figure(
  "outcomes",
  outcomes.map(({ delayMs, ...one }) => ({ ...one, delayP50Ms: median(delayMs), delayP99Ms: quantile(delayMs, 0.99) })),
);
for (const one of outcomes) {
  report.aim({ what: `${one.what}: processor time`, measured: `${one.cpuPercent} % of a core`, aim: "≤ 20 %", isMet: one.cpuPercent <= 20 });
  report.aim({ what: `${one.what}: memory`, measured: `${one.heapMb} MB`, aim: "≤ 80 MB", isMet: one.heapMb <= 80 });
  const search = Math.round(quantile(one.searchMs, 0.99));
  report.aim({ what: `${one.what}: search, p99`, measured: `${search} ms`, aim: "≤ 150 ms", isMet: search <= 150 });
  const delay = Math.round(quantile(one.delayMs, 0.99));
  report.aim({ what: `${one.what}: from a write to the stream, p99`, measured: `${delay} ms`, aim: "≤ 500 ms", isMet: delay <= 500 });
}
report.end();

async function measure(rules: number): Promise<Outcome[]> {
  const profile =
    values.profile === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(values.profile)}`, `--cpu-prof-name=console-${rules}.cpuprofile`];
  const server = fork(path.join(import.meta.dirname, "harness/console-server.ts"), [temporaryFolder("console"), String(rules), values.changes], {
    execArgv: ["--disable-warning=ExperimentalWarning", "--expose-gc", ...profile],
  });
  process.once("exit", () => server.kill("SIGKILL"));
  const [address] = (await once(server, "message")) as [ServerAddress];
  const limited = rules === 0 ? "" : `, ${rules} rules`;
  const outcomes: Outcome[] = [];
  try {
    server.send({ ask: "change" });
    await wait(3_000);
    const alone = await use(server);
    for (const isEqual of [true, false])
      outcomes.push(await withConsoles(server, address, alone, isEqual, `${isEqual ? "equal views" : "views of their own"}${limited}`));
  } finally {
    server.disconnect();
    await once(server, "exit");
  }
  return outcomes;
}

interface Use {
  readonly cpuPercent: number;
  readonly heapMb: number;
  readonly pssMb: number;
}

async function use(server: ChildProcess): Promise<Use> {
  const pid = server.pid ?? 0;
  const began = await ask(server);
  const before = cpuSeconds(pid);
  await wait(seconds * 1_000);
  const used = cpuSeconds(pid) - before;
  const { heapMb, changes } = await ask(server);
  // On a busy machine fewer changes are made than were asked for: what one costs counts.
  return { cpuPercent: (used / (changes - began.changes)) * Number(values.changes) * 100, heapMb, pssMb: memoryOf(pid).pssMb };
}

async function ask(server: ChildProcess): Promise<{ readonly heapMb: number; readonly changes: number }> {
  server.send({ ask: "memory" });
  const [answer] = (await once(server, "message")) as [{ readonly heapMb: number; readonly changes: number }];
  return answer;
}

async function withConsoles(server: ChildProcess, address: ServerAddress, alone: Use, isEqual: boolean, what: string): Promise<Outcome> {
  const tabs = await Promise.all(Array.from({ length: consoles }, (_, index) => ConsoleTab.open(address, isEqual ? 0 : index)));
  const firstMs = (await Promise.all(tabs.map((tab) => tab.begin()))).flat();
  await wait(2_000);
  const bytes = (): number => tabs.reduce((sum, tab) => sum + tab.bytes, 0);
  for (const tab of tabs) tab.delayMs.length = 0;
  const before = bytes();
  const used = await use(server);
  const kilobytes = (bytes() - before) / consoles / seconds / 1024;
  const delayMs = tabs.flatMap((tab) => tab.delayMs);
  const [typist] = tabs;
  const searchMs: number[] = [];
  for (const word of ["service-4", "thing-77", "place 12", "crash", "host-3", "t42"])
    for (let length = 1; length <= word.length; length++) {
      searchMs.push((await typist?.search(word.slice(0, length))) ?? 0);
      await wait(80);
    }
  for (const tab of tabs) tab.close();
  // What they have left behind must not count for the next ones.
  await wait(1_000);
  return {
    what,
    firstMs: firstMs.map((one) => round(one)),
    searchMs: searchMs.map((one) => round(one)),
    delayMs,
    cpuPercent: round(used.cpuPercent - alone.cpuPercent),
    heapMb: round(used.heapMb - alone.heapMb),
    pssMb: round(used.pssMb - alone.pssMb),
    kilobytes: round(kilobytes),
  };
}
