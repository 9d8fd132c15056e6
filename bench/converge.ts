/** 1,000 Microservices with 10 Instances each on simulated agents: time from apply until all are ready, memory of the centre, and what one change costs as the site grows. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { silentLog } from "#/base/index.ts";
import { API_VERSION, microservice, type Site, site } from "#/model/index.ts";
import { RemoteStore } from "#/state/store/remote/index.ts";
import { endChild, type RunningCentre, startCentre } from "./harness/centre.ts";
import { cpuSeconds, memoryOf } from "./harness/processes.ts";
import { median, quantile, Report, round } from "./harness/report.ts";
import { isReady, PATIENCE_MS, ServiceWatch } from "./harness/service-watch.ts";
import { temporaryFolder } from "./harness/site.ts";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "100,300,1000" },
    replicas: { type: "string", default: "10" },
    hosts: { type: "string", default: "10" },
    changes: { type: "string", default: "10" },
    /** Folder for a profile of each centre. */
    profile: { type: "string" },
  },
});
const replicas = Number(values.replicas);
const changes = Number(values.changes);
const WRITERS = 32;

interface Cost {
  /** From the change until the service is Ready as changed; ms. */
  readonly latencyMs: readonly number[];
  /** Processor time of the centre for each change until nothing is left to do; ms. */
  readonly cpuMs: number;
  /** Changes of the store for each change. */
  readonly writes: number;
}

interface Outcome {
  readonly services: number;
  readonly readySeconds: number;
  readonly cpuSeconds: number;
  readonly pssMb: number;
  readonly peakPssMb: number;
  readonly idleCpuPercent: number;
  readonly scale: Cost;
  readonly template: Cost;
}

const report = new Report("converge");
const outcomes: Outcome[] = [];
for (const size of values.sizes.split(",").map(Number)) outcomes.push(await measure(size));
report.table(
  `${replicas} instances for each service on ${values.hosts} simulated hosts; changes one after another`,
  [
    "services",
    "all ready s",
    "centre CPU s",
    "centre MB",
    "peak MB",
    "idle CPU %",
    "scale ms p50",
    "max",
    "CPU ms",
    "writes",
    "template ms p50",
    "max",
    "CPU ms",
    "writes",
  ],
  outcomes.map((one) => [
    one.services,
    one.readySeconds,
    one.cpuSeconds,
    one.pssMb,
    one.peakPssMb,
    one.idleCpuPercent,
    ...cells(one.scale),
    ...cells(one.template),
  ]),
);
report.figure("replicas", replicas);
report.figure("outcomes", outcomes);
const [small, large] = [outcomes[0], outcomes.at(-1)];
if (large !== undefined && small !== undefined) {
  report.aim({ what: `${large.services} services ready`, measured: `${large.readySeconds} s`, aim: "≤ 60 s", isMet: large.readySeconds <= 60 });
  report.aim({ what: "memory of the centre, peak", measured: `${large.peakPssMb} MB`, aim: "≤ 400 MB", isMet: large.peakPssMb <= 400 });
  for (const kind of ["scale", "template"] as const) {
    const ratio = large[kind].cpuMs / small[kind].cpuMs;
    report.aim({
      what: `CPU of a ${kind} change, ${large.services} to ${small.services} services`,
      measured: `× ${round(ratio, 2)}`,
      aim: "flat: ≤ × 1.5",
      isMet: ratio <= 1.5,
    });
  }
}
report.end();

