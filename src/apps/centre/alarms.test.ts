import assert from "node:assert/strict";
import { test } from "node:test";
import { type Alarm, alarm, alarmRule, host } from "#/model/index.ts";
import { startCentre } from "./lead-rig.ts";

const NAME_OF_HERE = "antenna";

test("a rule of the site about a number of a thing raises an alarm, which clears past its hysteresis alone", async () => {
  const { store, until, clock } = await startCentre();
  const isStanding = (stands: string) => (items: readonly Alarm[]) =>
    items.some(({ status, spec }) => spec.type === "too-many" && status?.stands === stands);
  const all = async () => (await store.list(alarm)).items;
  await store.create(alarmRule, {
    metadata: { name: "too-many" },
    spec: { of: { kind: "Host" }, field: { path: ".spec.instancesMax", above: 10, clear: 5 }, severity: "minor" },
  });
  await store.create(host, { metadata: { name: NAME_OF_HERE, labels: { team: "a" } }, spec: { instancesMax: 20 } });
  await until(all, isStanding("Unacknowledged"), "the alarm");
  const [raised] = (await all()).filter(({ spec }) => spec.type === "too-many");
  assert.equal(raised?.metadata.labels?.["team"], "a");
  await store.patch(host, { name: NAME_OF_HERE }, { type: "merge", body: { spec: { instancesMax: 7 } } });
  await clock.wait(200);
  assert.ok(isStanding("Unacknowledged")(await all()), "between the limits it stays");
  await store.patch(host, { name: NAME_OF_HERE }, { type: "merge", body: { spec: { instancesMax: 5 } } });
  await until(all, isStanding("Cleared"), "its end");
});

test("built-in rules are there, and come back as they are but for what is the site's own", async () => {
  const { store, until } = await startCentre();
  const rule = (predicate: (delay: string, kind: string | undefined) => boolean, what: string) =>
    until(
      () => store.get(alarmRule, { name: "host-lost" }),
      (one) => predicate(one.spec.delay, one.spec.of?.kind),
      what,
    );
  await rule(() => true, "the rule");
  await store.patch(alarmRule, { name: "host-lost" }, { type: "merge", body: { spec: { delay: "1m", of: { kind: "Gateway" } } } });
  await rule((delay, kind) => delay === "1m" && kind === "Host", "its own kind again");
  await store.delete(alarmRule, { name: "host-lost" });
  await rule((delay) => delay === "5s", "it again");
});
