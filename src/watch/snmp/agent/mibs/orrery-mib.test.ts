/** What agents tell is what mibs/ORRERY-MIB.txt publishes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { type Instance, type Microservice, snmpAgent } from "#/model/index.ts";
import { loadMibNames, MIBS } from "../../names/index.ts";
import { formatOid, type Oid, TAG } from "../../wire/index.ts";
import { MibTree } from "../mib-tree.ts";
import type { KernelFacts } from "./kernel.ts";
import { ORRERY, orreryNodes, type SiteSource } from "./orrery.ts";
import { type Named, stableIndexes } from "./stable-index.ts";

const metadata = (name: string, at = "2030-01-01T00:00:00Z") => ({ name, namespace: "default", uid: `uid-${name}`, creationTimestamp: at });
const SETTINGS = snmpAgent.spec.parse({});
const KERNEL = {
  cpuPercent: 12.5,
  memory: { totalBytes: 2 ** 30, availableBytes: 2 ** 29, swapTotalBytes: 0, swapFreeBytes: 0 },
  load: [1, 2, 3],
} as unknown as KernelFacts;
const INSTANCE = {
  metadata: metadata("auth-0"),
  spec: { service: "auth", version: "v1", host: "h" },
  status: { phase: "Running", ready: true, duty: "active", pid: 7, restarts: 2, startedAt: "2030-01-01T00:00:00Z" },
} as unknown as Instance;
const SERVICE = {
  metadata: metadata("auth"),
  spec: { replicas: 2, suspended: false },
  status: { readyReplicas: 1, servedVersion: "v1", conditions: [{ type: "Ready", status: "False", reason: "Starting" }] },
} as unknown as Microservice;

const makeTree = (silentMs: number | undefined): MibTree => {
  const site = {
    version: 1,
    silentMs,
    figures: {
      instances: new Map([["default/auth-0", { cpuPercent: 1.5, memoryBytes: 4096, openFiles: 3, processes: 1 }]]),
      callsOfServices: new Map([["auth", { calls: 10, errors: 1, timeSumMs: 25 }]]),
      callsOfInstances: new Map([["auth-0", { calls: 10, errors: 1, timeSumMs: 25 }]]),
    },
    services: { values: () => [SERVICE] },
    instances: { values: () => [INSTANCE] },
    alarms: {
      values: () => [
        {
          metadata: metadata("a-1"),
          spec: { resource: { kind: "Host", name: "h" }, type: "disk" },
          status: {
            stands: "Acknowledged",
            condition: "raised",
            severity: "major",
            raisedAt: "2030-01-01T00:00:00Z",
            text: "full",
            operator: { by: "anna" },
          },
        },
        { metadata: metadata("a-2"), spec: { resource: { kind: "Host", name: "h" }, type: "old" }, status: { stands: "Over" } },
      ],
    },
    gateways: { values: () => [{ metadata: metadata("main"), spec: { host: "h", roles: ["edge"] }, status: { incarnation: 1 } }] },
  } as unknown as SiteSource;
  return new MibTree([
    ...orreryNodes({ host: "h", kernel: () => KERNEL, settings: () => SETTINGS, raised: () => new Set(["cpu"]), site: () => site }),
  ]);
};

const walk = (tree: MibTree): Map<string, unknown> => {
  const found = new Map<string, unknown>();
  for (let at: Oid = ORRERY; ; ) {
    const next = tree.next(at);
    if (next === undefined) return found;
    at = next.oid;
    found.set(formatOid(at), next.value);
  }
};

test("each value that is told is one of ORRERY-MIB, and each of ORRERY-MIB is told", () => {
  const names = loadMibNames();
  assert.deepEqual(names.failures, []);
  const told = new Set([...walk(makeTree(0)).keys()].map((oid) => names.find(oid)?.name.name ?? oid));
  const published = names.all.filter(({ name, access }) => name.startsWith("ORRERY-MIB::") && /^read-/.test(access)).map(({ name }) => name);
  assert.deepEqual(
    [...told].filter((name) => !published.includes(name)),
    [],
  );
  assert.deepEqual(
    published.filter((name) => !told.has(name)),
    [],
  );
});

test("while the centre does not answer, states are unknown and nothing is ready", () => {
  const [seen, unseen] = [walk(makeTree(0)), walk(makeTree(60_000))];
  const names = loadMibNames();
  const of = (map: Map<string, unknown>, name: string): unknown =>
    [...map].find(([oid]) => names.format(oid).startsWith(`ORRERY-MIB::${name}.`))?.[1];
  assert.deepEqual(of(seen, "orreryServiceState"), { tag: TAG.integer, value: 2 });
  assert.deepEqual(of(unseen, "orreryServiceState"), { tag: TAG.integer, value: 0 });
  assert.deepEqual(of(unseen, "orreryInstancePhase"), { tag: TAG.integer, value: 0 });
  assert.equal(of(unseen, "orreryInstanceReady"), undefined);
  assert.equal(of(unseen, "orreryServiceReady"), undefined);
  assert.deepEqual(of(unseen, "orreryCentreReached"), { tag: TAG.integer, value: 2 });
  assert.deepEqual(of(seen, "orreryAlarmSeverity"), { tag: TAG.integer, value: 4 });
  assert.equal([...seen.keys()].filter((oid) => names.format(oid).startsWith("ORRERY-MIB::orreryAlarmType.")).length, 1, "what is over is not told");
  assert.deepEqual(of(seen, "orreryServiceMeanTime"), { tag: TAG.gauge32, value: 2500 });
});

test("an index is the same on every host and for an object made anew, and no two objects have one", () => {
  const many: Named[] = Array.from({ length: 3_000 }, (_, at) => ({ metadata: metadata(`a-service-with-a-name-that-is-quite-long-${at}`) }));
  const [one, other] = [stableIndexes(many), stableIndexes(many.toReversed())];
  assert.equal(one.size, 3_000);
  for (const [index, { metadata: of }] of one) assert.equal(other.get(index)?.metadata.name, of.name);
  const [[index] = [0]] = stableIndexes([{ metadata: metadata("auth") }]);
  assert.ok(stableIndexes([{ metadata: metadata("auth", "2031-01-01T00:00:00Z") }, ...many]).has(index));
});

const hasSmilint = spawnSync("smilint", ["--version"]).status === 0;

test("smilint finds nothing in ORRERY-MIB at its strictest", { skip: hasSmilint ? false : "there is no smilint: apt-get install smitools" }, (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-smi-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const standard = path.join(path.dirname(createRequire(import.meta.url).resolve("net-snmp")), "lib", "mibs");
  for (const name of ["SNMPv2-SMI", "SNMPv2-TC", "SNMPv2-CONF"]) copyFileSync(path.join(standard, `${name}.mib`), path.join(folder, name));
  writeFileSync(path.join(folder, "conf"), `path ${folder}\n`);
  const { status, stdout, stderr } = spawnSync("smilint", ["-c", path.join(folder, "conf"), "-l", "6", path.join(MIBS, "ORRERY-MIB.txt")], {
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout + stderr], [0, ""]);
});
