import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatBytes, readUse } from "./use.ts";

test("of a machine's use the parts are told, the fullest disk first", () => {
  const use = readUse({
    cpus: 4,
    cpuPercent: 25,
    memory: { totalBytes: 8, availableBytes: 2 },
    disks: [
      { mount: "/", totalBytes: 100, availableBytes: 60 },
      { mount: "/data", totalBytes: 100, availableBytes: 5 },
    ],
    load: [1.5, 1, 1],
  });
  assert.deepEqual([use.cpu, use.memory, use.disks[0]?.mount, use.disk, use.load], [0.25, 0.75, "/data", 0.95, 1.5]);
});

test("whatever an agent tells, parts are between 0 and 1, or not told", () => {
  const odd = fc.oneof(fc.double(), fc.string(), fc.constant(null));
  const disk = fc.oneof(fc.record({ mount: odd, totalBytes: odd, availableBytes: odd }), odd);
  const told = fc.oneof(
    fc.jsonValue(),
    fc.record({
      cpus: odd,
      cpuPercent: odd,
      memory: fc.oneof(odd, fc.record({ totalBytes: odd, availableBytes: odd })),
      disks: fc.oneof(odd, fc.array(disk)),
      load: fc.oneof(odd, fc.array(odd)),
    }),
  );
  fc.assert(
    fc.property(told, (value) => {
      const { cpu, memory, disk: fullest } = readUse(value);
      for (const part of [cpu, memory, fullest]) assert.ok(part === undefined || (part >= 0 && part <= 1), String(part));
    }),
  );
});

test("bytes are told in the unit that people would choose", () => {
  assert.equal(formatBytes(0), "0\u2009B");
  assert.equal(formatBytes(1023), "1023\u2009B");
  assert.equal(formatBytes(1024), "1\u2009KiB");
  assert.equal(formatBytes(1024 ** 2 - 1), "1\u2009MiB");
  assert.equal(formatBytes(2.5 * 1024 ** 3), "2.5\u2009GiB");
  assert.equal(formatBytes(2 ** 63), "8192\u2009PiB");
});
