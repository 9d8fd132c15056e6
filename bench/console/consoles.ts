import { setTimeout as wait } from "node:timers/promises";
import { cpuSeconds, memoryOf } from "../harness/processes.ts";
import { median, quantile, round } from "../harness/report.ts";
import type { RunningServer } from "./running-server.ts";
import type { Setting } from "./setting.ts";
import { ConsoleTab } from "./tab.ts";

interface Use {
  readonly cpuPercent: number;
  readonly heapMb: number;
  readonly pssMb: number;
}

async function use(server: RunningServer, setting: Setting): Promise<Use> {
  const began = await server.memory();
  const before = cpuSeconds(server.pid);
  await wait(setting.seconds * 1_000);
  const used = cpuSeconds(server.pid) - before;
  const { heapMb, changes } = await server.memory();
  // On a busy machine fewer changes are made than were asked for: what one costs counts.
  return { cpuPercent: (used / (changes - began.changes)) * setting.changes * 100, heapMb, pssMb: memoryOf(server.pid).pssMb };
}

/** What many consoles add to the same changes without them. */
export async function measureConsoles(setting: Setting, server: RunningServer, who: string): Promise<void> {
  server.say({ ask: "change" });
  await wait(3_000);
  const alone = await use(server, setting);
  const rows: (readonly (string | number)[])[] = [];
  for (const isEqual of [true, false]) {
    const what = `${isEqual ? "equal views" : "views of their own"}${who}`;
    const tabs = await Promise.all(
      Array.from({ length: setting.consoles }, async (_, index) =>
        ConsoleTab.open(server.address, await server.token(`person-${index % 50}`), isEqual ? 0 : index),
      ),
    );
    const firstMs = (await Promise.all(tabs.map((tab) => tab.begin()))).flat();
    await wait(2_000);
    const bytes = (): number => tabs.reduce((sum, tab) => sum + tab.bytes, 0);
    for (const tab of tabs) tab.delayMs.length = 0;
    const before = bytes();
    const used = await use(server, setting);
    const kilobytes = (bytes() - before) / setting.consoles / setting.seconds / 1024;
    const delayMs = tabs.flatMap((tab) => tab.delayMs);
    const searchMs = await searches(tabs);
    server.say({ ask: "rest" });
    await wait(1_000);
    const cpuBefore = cpuSeconds(server.pid);
    const quietMs = [...(await searches(tabs)), ...(await searches(tabs))];
    const searchCpuMs = ((cpuSeconds(server.pid) - cpuBefore) / quietMs.length) * 1_000;
    server.say({ ask: "change" });
    for (const tab of tabs) tab.close();
    // What they have left behind must not count for the next ones.
    await wait(1_000);
    const cpuPercent = round(used.cpuPercent - alone.cpuPercent);
    const heapMb = round(used.heapMb - alone.heapMb);
    const figures = [
      ...[median(firstMs), quantile(firstMs, 1), median(searchMs), quantile(searchMs, 0.99)].map(Math.round),
      round(searchCpuMs),
      ...[median(delayMs), quantile(delayMs, 0.99)].map(Math.round),
      ...[cpuPercent, heapMb, round(used.pssMb - alone.pssMb), round(kilobytes)],
    ];
    rows.push([what, ...figures]);
    setting.aim(`${what}: processor time`, cpuPercent, 20, "% of a core");
    setting.aim(`${what}: memory`, heapMb, 80, "MB");
    setting.aim(`${what}: search, p99`, quantile(searchMs, 0.99), 150, "ms");
    setting.aim(`${what}: from a write to the stream, p99`, quantile(delayMs, 0.99), 500, "ms");
  }
  server.say({ ask: "rest" });
  setting.report.table(
    `${setting.consoles} consoles of 50 people${who}, ${setting.changes} changes a second, for ${setting.seconds} s; processor time and memory are what the consoles add; that of a search without other changes`,
    ["", "first ms p50", "max", "search ms p50", "p99", "CPU ms", "delay ms p50", "p99", "CPU %", "heap MB", "PSS MB", "kB/s a console"],
    rows,
  );
  setting.report.figure(`consoles${who}`, rows);
}

const WORDS = ["service-4", "thing-77", "place 12", "crash", "host-3", "t42"] as const;

async function searches([typist]: readonly ConsoleTab[]): Promise<number[]> {
  const searchMs: number[] = [];
  for (const word of WORDS)
    for (let length = 1; length <= word.length; length++) {
      searchMs.push((await typist?.search(word.slice(0, length))) ?? 0);
      await wait(80);
    }
  return searchMs;
}
