/** Figures of the last two hours of the site that console-data.ts makes, for pages and pictures. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { type Clock, silentLog } from "#/base/index.ts";
import { EmbeddedSeries } from "#/watch/series/embedded/index.ts";
import { METRIC_NAME, type Sample, type SeriesStore } from "#/watch/series/index.ts";

const HOSTS = ["ops-1", "ops-2", "antenna-hall"] as const;
const SERVICES = ["archive", "auth", "portal", "telemetry", "conjunction"] as const;
const STEP_MS = 15_000;
const SPAN_MS = 2 * 3_600_000;
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const;

/** A store that has them, up to `untilMs`; it goes on with `clock`. Half an hour ago an agent was silent for ten minutes. */
export async function fillSeries(context: Pick<TestContext, "after">, clock: Clock, untilMs: number): Promise<SeriesStore> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-console-series-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  let nowMs = untilMs - SPAN_MS;
  let isLive = false;
  const series = EmbeddedSeries.open({
    folder,
    clock: { ...clock, now: () => (isLive ? clock.now() : nowMs) },
    log: silentLog,
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  });
  context.after(() => series.close());
  for (let step = 0; nowMs <= untilMs; step++, nowMs = untilMs - SPAN_MS + step * STEP_MS) {
    const agoMs = untilMs - nowMs;
    for (const [index, host] of HOSTS.entries()) {
      if (index === 2 && agoMs > 20 * 60_000 && agoMs < 30 * 60_000) continue;
      await series.append({ source: `host/${host}`, samples: hostSamples(host, index, step, nowMs) });
    }
    await series.append({ source: "gateway/ops-1", samples: SERVICES.flatMap((service, index) => callSamples(service, index, step, nowMs)) });
  }
  isLive = true;
  return series;
}

function hostSamples(host: string, index: number, step: number, atMs: number): readonly Sample[] {
  const wave = (every: number, at = 0): number => (1 + Math.sin((step + at) / every)) / 2;
  const one = (name: string, value: number, labels: Readonly<Record<string, string>> = {}): Sample => ({
    labels: { [METRIC_NAME]: name, host, ...labels },
    atMs,
    value,
  });
  return [
    ...["0", "1"].map((cpu) => one("host_cpu_percent", 12 + index * 9 + 20 * wave(21, Number(cpu) * 5) + 14 * wave(3.1, index), { cpu })),
    ...["user", "system", "idle", "iowait"].map((mode, at) =>
      one("host_cpu_seconds_total", step * 15 * [0.2, 0.06, 0.7, 0.04][at]! + wave(9, at) * 4, { cpu: "0", mode }),
    ),
    one("host_memory_total_bytes", 16 * 1024 ** 3),
    one("host_memory_available_bytes", (9 - index - wave(60)) * 1024 ** 3),
    one("host_swap_total_bytes", 0),
    one("host_swap_free_bytes", 0),
    ...["1m", "5m", "15m"].map((over, at) => one("host_load", 0.4 + index * 0.3 + wave(14 + at * 20), { over })),
    ...(["/", "/var"] as const).flatMap((mount, at) => [
      one("host_filesystem_size_bytes", 200 * 1024 ** 3, { mount, device: "vda" }),
      one("host_filesystem_available_bytes", (200 - 120 - at * 40 - index * 10 - step / 200) * 1024 ** 3, { mount, device: "vda" }),
    ]),
    one("host_disk_busy_seconds_total", step * 15 * 0.07 + wave(11) * 6, { device: "vda" }),
    one("host_disk_read_bytes_total", step * 800_000, { device: "vda" }),
    one("host_disk_written_bytes_total", step * 2_400_000 + wave(7) * 4_000_000, { device: "vda" }),
    one("host_network_received_bytes_total", step * 15 * 300_000 + wave(31) * 9_000_000, { device: "eth0" }),
    one("host_network_sent_bytes_total", step * 15 * 220_000 + wave(27) * 7_000_000, { device: "eth0" }),
    one("host_temperature_celsius", 48 + index * 3 + 6 * wave(45), { sensor: "Package" }),
    one("orrery_process_resident_memory_bytes", (60 + index * 4 + 3 * wave(33)) * 1024 ** 2, { component: "agent" }),
    one("orrery_process_cpu_seconds_total", step * 15 * 0.012, { component: "agent" }),
    ...SERVICES.slice(index, index + 3).flatMap((service, slot) => [
      one("instance_present", 1, { service, slot: String(slot) }),
      one("instance_ready", service === "conjunction" && step % 40 < 6 ? 0 : 1, { service, slot: String(slot) }),
      one("instance_restarts_total", service === "conjunction" ? Math.floor(step / 40) : 0, { service, slot: String(slot) }),
      one("instance_cpu_seconds_total", step * 15 * (0.05 + slot * 0.04) + wave(19, slot) * 4, { service, slot: String(slot) }),
      one("instance_memory_bytes", (80 + slot * 30 + 12 * wave(25)) * 1024 ** 2, { service, slot: String(slot) }),
      one("instance_threads", 11 + slot, { service, slot: String(slot) }),
      one("instance_open_files", 40 + Math.round(6 * wave(12)), { service, slot: String(slot) }),
    ]),
  ];
}

function callSamples(service: string, index: number, step: number, atMs: number): readonly Sample[] {
  return ["(outside)", "portal"].flatMap((caller, at) => {
    const labels = { host: "ops-1", service, caller };
    const calls = Math.round(step * (60 + index * 25) * (at + 1) + 400 * Math.sin(step / 40));
    const one = (name: string, value: number, more: Readonly<Record<string, string>> = {}): Sample => ({
      labels: { [METRIC_NAME]: name, ...labels, ...more },
      atMs,
      value,
    });
    return [
      one("call_seconds_count", calls),
      one("call_seconds_sum", calls * 0.02),
      one("call_errors_total", service === "conjunction" ? Math.round(calls * 0.08) : 0),
      one("calls_in_flight", Math.round(2 + 2 * Math.sin(step / 9 + index))),
      one("calls_refused_total", service === "conjunction" ? Math.round(calls * 0.01) : 0, { reason: "no-instance" }),
      ...[...BOUNDS, Number.POSITIVE_INFINITY].map((bound, rank) =>
        one("call_seconds_bucket", Math.round(calls * Math.min(1, (rank + 1) / (BOUNDS.length - index * 0.4))), {
          le: Number.isFinite(bound) ? String(bound) : "+Inf",
        }),
      ),
    ];
  });
}
