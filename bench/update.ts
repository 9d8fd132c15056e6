/** Updates under load: what requests meet and how long they take during an update, beside a control that starts and stops the same processes. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { isOrreryError, silentLog } from "#/base/index.ts";
import { API_VERSION, update } from "#/model/index.ts";
import { RemoteStore } from "#/state/store/remote/index.ts";
import { clientOf } from "./harness/centre.ts";
import { Report, ROOT, round } from "./harness/report.ts";
import { startSite, temporaryFolder } from "./harness/site.ts";
import { measureCapacity } from "./update/load.ts";
import { type Panel, plot } from "./update/plot.ts";
import { controlRound, type Held, type Round, type RoundOptions, updateRound } from "./update/rounds.ts";
import { type BenchSite, SITES } from "./update/sites.ts";
import { p99Ratio, type Ratio, type Summary, summarize } from "./update/summary.ts";
import { Timeline } from "./update/timeline.ts";

const { values } = parseArgs({
  options: {
    sites: { type: "string", default: SITES.map((one) => one.name).join(",") },
    loads: { type: "string", default: "0.3,0.7" },
    strategies: { type: "string", default: "consistent,rolling,blueGreen,recreate,quiescence" },
    /** Rounds of `consistent` and of the control, whose tails are compared. */
    rounds: { type: "string", default: "12" },
    /** Rounds of the other strategies. */
    others: { type: "string", default: "3" },
    /** Seconds of load before and after each change. */
    margin: { type: "string", default: "3" },
    /** Where the plot goes. */
    plot: { type: "string", default: path.join(ROOT, "docs/update-under-load.svg") },
  },
});
const loads = values.loads.split(",").map(Number);
const rounds = Number(values.rounds);
const others = Number(values.others);
const asked = values.strategies.split(",");
const available = new Set<string>();
const CONNECTIONS = 8;
const CAPACITY_MS = 4000;
/** The Site's default. */
const LINGER_MS = 500;

interface Outcome {
  readonly site: string;
  readonly load: number;
  readonly perSecond: number;
  readonly what: string;
  readonly summary: Summary;
  /** Of the p99 during updates to that of the control. */
  readonly ratio?: Ratio;
}

const report = new Report("update");
const outcomes: Outcome[] = [];
const panels: Panel[] = [];
const capacities: Record<string, number> = {};
for (const name of values.sites.split(",")) {
  const site = SITES.find((one) => one.name === name);
  if (site === undefined) throw new Error(`there is no site ${name}; there are: ${SITES.map((one) => one.name).join(", ")}`);
  await measureSite(site);
}
print();
writeFileSync(values.plot, plot(panels));
report.figure("plot", path.relative(ROOT, values.plot));
report.end();

async function measureSite(site: BenchSite): Promise<void> {
  const running = await startSite(site.folder, path.join(temporaryFolder("update"), "data"));
  const client = clientOf(running.data, "admin");
  const store = new RemoteStore({ client, log: silentLog });
  const timeline = new Timeline(store, site.service);
  try {
    const target = site.target(running.edge);
    await timeline.until("the site is settled", () => timeline.site?.status?.generations?.length === 1 && timeline.instances(true).length > 0);
    // Programs get faster in their first seconds.
    await measureCapacity(target, CONNECTIONS, CAPACITY_MS);
    const capacity = await measureCapacity(target, CONNECTIONS, CAPACITY_MS);
    capacities[site.name] = round(capacity);
    for (const strategy of asked) if (await isAvailable(store, site.service, strategy)) available.add(strategy);
    const strategies = asked.filter((one) => available.has(one));
    const optionsFor = (load: number): RoundOptions => ({
      store,
      held: () => readHeld(client),
      timeline,
      service: site.service,
      target,
      perSecond: capacity * load,
      marginMs: Number(values.margin) * 1000,
    });
    let version = "v1";
    // The first start of a version compiles it and places its files, which no control would have to.
    for (const [from, to] of [
      ["v1", "v2"],
      ["v2", "v1"],
    ] as const)
      await updateRound({ ...optionsFor(0.1), marginMs: 0 }, "consistent", from, to);
    for (const load of loads) {
      const options = optionsFor(load);
      const done = new Map<string, Round[]>(["control", ...strategies].map((what) => [what, []]));
      // In turn, so that what else the machine does meets all of them alike.
      for (let count = 0; count < rounds; count++) {
        for (const strategy of strategies) {
          if (strategy !== "consistent" && count >= others) continue;
          const next = version === "v1" ? "v2" : "v1";
          const one = await updateRound(options, strategy, version, next);
          version = next;
          done.get(strategy)?.push(one);
          console.error(`${site.name}, ${Math.round(load * 100)} %, round ${count + 1} of ${rounds}: ${strategy} done`);
          if (strategy !== "consistent") continue;
          await wait(500);
          done.get("control")?.push(await controlRound(options, version, Math.max(0, one.marks.withdrawnMs - one.marks.readyMs)));
        }
        await wait(500);
      }
      for (const [what, list] of done) {
        const ratio = what === "consistent" ? { ratio: p99Ratio(list, done.get("control") ?? []) } : {};
        outcomes.push({ site: site.name, load, perSecond: round(options.perSecond), what, summary: summarize(list), ...ratio });
        const first = list[0];
        if (first === undefined) continue;
        const change = what === "control" ? "control, no update" : `${what} update of ${site.service}`;
        panels.push({ title: `${site.name}, ${Math.round(load * 100)} % load (${Math.round(options.perSecond)}/s): ${change}`, round: first });
      }
    }
  } finally {
    timeline.stop();
    await client.close();
    await running.down();
  }
}

