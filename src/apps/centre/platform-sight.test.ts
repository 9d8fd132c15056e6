import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { seededRandom } from "#/base/index.ts";
import { ensureCertificates } from "#/pki/index.ts";
import { platformSight } from "./platform-sight.ts";

const DAY_MS = 86_400_000;

test("a certificate is told before it ends, and the audit by what it says", async () => {
  const madeMs = Date.parse("2030-01-01T00:00:00Z");
  const { certificate } = await ensureCertificates({
    folder: mkdtempSync(path.join(os.tmpdir(), "sight-")),
    addresses: ["127.0.0.1"],
    nowMs: madeMs,
    random: seededRandom(1),
  });
  const at = async (days: number, audit = { isWritable: true, alarms: [] as string[] }) => {
    const sight = platformSight({
      certificates: { "the API": certificate },
      audit: () => audit,
      warnings: () => [],
      nowMs: () => madeMs + days * DAY_MS,
    });
    return (await sight.facts()).map(({ type, holds, severity }) => [type, holds, severity]);
  };
  assert.deepEqual((await at(300))[0], ["certificate-ending", false, "warning"]);
  assert.deepEqual((await at(345))[0], ["certificate-ending", true, "warning"]);
  assert.deepEqual((await at(360))[0], ["certificate-ending", true, "major"]);
  assert.deepEqual((await at(366))[0], ["certificate-ending", true, "critical"]);
  assert.deepEqual((await at(0))[1], ["audit", false, "major"]);
  assert.deepEqual((await at(0, { isWritable: true, alarms: ["a file was changed"] }))[1], ["audit", true, "major"]);
  assert.deepEqual((await at(0, { isWritable: false, alarms: ["full"] }))[1], ["audit", true, "critical"]);
});

test("what is amiss with processes and the disk of the data is told, and what somebody wished is not", async () => {
  const warn = (object: string, reason: string) => ({ object, type: "Running", reason, message: "it is so", since: "2030-01-01T00:00:00Z" });
  const sight = platformSight({
    certificates: {},
    audit: () => ({ isWritable: true, alarms: [] }),
    warnings: () => [warn("agent", "Paused"), warn("supervisor", "SupervisorEnded"), warn("data folder", "DiskFull"), warn("platform", "Stopping")],
    nowMs: () => 0,
  });
  assert.deepEqual(
    (await sight.facts()).slice(1).map(({ type, qualifier, severity, text, holds }) => [type, qualifier, severity, text, holds]),
    [
      ["process-stopped", "agent", "major", "agent: it is so", true],
      ["supervisor-ended", "supervisor", "major", "supervisor: it is so", true],
      ["data-disk-low", "data folder", "critical", "data folder: it is so", true],
    ],
  );
});
