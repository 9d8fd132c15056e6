import assert from "node:assert/strict";
import { test } from "node:test";
import { generation, instance, revision, type StoredObject, site, update } from "#/model/index.ts";
import type { SeenData } from "../ask-derived.ts";
import { stored } from "../rig.ts";
import { updateRows } from "./update-rows.ts";

const since = "2027-01-15T08:00:00.000Z";
const wait = { reason: "InstancesNotReady", object: "revision/auth-v2", since, message: "0 of 1 are ready" };

/** Generation 6 changes auth; nothing changes of pay. */
const lists: Readonly<Record<string, readonly StoredObject[]>> = {
  sites: [
    stored(site, "site", {
      spec: { hold: "5s" },
      status: {
        stamp: { generation: 5 },
        generations: [
          { number: 5, phase: "Active", since },
          { number: 6, phase: "Preparing", since, update: "u" },
        ],
      },
    }),
  ],
  generations: [
    stored(generation, "g5", { spec: { number: 5, map: { auth: "auth-v1", pay: "pay-v1" } } }),
    stored(generation, "g6", { spec: { number: 6, map: { auth: "auth-v2", pay: "pay-v1" } }, status: { waits: [wait] } }),
  ],
  revisions: ["auth-v1", "auth-v2", "pay-v1"].map((name) =>
    stored(revision, name, { spec: { service: name.slice(0, -3), template: { version: name.slice(-2) } } }),
  ),
  instances: ["auth-v1", "auth-v2", "pay-v1"].map((name) =>
    stored(instance, `${name}-0`, { spec: { service: name.slice(0, -3), revision: name }, status: { phase: "Running", ready: name !== "auth-v2" } }),
  ),
  gateways: [],
  updates: [stored(update, "u", { spec: { services: [{ name: "auth", to: "v2" }] }, status: { phase: "Preparing", generation: 6 } })],
};

function data(hidden?: string): SeenData {
  const list = <T extends StoredObject>(resource: string): readonly T[] =>
    (resource === "microservices"
      ? ["auth", "pay"].filter((name) => name !== hidden).map((name) => stored(update, name))
      : (lists[resource] ?? [])) as unknown as T[];
  return {
    list,
    find: () => undefined,
    isLimited: (resource) => resource === "microservices" && hidden !== undefined,
    topic: () => [],
    nowMs: Date.parse(since),
  };
}

test("lanes of what changes are told, the others are counted, and what is waited for stands beside", () => {
  const rows = updateRows({ of: "update" }).compute(data());
  assert.deepEqual(
    rows.map((one) => one.key),
    ["site", "update default/u", "lane auth", "generation 5", "generation 6", "wait InstancesNotReady revision/auth-v2 generation 6"],
  );
  const [first] = rows;
  assert.deepEqual(
    { ...(first?.row as object) },
    { type: "site", generation: 5, settled: { reason: "Unknown", message: "the centre has not yet said anything" }, lanes: 2, quietLanes: 1 },
  );
  const lane = rows.find((one) => one.key === "lane auth")?.row as {
    readonly bars: readonly { readonly version: string; readonly share: number; readonly phase: string }[];
  };
  assert.deepEqual(
    lane.bars.map(({ version, share, phase }) => [version, share, phase]),
    [
      ["v1", 1, "Active"],
      ["v2", 0, "Preparing"],
    ],
  );
});

test("one update has the lanes of its services alone", () => {
  const rows = updateRows({ of: "update", name: "u" }).compute(data());
  assert.deepEqual(
    rows.filter((one) => one.key.startsWith("lane")).map((one) => one.key),
    ["lane auth"],
  );
  assert.equal(
    updateRows({ of: "update", name: "gone" })
      .compute(data())
      .some((one) => one.key.startsWith("update")),
    false,
  );
});

test("who is not shown a service is not told its name by lanes and waits", () => {
  const rows = updateRows({ of: "update" }).compute(data("auth"));
  assert.ok(!rows.some((one) => one.key.startsWith("lane")));
  const waits = rows.filter((one) => one.key.startsWith("wait"));
  assert.equal(waits.length, 1);
  assert.ok(!JSON.stringify(waits).includes("auth"));
});

test("without a Site that may be seen no lane is told: all would look as if it were on its way out", () => {
  const all = data();
  const blind: SeenData = { ...all, list: (resource) => (resource === "sites" ? [] : all.list(resource)) };
  assert.deepEqual(updateRows({ of: "update" }).compute(blind), []);
  assert.deepEqual(updateRows({ of: "update" }).needs, ["sites", "generations"]);
});