/** From the centre's own figures. */
async function readHeld(client: ReturnType<typeof clientOf>): Promise<Held> {
  const text = String((await client.request({ path: "/metrics" })).body);
  const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  return { total: figure("orrery_transactions_held_total"), timeSumMs: figure("orrery_held_seconds_total") * 1000 };
}

/** Asks the site itself, which refuses what it does not know. */
async function isAvailable(store: RemoteStore, service: string, strategy: string): Promise<boolean> {
  const object = {
    apiVersion: API_VERSION,
    kind: update.kind,
    metadata: { name: "bench-try" },
    spec: { services: [{ name: service, to: "v2" }], strategy },
  };
  try {
    await store.create(update, object, { dryRun: true });
    return true;
  } catch (error) {
    if (isOrreryError(error, "store/invalid")) return false;
    throw error;
  }
}

function print(): void {
  report.table(
    `Updates of one service under load; ${rounds} rounds of consistent and the control, ${Math.min(rounds, others)} of the others; latencies in ms, of all rounds together`,
    ["site", "load", "what", "requests", "mixed", "failed", "before p50/p99", "during p50/p99", "after p50/p99"],
    outcomes.map(({ site, load, perSecond, what, summary }) => [
      site,
      `${Math.round(load * 100)} % (${Math.round(perSecond)}/s)`,
      what,
      summary.requests,
      summary.mixed,
      summary.failed,
      ...[summary.before, summary.during, summary.after].map((one) => `${one.p50} / ${one.p99}`),
    ]),
  );
  report.table(
    "Times in ms (median / worst round)",
    [
      "site",
      "load",
      "what",
      "asked to ready",
      "ready to all new on new",
      "last old answer to SIGTERM",
      "asked to old gone",
      "held (a round, mean)",
      "extra instance s",
    ],
    outcomes.map(({ site, load, what, summary }) => [
      site,
      `${Math.round(load * 100)} %`,
      what,
      ...[summary.readyMs, summary.switchMs, summary.withdrawMs, summary.goneMs].map((one) =>
        one === undefined ? "" : `${one.median} / ${one.max}`,
      ),
      summary.held.perRound === 0 ? "none" : `${summary.held.perRound} for ${summary.held.meanMs} ms`,
      `${summary.extraInstanceSeconds.median} / ${summary.extraInstanceSeconds.max}`,
    ]),
  );
  for (const { site, what, summary } of outcomes) for (const detail of summary.details) console.log(`${site}, ${what}: ${detail}`);
  const missing = asked.filter((one) => !available.has(one));
  if (missing.length > 0) console.log(`\nnot available in this version: ${missing.join(", ")}`);
  report.figure("capacities", capacities);
  report.figure("notAvailable", missing);
  report.figure("outcomes", outcomes);
  aims();
}

function aims(): void {
  const updates = outcomes.filter((one) => one.what === "consistent");
  const sum = (of: (summary: Summary) => number): number => updates.reduce((total, one) => total + of(one.summary), 0);
  const worst = (of: (summary: Summary) => number | undefined): number => Math.max(...updates.map((one) => of(one.summary) ?? 0));
  report.aim({ what: "mixed", measured: String(sum((one) => one.mixed)), aim: "0", isMet: sum((one) => one.mixed) === 0 });
  report.aim({ what: "failed", measured: String(sum((one) => one.failed)), aim: "0", isMet: sum((one) => one.failed) === 0 });
  for (const { site, load, ratio } of updates) {
    if (ratio === undefined) continue;
    report.aim({
      what: `p99 during to control, ${site} ${Math.round(load * 100)} %`,
      measured: `× ${ratio.value} (90 % interval ${ratio.low} to ${ratio.high})`,
      aim: "≤ × 1.05",
      isMet: ratio.value <= 1.05,
    });
  }
  const switchMs = worst((one) => one.switchMs?.max);
  report.aim({ what: "ready to all new on new, worst", measured: `${switchMs} ms`, aim: "≤ 1000 ms", isMet: switchMs <= 1000 });
  const withdrawMs = worst((one) => one.withdrawMs?.max);
  report.aim({
    what: "last old answer to SIGTERM, worst",
    measured: `${withdrawMs} ms`,
    aim: `≤ linger + 1000 = ${LINGER_MS + 1000} ms`,
    isMet: withdrawMs <= LINGER_MS + 1000,
  });
}
