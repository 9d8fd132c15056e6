/** Series: samples taken each second while questions are answered, the time of questions over an hour and over thirty days of 100 series, and bytes a sample at rest; beside Prometheus 3 and VictoriaMetrics on the same samples, where they are here.
 *  Options: --days 30, --seconds 10 (of taking), --series 10000 (of taking). */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ManualClock, seededRandom, silentLog, systemClock } from "#/base/index.ts";
import { EmbeddedSeries, openEmbeddedSeries } from "#/watch/series/embedded/index.ts";
import { type Labels, METRIC_NAME, type Sample, type SeriesStore } from "#/watch/series/index.ts";
import { openRemoteSeries } from "#/watch/series/remote/index.ts";
import { findPrometheus, findVictoriaMetrics, type SeriesServer, startPrometheus, startVictoriaMetrics } from "../test/series-servers.ts";
import { quantile, Report, round } from "./harness/report.ts";

const { values: options } = parseArgs({
  options: { days: { type: "string", default: "30" }, seconds: { type: "string", default: "10" }, series: { type: "string", default: "10000" } },
});
const DAYS = Number(options.days);
const SECONDS = Number(options.seconds);
const SERIES = Number(options.series);
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const HOSTS = 100;
const BATCH = 2_000;
const ASKED = 15;