async function measure(services: number): Promise<Outcome> {
  const data = temporaryFolder("converge");
  const profile =
    values.profile === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(values.profile)}`, `--cpu-prof-name=centre-${services}.cpuprofile`];
  const centre = await startCentre(data, profile);
  const fleet = await startFleet(data);
  const client = centre.client("admin");
  const store = new RemoteStore({ client, log: silentLog });
  const watch = new ServiceWatch(store);
  let peakPssMb = 0;
  const sampling = setInterval(() => {
    peakPssMb = Math.max(peakPssMb, memoryOf(centre.pid).pssMb);
  }, 500);
  try {
    const begunMs = performance.now();
    const cpuBefore = cpuSeconds(centre.pid);
    await createServices(store, services);
    await watch.until(
      () => watch.readyCount(replicas) === services,
      `all of ${services} ready`,
      () => `${watch.readyCount(replicas)} are ready`,
    );
    const readySeconds = round((performance.now() - begunMs) / 1000);
    const cpuOfAll = cpuSeconds(centre.pid) - cpuBefore;
    const idleCpuPercent = await settle(centre, store);
    const pssMb = memoryOf(centre.pid).pssMb;
    const scale = await costOf(centre, store, async (index) => {
      const name = nameOf(index);
      await store.patch(microservice, { name }, { type: "merge", body: { spec: { replicas: replicas + 1 } } });
      await watch.until(() => isReady(watch.get(name), replicas + 1), `${name} scaled`);
    });
    const template = await costOf(centre, store, async (index) => {
      const name = nameOf(index + changes);
      await store.patch(microservice, { name }, { type: "merge", body: { spec: { template: { version: "v2" } } } });
      await watch.until(() => watch.get(name)?.status?.servedVersion === "v2" && isReady(watch.get(name), replicas), `${name} updated`);
    });
    peakPssMb = Math.max(peakPssMb, memoryOf(centre.pid).pssMb);
    return { services, readySeconds, cpuSeconds: round(cpuOfAll), pssMb: round(pssMb), peakPssMb: round(peakPssMb), idleCpuPercent, scale, template };
  } finally {
    clearInterval(sampling);
    watch.stop();
    await endChild(fleet);
    await client.close();
    await centre.stop();
  }
}

/** Performs the changes one after another, all of them, until the site is settled again. */
async function costOf(centre: RunningCentre, store: RemoteStore, change: (index: number) => Promise<void>): Promise<Cost> {
  const latencyMs: number[] = [];
  const cpuBefore = cpuSeconds(centre.pid);
  const writesBefore = await versionOf(store);
  for (let index = 0; index < changes; index++) {
    const atMs = performance.now();
    await change(index);
    latencyMs.push(round(performance.now() - atMs));
  }
  await untilSettled(store);
  const used = cpuSeconds(centre.pid) - cpuBefore;
  const writes = (await versionOf(store)) - writesBefore;
  return { latencyMs, cpuMs: round((used / changes) * 1000), writes: round(writes / changes) };
}

/** Number of the store's last change. */
async function versionOf(store: RemoteStore): Promise<number> {
  return Number((await store.list(site)).resourceVersion);
}

/** Waits until nothing is being done; returns the processor use in percent of a core then. */
async function settle(centre: RunningCentre, store: RemoteStore): Promise<number> {
  await untilSettled(store);
  // The memory that the beginning has used is given back in the meantime.
  await wait(5000);
  const before = cpuSeconds(centre.pid);
  await wait(5000);
  return round(((cpuSeconds(centre.pid) - before) / 5) * 100);
}

async function untilSettled(store: RemoteStore): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const now: Site | undefined = await store.get(site, { name: "site" });
    if (now?.status?.generations?.length === 1) return;
    if (performance.now() > deadlineMs) throw new Error(`the site does not settle: ${JSON.stringify(now?.status?.generations)}`);
    await wait(100);
  }
}

async function createServices(store: RemoteStore, services: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (next < services) {
        const name = nameOf(next++);
        const template = {
          version: "v1",
          run: { command: ["node", "server.js"] },
          env: [{ name: "LEVEL", value: "info" }],
          ports: [{ name: "http", protocol: "http" }],
        };
        await store.create(microservice, { apiVersion: API_VERSION, kind: "Microservice", metadata: { name }, spec: { replicas, template } });
      }
    }),
  );
}

function nameOf(index: number): string {
  return `service-${String(index).padStart(4, "0")}`;
}

async function startFleet(data: string): Promise<ChildProcess> {
  const fleet = fork(path.join(import.meta.dirname, "harness/fleet.ts"), ["--data", data, "--hosts", values.hosts], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  process.once("exit", () => fleet.kill("SIGKILL"));
  await once(fleet, "message");
  return fleet;
}

function cells(cost: Cost): (string | number)[] {
  return [Math.round(median(cost.latencyMs)), Math.round(quantile(cost.latencyMs, 1)), cost.cpuMs, cost.writes];
}
