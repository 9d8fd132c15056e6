import assert from "node:assert/strict";
import { test } from "node:test";
import { runningSite, World } from "./rig.ts";
import { userOf } from "./state.ts";

/** What is there of `antenna`: revision, and whether some of its instances are more than passive. */
function there(world: World, present: Readonly<Record<string, boolean>>): World {
  world.exclusive.set("antenna", new Map(Object.entries(present)));
  world.settle();
  return world;
}

function user(world: World): string | undefined {
  return userOf(world.state, "antenna");
}

/** Generation 1 has antenna-v1, which uses the thing. */
function servingSite(): World {
  const world = new World().want("antenna", "antenna-v1");
  world.handovers.set("antenna", "compatible");
  world.knows.add(1);
  return there(there(world, {}), { "antenna-v1": true });
}

test("an exclusive service that is new gets its thing at once, any other never", () => {
  const world = new World().want("antenna", "antenna-v1").want("portal", "portal-v1");
  world.unready.set("antenna-v1", "starting");
  there(world, {});
  assert.equal(user(world), "antenna-v1");
  assert.equal(userOf(world.state, "portal"), undefined);
  assert.equal(world.happened.includes("given 1"), true);
});

test("the next revision gets the thing when no instance of the former one is left, be it ever so passive", () => {
  const world = servingSite();
  world.knows.add(2);
  world.want("antenna", "antenna-v2");
  there(world, { "antenna-v1": true, "antenna-v2": false });
  assert.equal(world.phases(), "1:Draining 2:Active");
  assert.equal(user(world), "antenna-v1");
  // It may still be told to use the thing, by who leads no longer.
  there(world, { "antenna-v1": false, "antenna-v2": false });
  assert.equal(user(world), "antenna-v1");
  there(world, { "antenna-v2": false });
  assert.equal(user(world), "antenna-v2");
});

test("before the switch nobody gets the thing of the revision that serves, even if it has no instance for a moment", () => {
  const world = servingSite();
  world.want("antenna", "antenna-v2");
  there(world, { "antenna-v2": false });
  assert.equal(world.phases(), "1:Active 2:Distributing");
  assert.equal(user(world), "antenna-v1");
});

test("what an update that was given up has never got goes back to nobody", () => {
  const world = servingSite();
  world.unready.set("antenna-v2", "crashes");
  world.want("antenna", "antenna-v2");
  there(world, { "antenna-v1": true, "antenna-v2": false });
  world.nowMs += 60_000;
  there(world, { "antenna-v1": true });
  assert.equal(world.phases(), "1:Active");
  assert.equal(user(world), "antenna-v1");
});

test("a service that becomes exclusive while two revisions run is given to neither until one is gone", () => {
  const world = new World().want("antenna", "antenna-v1");
  world.knows.add(1);
  world.settle();
  there(world, { "antenna-v1": true, "antenna-v0": false });
  assert.equal(user(world), undefined);
  there(world, { "antenna-v1": true });
  assert.equal(user(world), "antenna-v1");
});

test("what was decided for a service is forgotten with it, or when it is exclusive no longer", () => {
  const world = servingSite();
  world.exclusive.delete("antenna");
  world.settle();
  assert.deepEqual(world.state.exclusive, []);
  const other = runningSite();
  other.exclusive.set("auth", new Map([["auth-v1", true]]));
  other.settle();
  assert.equal(userOf(other.state, "auth"), "auth-v1");
});
