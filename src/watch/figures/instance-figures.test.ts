import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceLook } from "#/work/agent/index.ts";
import { InstanceFigures } from "./instance-figures.ts";

const look = (uid: string, more: Partial<InstanceLook> = {}): InstanceLook => ({
  uid,
  service: "auth",
  slot: 0,
  isReady: true,
  restarts: 0,
  use: { cpuSeconds: 1, memoryBytes: 100, threads: 3, processes: 1, openFiles: 9 },
  ...more,
});

const figureOf = (figures: ReturnType<InstanceFigures["read"]>, metric: string): number | undefined => figures.find(([name]) => name === metric)?.[2];

test("a thousand updates leave as many series as one, and none is named by an instance", () => {
  const figures = new InstanceFigures();
  const series = new Set<string>();
  let before = 0;
  for (let update = 0; update < 1_000; update++) {
    // The former and the next instance stand at the same places for a while.
    const former = [0, 1].map((slot) => look(`uid-${update}-${slot}`, { slot, restarts: update % 3 }));
    const next = [0, 1].map((slot) => look(`uid-${update + 1}-${slot}`, { slot }));
    for (const looks of [former, [...former, ...next], next]) {
      const read = figures.read(looks);
      for (const [metric, labels] of read) series.add(JSON.stringify([metric, labels]));
      const cpu = figureOf(read, "instance_cpu_seconds_total") ?? 0;
      assert.ok(cpu > before, "a counter only rises, whichever instance stands there");
      before = cpu;
    }
  }
  assert.equal(series.size, 16);
  assert.ok([...series].every((one) => !one.includes("uid-")));
});

test("restarts rise with those of each instance, and do not fall when one goes", () => {
  const figures = new InstanceFigures();
  const read = (...looks: InstanceLook[]): number | undefined => figureOf(figures.read(looks), "instance_restarts_total");
  assert.equal(read(look("a", { restarts: 3 })), 3);
  assert.equal(read(look("a", { restarts: 3 }), look("b", { restarts: 2 })), 5);
  assert.equal(read(look("b", { restarts: 2 })), 5);
  assert.equal(read(look("b", { restarts: 4 })), 7);
});

test("what does not run uses nothing that could be told, and what the kernel does not tell is a gap", () => {
  const figures = new InstanceFigures();
  const { use: _, ...gone } = look("a", { isReady: false });
  const read = figures.read([gone]);
  assert.deepEqual(
    read.map(([metric, , value]) => [metric, value]),
    [
      ["instance_present", 1],
      ["instance_ready", 0],
      ["instance_restarts_total", 0],
    ],
  );
  const unseen = figures.read([look("b", { use: { memoryBytes: 1, threads: 1, processes: 1 } })]);
  assert.equal(figureOf(unseen, "instance_open_files"), undefined);
  assert.equal(figureOf(unseen, "instance_threads"), 1);
});

test("runs of a job and probes of a resource stand under these, whatever the number of the try", () => {
  const { service: _, ...other } = look("a");
  const figures = new InstanceFigures().read([
    { ...other, job: "nightly", slot: 7 },
    { ...other, uid: "b", resource: "pump", slot: 0 },
  ]);
  assert.deepEqual([...new Set(figures.map(([, labels]) => JSON.stringify(labels)))], ['{"job":"nightly"}', '{"resource":"pump"}']);
});
