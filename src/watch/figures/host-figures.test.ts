import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostUse } from "#/work/probes/index.ts";
import { HostFigures } from "./host-figures.ts";

const USE: HostUse = {
  cpus: 2,
  cpuPercent: 0,
  memory: { totalBytes: 8e9, availableBytes: 5e9, swapTotalBytes: 0, swapFreeBytes: 0 },
  disks: [{ mount: "/", device: "/dev/sda1", totalBytes: 1e11, availableBytes: 4e10 }],
  network: [{ name: "eth0", receivedBytes: 10, receivedPackets: 1, receiveErrors: 0, sentBytes: 20, sentPackets: 2, sendErrors: 0 }],
  load: [0.5, 0.25, 0.1],
  uptimeSeconds: 100,
};

function stat(busy: number, idle: number): string {
  return `cpu  1 2 3 4 5 6 7 8 9 0\ncpu0 ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu1 0 0 0 100 0 0 0 0 0 0\nintr 5\n`;
}

function valuesOf(figures: ReturnType<HostFigures["read"]>, name: string): Readonly<Record<string, number>> {
  return Object.fromEntries(figures.filter(([metric]) => metric === name).map(([, labels, value]) => [Object.values(labels).join(" "), value]));
}

test("the share of busy time is told for each processor, from the second reading on", () => {
  const figures = new HostFigures();
  assert.deepEqual(valuesOf(figures.read(USE, { stat: stat(100, 100) }), "host_cpu_percent"), {});
  assert.deepEqual(valuesOf(figures.read(USE, { stat: stat(125, 175) }), "host_cpu_percent"), { 0: 25 });
  assert.deepEqual(valuesOf(figures.read(USE, { stat: stat(125, 175) }), "host_cpu_seconds_total")["0 user"], 1.25);
});

test("what cannot be read is a gap, and no zero", () => {
  const names = new Set(new HostFigures().read(USE, {}).map(([metric]) => metric));
  assert.ok(!names.has("host_cpu_seconds_total") && !names.has("host_disk_reads_total") && !names.has("host_temperature_celsius"));
  assert.ok(names.has("host_load") && names.has("host_memory_available_bytes") && names.has("host_filesystem_available_bytes"));
});

test("disks are told as a whole, without their parts and what is no disk", () => {
  const line = (name: string): string => `   8       0 ${name} 10 0 20 3000 5 0 8 1500 0 2000 4500`;
  const diskstats = ["sda", "sda1", "nvme0n1", "nvme0n1p2", "loop0", "dm-0"].map(line).join("\n");
  const figures = new HostFigures().read(USE, { diskstats });
  assert.deepEqual(Object.keys(valuesOf(figures, "host_disk_reads_total")), ["sda", "nvme0n1", "dm-0"]);
  assert.deepEqual(valuesOf(figures, "host_disk_read_bytes_total")["sda"], 20 * 512);
  assert.deepEqual(valuesOf(figures, "host_disk_busy_seconds_total")["sda"], 2);
});

test("a sensor without a value, or with one that no machine has, is left out", () => {
  const thermal = [
    { type: "x86_pkg_temp\n", temp: "45500\n" },
    { type: "acpitz", temp: "" },
    { type: "broken", temp: "-274000" },
  ];
  assert.deepEqual(valuesOf(new HostFigures().read(USE, { thermal }), "host_temperature_celsius"), { x86_pkg_temp: 45.5 });
});
