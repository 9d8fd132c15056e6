/** Memory and processor time of a site without services, without a console and with one that is open, and how long `up --detach` of the ground station takes. */
import { copyFileSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { createClient } from "#/state/client/index.ts";
import { startBrowser } from "../test/console-browser.ts";
import { cpuSeconds, memoryAlone, memoryOf, platformPids } from "./harness/processes.ts";
import { median, Report, ROOT, round } from "./harness/report.ts";
import { type RunningSite, startSite, temporaryFolder } from "./harness/site.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, starts: { type: "string", default: "5" }, settle: { type: "string", default: "15" } },
});
const report = new Report("idle");

await measureIdle(Number(values.seconds));
if (Number(values.starts) > 0) await measureStarts(Number(values.starts));
report.end();

async function measureIdle(seconds: number): Promise<void> {
  const folder = temporaryFolder("site");
  copyFileSync(path.join(ROOT, "sites/ground-station/site.yaml"), path.join(folder, "site.yaml"));
  const site = await startSite(folder, path.join(temporaryFolder("data"), "data"));
  try {
    const pids = platformPids(site.data);
    // What starting left behind is not idling.
    await wait(Number(values.settle) * 1000);
    const { cpuPercent } = await measure("without a console", pids, seconds);
    report.aim({ what: "processor, without a console", measured: `${round(cpuPercent, 2)} %`, aim: "≤ 2 % of a core", isMet: cpuPercent <= 2 });
    const close = await openConsole(site);
    await wait(Number(values.settle) * 1000);
    await measure("one console open", pids, seconds);
    await close();
  } finally {
    await site.down();
  }
}

/** The overview in a browser, whose own memory is not the site's. */
async function openConsole({ data, api, console: address }: RunningSite): Promise<() => Promise<void>> {
  const ca = readFileSync(path.join(data, "pki/ca.crt"), "utf8");
  const token = readFileSync(path.join(data, "tokens/admin"), "utf8").trim();
  const common = { clock: systemClock, random: systemRandom, log: silentLog };
  const client = createClient({ url: api, ca, token, userAgent: "orrery-bench/0", ...common });
  const { body } = await client.request({ method: "POST", path: "/login-links", body: {} });
  await client.close();
  const { browser, close } = await startBrowser();
  const page = await browser.newPage();
  await page.goto(`${new URL(address).origin}/console/#link=${(body as { readonly link: string }).link}`);
  await page.locator("#page h1").waitFor({ timeout: 60_000 });
  return close;
}

async function measure(what: string, pids: ReadonlyMap<string, number>, seconds: number): Promise<{ readonly cpuPercent: number }> {
  const before = new Map([...pids].map(([name, pid]) => [name, cpuSeconds(pid)]));
  await wait(seconds * 1000);
  const rows = [...pids].map(([name, pid]) => ({
    name,
    ...memoryOf(pid),
    cpuPercent: ((cpuSeconds(pid) - (before.get(name) ?? 0)) / seconds) * 100,
  }));
  const sum = (of: (row: (typeof rows)[number]) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const total = {
    name: "all",
    pssMb: sum((row) => row.pssMb),
    anonymousMb: sum((row) => row.anonymousMb),
    residentMb: sum((row) => row.residentMb),
    cpuPercent: sum((row) => row.cpuPercent),
  };
  const aloneMb = memoryAlone([...pids.values()]);
  report.table(
    `A site without services, ${what}, after ${values.settle} s, over ${seconds} s`,
    ["", "PSS MB", "heaps MB", "resident MB", "CPU % of a core"],
    [...rows, total].map((row) => [row.name, round(row.pssMb), round(row.anonymousMb), round(row.residentMb), round(row.cpuPercent, 2)]),
  );
  report.figure(
    `processes, ${what}`,
    Object.fromEntries(
      [...rows, total].map((row) => [
        row.name,
        { pssMb: round(row.pssMb), anonymousMb: round(row.anonymousMb), cpuPercent: round(row.cpuPercent, 2) },
      ]),
    ),
  );
  report.figure(`aloneMb, ${what}`, round(aloneMb));
  // Other programs of the same Node on this machine would take over a part of the shared pages: the larger figure counts.
  const memoryMb = Math.max(total.pssMb, aloneMb);
  report.aim({
    what: `memory, ${what}, as if nothing else shared its files`,
    measured: `${round(memoryMb)} MB`,
    aim: "≤ 330 MB",
    isMet: memoryMb <= 330,
  });
  return total;
}

async function measureStarts(times: number): Promise<void> {
  const data = path.join(temporaryFolder("data"), "data");
  const folder = path.join(ROOT, "sites/ground-station");
  const upMs: number[] = [];
  // The first start makes keys and applies the site: it is not a warm one.
  for (let count = 0; count <= times; count++) {
    const site = await startSite(folder, data);
    upMs.push(site.upMs);
    await site.down();
  }
  const [first = Number.NaN, ...warm] = upMs;
  report.table(
    "up --detach of the ground station until all is ready",
    ["", "ms"],
    [
      ["first", Math.round(first)],
      ["warm, median", Math.round(median(warm))],
      ["warm, slowest", Math.round(Math.max(...warm))],
    ],
  );
  report.figure("upMs", { first: Math.round(first), warm: warm.map(Math.round) });
  report.aim({ what: "up --detach, warm", measured: `${round(median(warm) / 1000, 2)} s`, aim: "≤ 5 s", isMet: median(warm) <= 5000 });
}
