import assert from "node:assert/strict";
import { test } from "node:test";
import { HostFacts } from "./host-facts.ts";

const GIB = 2 ** 30;
const MINUTE = 60_000;
const reportOf = (availableBytes: number, clockAheadMs = 0) =>
  new Map([["a", { disks: [{ mount: "/", totalBytes: 100 * GIB, availableBytes }], clockAheadMs }]]);

test("a disk that fills fast is told with the time that is left; one that is merely used is not", () => {
  const nowMs = 0;
  let disk = new HostFacts().look(reportOf(60 * GIB), [], nowMs).find(({ type }) => type === "disk-filling");
  assert.equal(disk?.holds, false);
  const facts = new HostFacts();
  // Half a GiB a minute, from 15 % on.
  for (let minute = 0; minute <= 20; minute++)
    disk = facts.look(reportOf((15 - minute / 2) * GIB), [], (minute + 1) * MINUTE).find(({ type }) => type === "disk-filling");
  assert.deepEqual([disk?.holds, disk?.severity], [true, "critical"]);
  assert.match(disk?.text ?? "", /has 5 % left; .* full in (?:9|10)m/);
});

test("a backup each night fills nothing, and a host that is not heard is unobserved", () => {
  const facts = new HostFacts();
  for (let minute = 0; minute < 600; minute++) {
    const isBackup = minute % 120 < 10;
    const seen = facts.look(reportOf((40 - (isBackup ? (minute % 120) * 2 : 0)) * GIB), [], minute * MINUTE);
    assert.ok(
      seen.every(({ holds }) => holds === false),
      `minute ${minute}`,
    );
  }
  const [gone] = facts.look(new Map(), [{ resource: { kind: "Host", name: "a" }, type: "disk-filling", qualifier: "/" }], 0);
  assert.equal(gone?.holds, undefined);
});

test("clocks that are apart are told, and which way", () => {
  const clock = (ms: number) => new HostFacts().look(reportOf(GIB * 50, ms), [], 0).find(({ type }) => type === "clock-apart");
  assert.equal(clock(1_500)?.holds, false);
  assert.match(clock(-3_600_000)?.text ?? "", /1h behind/);
  assert.equal(clock(-3_600_000)?.severity, "major");
});