const report = new Report("series");
const folders: string[] = [];
const servers: { readonly name: string; readonly server: SeriesServer }[] = [];
try {
  const prometheus = findPrometheus();
  const victoria = findVictoriaMetrics();
  if (prometheus !== undefined) servers.push({ name: "Prometheus", server: await startPrometheus(prometheus, { lateHours: 24 * (DAYS + 1) }) });
  if (victoria !== undefined) servers.push({ name: "VictoriaMetrics", server: await startVictoriaMetrics(victoria) });
  await measureHistory();
  await measureTaking();
  report.end();
} finally {
  for (const { server } of servers) await server.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/** Figures as hosts have them: a share of time, bytes, a temperature, a load. Named `bench_*`; the same for all. */
function hostFigures(): (atMs: number) => readonly Sample[] {
  const random = seededRandom(1);
  const hosts = Array.from({ length: HOSTS }, (_, index) => `host-${String(index).padStart(3, "0")}`);
  const labels = (name: string): readonly Labels[] => hosts.map((host) => ({ [METRIC_NAME]: name, host }));
  const [cpu, bytes, temperature, load] = ["bench_cpu_percent", "bench_bytes_total", "bench_temperature_celsius", "bench_load"].map(labels) as [
    readonly Labels[],
    readonly Labels[],
    readonly Labels[],
    readonly Labels[],
  ];
  const counters = hosts.map(() => Math.floor(random.next() * 1e9));
  const degrees = hosts.map(() => 40 + random.next() * 10);
  return (atMs) =>
    hosts.flatMap((_, index) => {
      counters[index] = (counters[index] as number) + Math.floor(random.next() * 100_000);
      degrees[index] = (degrees[index] as number) + random.next() - 0.5;
      return [
        { labels: cpu[index] as Labels, atMs, value: Math.round(random.next() * 10_000) / 100 },
        { labels: bytes[index] as Labels, atMs, value: counters[index] as number },
        { labels: temperature[index] as Labels, atMs, value: Math.round((degrees[index] as number) * 10) / 10 },
        { labels: load[index] as Labels, atMs, value: Math.round(random.next() * 400) / 100 },
      ];
    });
}

async function measureHistory(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-bench-series-"));
  folders.push(folder);
  const endMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const startMs = endMs - DAYS * 24 * HOUR_MS;
  const clock = new ManualClock(startMs);
  const filling = EmbeddedSeries.open({ folder, clock, log: silentLog, turn: () => Promise.resolve() });
  const remotes = servers.map(({ server }) => openRemoteSeries({ url: server.url, clock, log: silentLog, samplesMax: 10_000_000 }));
  const next = hostFigures();
  let samples = 0;
  const beganMs = performance.now();
  while (clock.now() < endMs) {
    // As often as hosts are looked at in the last day, once a minute before: so that the bench ends the same day.
    clock.advance(clock.now() >= endMs - 24 * HOUR_MS ? 15_000 : MINUTE_MS);
    const batch = next(clock.now());
    samples += batch.length;
    filling.take({ source: "bench", samples: batch });
    for (const remote of remotes) await remote.append({ source: "bench", samples: batch });
    if (clock.now() % HOUR_MS === 0) {
      clock.advance(0);
      await filling.maintain();
      for (const remote of remotes) await remote.drained();
    }
  }
  await filling.maintain();
  for (const remote of remotes) await remote.drained();
  await filling.close();
  console.log(`filled with ${samples} samples of ${4 * HOSTS} series over ${DAYS} days in ${round((performance.now() - beganMs) / 1_000)} s`);
  measureBytes(folder);
  const own = openEmbeddedSeries({ folder, clock: systemClock, log: silentLog });
  for (const { server } of servers) await server.flush();
  const stores = [{ name: "Orrery", store: own }, ...servers.map(({ name }, index) => ({ name, store: remotes[index] as SeriesStore }))];
  const questions = [
    { what: "1 h of 100 series, every 15 s", expression: "bench_cpu_percent", forMs: HOUR_MS, stepMs: 15_000, aimMs: 50 },
    { what: "1 h of 100 series, rate over 5 min", expression: "rate(bench_bytes_total[5m])", forMs: HOUR_MS, stepMs: 15_000, aimMs: 50 },
    {
      what: `${DAYS} d of 100 series, every hour`,
      expression: "bench_cpu_percent",
      forMs: DAYS * 24 * HOUR_MS - 2 * HOUR_MS,
      stepMs: HOUR_MS,
      aimMs: 200,
    },
    {
      what: `${DAYS} d of 100 series, mean of 2 h each`,
      expression: "avg_over_time(bench_cpu_percent[2h])",
      forMs: DAYS * 24 * HOUR_MS - 4 * HOUR_MS,
      stepMs: 2 * HOUR_MS,
      aimMs: 200,
    },
    {
      what: `${DAYS} d of 100 series, every 30 min (from the tier of a minute)`,
      expression: "bench_cpu_percent",
      forMs: DAYS * 24 * HOUR_MS - HOUR_MS,
      stepMs: 30 * MINUTE_MS,
    },
  ];
  const rows: (readonly (string | number)[])[] = [];
  for (const { what, expression, forMs, stepMs, aimMs } of questions) {
    const medians: number[] = [];
    for (const { name, store } of stores) {
      const times: number[] = [];
      let series = 0;
      for (let turn = 0; turn < ASKED; turn++) {
        const askedMs = performance.now();
        const answer = await store.queryRange({ expression, fromMs: endMs - forMs, toMs: endMs, stepMs });
        times.push(performance.now() - askedMs);
        series = "series" in answer ? answer.series.length : 0;
      }
      if (series !== HOSTS) throw new Error(`${name}: ${what}: ${series} series`);
      medians.push(quantile(times, 0.5));
      report.figure(`${name}: ${what}`, {
        firstMs: round(times[0] ?? 0),
        medianMs: round(quantile(times, 0.5)),
        slowestMs: round(Math.max(...times)),
      });
      if (name === "Orrery" && aimMs !== undefined)
        report.aim({
          what,
          measured: `${round(quantile(times, 0.5))} ms, first ${round(times[0] ?? 0)} ms`,
          aim: `≤ ${aimMs} ms`,
          isMet: quantile(times, 0.5) <= aimMs,
        });
    }
    rows.push([what, ...medians.map((ms) => `${round(ms)} ms`)]);
  }
  report.table("Questions, median", ["", ...stores.map(({ name }) => name)], rows);
  await own.close();
  for (const remote of remotes) await remote.close();
}

/** Bytes a sample at rest, of raw samples, and of all tiers with them. */
function measureBytes(folder: string): void {
  const segments = path.join(folder, "segments");
  const sizes = new Map<string, number>();
  for (const name of readdirSync(segments)) {
    const kind = name.slice(0, name.indexOf("-"));
    sizes.set(kind, (sizes.get(kind) ?? 0) + statSync(path.join(segments, name)).size);
  }
  // Raw samples are kept for the last day, every 15 s.
  const raw = 24 * 240 * 4 * HOSTS;
  const own = (sizes.get("raw") ?? 0) / raw;
  report.figure("bytes a raw sample", round(own, 2));
  report.figure("bytes of tiers", Object.fromEntries(sizes));
  report.table(
    "At rest",
    ["", ""],
    [["raw, of the last day", `${round(own, 2)} bytes a sample`], ...[...sizes].map(([kind, bytes]) => [kind, `${round(bytes / 1_048_576)} MiB`])],
  );
}

async function measureTaking(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-bench-series-"));
  folders.push(folder);
  const store = openEmbeddedSeries({ folder, clock: systemClock, log: silentLog, limits: { metricSeriesMax: SERIES } });
  const rows: (readonly (string | number)[])[] = [];
  const own = await take("Orrery", store, async () => {});
  rows.push(["Orrery", own]);
  await wait(1_000);
  await store.close();
  for (const { name, server } of servers) {
    const remote = openRemoteSeries({ url: server.url, clock: systemClock, log: silentLog, samplesMax: 2_000_000 });
    rows.push([name, await take(name, remote, () => remote.drained())]);
    await remote.close();
  }
  report.aim({ what: "samples taken each second, while questions are answered", measured: String(own), aim: "≥ 100000", isMet: own >= 100_000 });
  report.table("Samples a second, with their encoding, while a question of 100 series is asked five times a second", ["", ""], rows);
}

async function take(name: string, store: SeriesStore, settle: () => Promise<void>): Promise<number> {
  const labels = Array.from(
    { length: SERIES },
    (_, index): Labels => ({ [METRIC_NAME]: "taken", host: `host-${index % 100}`, item: String(Math.floor(index / 100)) }),
  );
  const nowMs = Date.now();
  const untilMs = performance.now() + SECONDS * 1_000;
  const questionMs: number[] = [];
  let isTaking = true;
  const asking = (async () => {
    while (isTaking) {
      const askedMs = performance.now();
      await store.query({ expression: 'sum by (host) (taken{item="1"})', atMs: nowMs });
      questionMs.push(performance.now() - askedMs);
      await wait(200);
    }
  })();
  const beganMs = performance.now();
  let taken = 0;
  for (let round_ = 0; performance.now() < untilMs; round_++) {
    const atMs = nowMs - 8 * MINUTE_MS + round_ * 1_000;
    for (let from = 0; from < SERIES; from += BATCH) {
      const samples = labels.slice(from, from + BATCH).map((one, index) => ({ labels: one, atMs, value: round_ * 3 + (index % 17) }));
      taken += (await store.append({ source: "bench", samples })).taken;
    }
    if (name !== "Orrery" && round_ % 5 === 0) await settle();
  }
  await settle();
  const perSecond = Math.round((taken / (performance.now() - beganMs)) * 1_000);
  isTaking = false;
  await asking;
  report.figure(`${name}: taken`, {
    samples: taken,
    perSecond,
    questionMedianMs: round(quantile(questionMs, 0.5)),
    questionSlowestMs: round(Math.max(...questionMs)),
  });
  return perSecond;
}
