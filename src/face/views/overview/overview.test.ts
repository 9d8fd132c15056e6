import assert from "node:assert/strict";
import { test } from "node:test";
import { alarm, instance, microservice, resource } from "#/model/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { LayerRow, OverviewRow, PlatformRow, ProblemRow } from "../protocol.ts";
import { condition, startRig, stored, type TestClient } from "../rig.ts";

const rows = (client: TestClient): readonly OverviewRow[] => client.copies.get("o")?.rows.map((one) => one.row as OverviewRow) ?? [];
const problems = (client: TestClient): string[] =>
  rows(client).flatMap((row) =>
    row.type === "problem" ? [`${row.severity} ${row.object.name}: ${row.reason} → ${row.next.map((one) => one.code).join(", ")}`] : [],
  );

test("what is wrong stands worst first, with what to do; what is mended goes", async () => {
  const { feeds, connect, pass } = startRig({ version: "1.2.3", checks: [{ name: "leader", check: () => Promise.reject(new Error("no lead")) }] });
  feeds.microservices.put(stored(microservice, "auth", { spec: {}, status: { ...condition("CrashLoop", "False"), readyReplicas: 0 } }));
  feeds.microservices.put(stored(microservice, "pay", { spec: {}, status: { ...condition("CrashLoop", "False"), readyReplicas: 2 } }));
  feeds.microservices.put(stored(microservice, "well", { status: { ...condition("Ready"), readyReplicas: 2 } }));
  feeds.microservices.put(stored(microservice, "off", { status: condition("Suspended", "False") }));
  feeds.instances.put(stored(instance, "auth-0", { spec: { service: "auth" }, status: { ...condition("CrashLoop", "False"), phase: "Backoff" } }));
  feeds.instances.put(stored(instance, "well-0", { spec: { service: "well" }, status: { ...condition("NotReady", "False"), phase: "Running" } }));
  feeds.resources.put(stored(resource, "dish", { status: condition("Stale", "Unknown") }));
  feeds.resources.put(stored(resource, "ada", { status: condition("NotProbed", "Unknown") }));
  const client = connect();
  client.open("o", { of: "overview" });
  await pass(0);
  await pass(1_300);
  assert.deepEqual(problems(client), [
    "critical auth: CrashLoop → read-log, change-template, roll-back",
    "major well-0: NotReady → read-log, check-health-check",
    "major pay: CrashLoop → read-log, change-template, roll-back",
    "unknown dish: Stale → read-probe-log, look-at-thing",
  ]);
  const layer = rows(client).find((row): row is LayerRow => row.type === "layer" && row.layer === "services");
  assert.deepEqual(layer, { type: "layer", layer: "services", total: 4, counts: { critical: 1, major: 1, normal: 1, off: 1 }, severity: "critical" });
  const platform = rows(client).find((row): row is PlatformRow => row.type === "platform");
  assert.deepEqual(platform, { type: "platform", version: "1.2.3", checks: [{ name: "leader", problem: "no lead" }], consoles: 1 });
  feeds.microservices.put(stored(microservice, "auth", { spec: {}, status: { ...condition("Ready"), readyReplicas: 1 } }));
  feeds.resources.delete("default/dish");
  await pass();
  assert.ok(!problems(client).some((one) => one.includes(" auth:")));
  // Now that its service is well, the instance speaks for itself.
  assert.ok(problems(client).some((one) => one.startsWith("major auth-0: CrashLoop")));
  const row = rows(client).find((one): one is ProblemRow => one.type === "problem" && one.object.name === "pay");
  assert.equal(row?.message, "CrashLoop: a test");
});

test("a reader sees what is wrong with what it may see", async () => {
  const { feeds, connect, pass, authorizer } = startRig();
  authorizer.hidden.set("microservices", ({ metadata }) => metadata.labels?.["team"] === "space");
  authorizer.denied.add("resources");
  feeds.microservices.put(stored(microservice, "auth", { labels: { team: "space" }, status: condition("CrashLoop", "False") }));
  feeds.microservices.put(stored(microservice, "pay", { status: condition("CrashLoop", "False") }));
  feeds.resources.put(stored(resource, "dish", { status: condition("Stale", "Unknown") }));
  const other: Identity = { name: "other", groups: [], via: "session" };
  const client = connect(other);
  client.open("o", { of: "overview" });
  await pass(0);
  assert.equal(problems(client).length, 1);
  assert.match(problems(client)[0] ?? "", /critical auth/);
  const layers = rows(client).flatMap((row) => (row.type === "layer" ? [row.layer] : []));
  assert.deepEqual(layers, ["services"], "of a layer of which nothing may be seen nothing is said");
});

test("what was made a moment ago is no problem yet; what nobody speaks of ten seconds later is", async () => {
  const { feeds, clock, connect, pass } = startRig();
  const made = stored(instance, "fresh");
  feeds.instances.put({ ...made, metadata: { ...made.metadata, creationTimestamp: new Date(clock.now()).toISOString() } });
  const client = connect();
  client.open("o", { of: "overview" });
  await pass(1_000);
  assert.deepEqual(problems(client), []);
  await pass(11_000);
  assert.deepEqual(problems(client), ["unknown fresh: Unknown → read-log, describe"]);
});

test("what no object tells of itself is told by its alarm, and alarms of objects are not told twice", async () => {
  const { feeds, connect, pass } = startRig();
  const alarmOf = (name: string, source: string | undefined, stands: string) =>
    stored(alarm, name, {
      labels: source === undefined ? {} : { "orrery.dev/alarm-source": source },
      spec: { resource: { kind: "Host", name: "h" }, type: "disk-filling" },
      status: { stands, severity: "major", condition: "raised", text: "it is full" },
    });
  feeds.alarms.put(alarmOf("disk-filling.0", "hosts", "Unacknowledged"));
  feeds.alarms.put(alarmOf("clock-apart.0", "hosts", "Cleared"));
  feeds.alarms.put(alarmOf("data-disk-low.0", "platform", "Suppressed"));
  feeds.alarms.put(alarmOf("host-lost.0", undefined, "Unacknowledged"));
  const client = connect();
  client.open("o", { of: "overview" });
  await pass(0);
  await pass(1_300);
  assert.deepEqual(problems(client), ["major disk-filling.0: Unacknowledged → describe"]);
});
