import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Instance, type Microservice, VOLUME_HAD_ANNOTATION, type Volume, type VolumeMount } from "#/model/index.ts";
import { missingVolumes, placeWithVolumes } from "./volume-plan.ts";

const service = { metadata: { name: "pg", namespace: "default" } } as unknown as Microservice;
const mounts = (...names: string[]): VolumeMount[] => names.map((name) => ({ name, backup: true }));
const volumeOn = (volume: string, slot: number, host: string, more: object = {}): Volume =>
  ({ metadata: { name: `pg.${volume}.${slot}`, ...more }, spec: { service: "pg", volume, slot, host } }) as unknown as Volume;
const hosts = [
  { name: "a", load: 5 },
  { name: "b", load: 1 },
];
const place = (slot: number, names: readonly string[], volumes: readonly Volume[], usable = hosts) =>
  placeWithVolumes({ service, mounts: mounts(...names), slot, volumes }, usable, new Map(usable.map((one) => [one.name, one.load])));

describe("an instance with volumes", () => {
  it("goes where there is room, and its volumes are made there; without volumes nothing is made", () => {
    const first = place(1, ["data", "wal"], [volumeOn("data", 0, "a")]);
    assert.equal(first.host, "b");
    assert.deepEqual(
      first.host !== undefined && first.create.map(({ metadata, spec }) => [metadata.name, spec, metadata.finalizers, metadata.ownerReferences]),
      ["data", "wal"].map((volume) => [`pg.${volume}.1`, { service: "pg", volume, slot: 1, host: "b" }, ["orrery.dev/volume"], undefined]),
    );
    assert.deepEqual(place(0, [], [volumeOn("data", 0, "a")]), { host: "b", create: [] });
  });

  it("goes where its data is, whatever the load, and a further volume is made there", () => {
    const found = place(0, ["data", "wal"], [volumeOn("data", 0, "a"), volumeOn("data", 1, "b")]);
    assert.equal(found.host, "a");
    assert.deepEqual(found.host !== undefined && found.create.map(({ spec }) => spec), [{ service: "pg", volume: "wal", slot: 0, host: "a" }]);
  });

  it("waits, and says for which host, while that cannot be used; is not placed on data that is being removed, nor on data in two places", () => {
    const away = place(0, ["data"], [volumeOn("data", 0, "c")]);
    assert.equal(away.host, undefined);
    assert.match((away.host === undefined && away.why) || "", /^the data of pg\.data\.0 is on host c, which cannot take it now/);
    const full = place(
      0,
      ["data"],
      [volumeOn("data", 0, "a")],
      [{ name: "a", load: 5, instancesMax: 5 } as (typeof hosts)[number], ...hosts.slice(1)],
    );
    assert.equal(full.host, undefined);
    const going = place(0, ["data"], [volumeOn("data", 0, "a", { deletionTimestamp: "2026-01-01T00:00:00Z" })]);
    assert.match((going.host === undefined && going.why) || "", /is being removed on a/);
    const torn = place(0, ["data", "wal"], [volumeOn("data", 0, "a"), volumeOn("wal", 0, "b")]);
    assert.match((torn.host === undefined && torn.why) || "", /pg\.data\.0 on a, pg\.wal\.0 on b/);
    assert.deepEqual(place(0, ["data"], [], []), { host: undefined, why: undefined });
  });

  it("that runs with a volume of which nobody knows gets it where it is", () => {
    const one = { metadata: { name: "pg-v1-0" }, spec: { slot: 0, host: "a", volumes: mounts("data", "wal") } } as unknown as Instance;
    const [missing, ...more] = missingVolumes(service, one, [volumeOn("data", 0, "a")]);
    assert.deepEqual([missing?.spec, more], [{ service: "pg", volume: "wal", slot: 0, host: "a" }, []]);
    // What it has written there stays, whoever's folder that was.
    assert.equal(missing?.metadata.annotations?.[VOLUME_HAD_ANNOTATION], "pg-v1-0");
    // One that is placed anew never begins with what an earlier one has left.
    const placed = place(0, ["wal"], []);
    assert.ok(placed.host !== undefined);
    for (const { metadata } of placed.create) assert.equal(metadata.annotations, undefined);
  });
});
