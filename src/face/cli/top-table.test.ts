import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallSum } from "#/traffic/routing/windows/index.ts";
import { type TopSight, topRows } from "./top-table.ts";

const NOW = Date.parse("2030-01-01T00:01:00Z");
const at = (secondsAgo: number): string => new Date(NOW - secondsAgo * 1_000).toISOString();
const entry = (key: string, value: object, secondsAgo = 1) => ({
  key,
  value: value as Record<string, unknown>,
  observedAt: at(secondsAgo),
  observedBy: "",
});
const use = (cpuPercent: number, memoryBytes: number) => ({ cpuPercent, memoryBytes, openFiles: 5, processes: 1 });
const inst = (name: string, service: string, host = "h1", ready = true) => ({
  metadata: { name },
  spec: { service, host },
  status: { ready, restarts: 1 },
});
const calls = (service: string, instance: string, count: number, errors = 0) =>
  ({
    caller: "",
    service,
    revision: "r",
    instance,
    host: "h1",
    calls: count,
    errors,
    timeSumMs: count * 4,
    timeMaxMs: 9,
    buckets: [0, 0, count],
    large: 0,
    unlabelled: 0,
    refused: 0,
    inFlight: 0,
  }) as CallSum;

const sight: TopSight = {
  nowMs: NOW,
  hosts: [
    entry("h1", { cpuPercent: 10, load: [1, 2, 3], memory: { totalBytes: 100, availableBytes: 25 }, disks: [{ totalBytes: 10, availableBytes: 1 }] }),
    entry("h2", { cpuPercent: 99 }, 60),
  ],
  uses: [entry("default/a-1", use(10, 100)), entry("default/a-2", use(30, 50)), entry("default/b-1", use(90, 10), 60)],
  instances: [inst("a-1", "a"), inst("a-2", "a", "h1", false), inst("b-1", "b")],
  calls: [calls("a", "a-1", 120, 12)],
};

test("hosts, services and instances stand by what they use; what was seen too long ago is unknown, not nothing", () => {
  const hosts = topRows("hosts", sight, "cpu");
  assert.deepEqual(
    hosts.map((row) => [row.name, row.cpuPercent, row.memoryPercent, row.diskPercent, row.ready, row.instances, row.callsPerSecond]),
    [
      ["h1", 10, 75, 90, 2, 3, 2],
      ["h2", undefined, undefined, undefined, 0, 0, 0],
    ],
  );
  const services = topRows("services", sight, "cpu");
  assert.deepEqual(
    services.map((row) => [row.name, row.cpuPercent, row.memoryBytes, row.ready, row.restarts, row.errorPercent, row.p99Ms]),
    [
      ["a", 40, 150, 1, 2, 10, 5],
      ["b", undefined, undefined, 1, 1, undefined, undefined],
    ],
  );
  const names = (sort: Parameters<typeof topRows>[2]) => topRows("instances", sight, sort).map((row) => row.name);
  assert.deepEqual(names("cpu"), ["a-2", "a-1", "b-1"]);
  assert.deepEqual(names("memory"), ["a-1", "a-2", "b-1"]);
  assert.deepEqual(names("calls"), ["a-1", "a-2", "b-1"]);
});
