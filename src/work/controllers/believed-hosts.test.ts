import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import type { Host } from "#/model/index.ts";
import { believeHosts } from "./believed-hosts.ts";

const hostOf = (name: string, ready?: string): Host =>
  ({ metadata: { name }, status: ready === undefined ? undefined : { conditions: [{ type: "Ready", status: ready }] } }) as unknown as Host;

function start(...hosts: readonly Host[]) {
  const clock = new ManualClock();
  const known = new Set<string>();
  const byName = new Map(hosts.map((one) => [one.metadata.name, one]));
  const believed = believeHosts({ caches: { hosts: byName } as never, isHostKnown: (name) => known.has(name), clock });
  return { clock, known, believed };
}

test("a new leader has heard nobody yet: a host that was well is believed for 15 s, and not longer", () => {
  const { clock, believed } = start(hostOf("well", "True"));
  assert.deepEqual([believed.isBelieved("well"), believed.isAwaiting()], [true, true]);
  clock.advance(14_999);
  assert.deepEqual([believed.isBelieved("well"), believed.isAwaiting()], [true, true]);
  clock.advance(1);
  assert.deepEqual([believed.isBelieved("well"), believed.isAwaiting()], [false, false]);
});

test("a host that was lost before, was never seen, or is not there is not believed, and nothing waits for it", () => {
  const { believed } = start(hostOf("lost", "Unknown"), hostOf("new"));
  assert.deepEqual(
    ["lost", "new", "absent"].map((name) => believed.isBelieved(name)),
    [false, false, false],
  );
  assert.equal(believed.isAwaiting(), false);
});

test("a host that is heard is believed as long as it is known, and is awaited no more", () => {
  const { clock, known, believed } = start(hostOf("well", "True"), hostOf("lost", "Unknown"));
  known.add("well");
  assert.deepEqual([believed.isBelieved("well"), believed.isAwaiting()], [true, false]);
  clock.advance(60_000);
  assert.equal(believed.isBelieved("well"), true);
  known.delete("well");
  assert.equal(believed.isBelieved("well"), false);
});
