import assert from "node:assert/strict";
import { test } from "node:test";
import { runningSite, type World } from "./rig.ts";
import { siteUpdate } from "./site-update.ts";
import { readSiteState } from "./state.ts";

/** A running site on which an Update asks for `to`, and how streams end. */
function asked(to: Readonly<Record<string, string>>, streamEnds: { readonly afterMs?: number }): World {
  const world = runningSite();
  ask(world, to, streamEnds);
  return world;
}

function ask(world: World, to: Readonly<Record<string, string>>, streamEnds?: { readonly afterMs?: number }): void {
  const how = { isPaused: false, isPromoted: false, isAborted: false };
  world.intent = { name: "u", services: Object.keys(to), ...how, ...(streamEnds === undefined ? {} : { streamEnds }) };
  world.knows.add(world.state.counter + 1);
  for (const [service, revision] of Object.entries(to)) world.want(service, revision);
}

test("what an Update says of streams holds from the switch on, for the services that it names and replaces, until all older generations are closed", () => {
  const world = asked({ auth: "auth-v2" }, { afterMs: 30_000 });
  // Changed beside it, and in the same generation.
  world.want("portal", "portal-v2");
  world.unready.set("auth-v2", "starting");
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  assert.deepEqual(world.state.generations[1]?.streamEnds, { services: ["auth"], afterMs: 30_000 });
  assert.equal(world.state.streamEnds, undefined);
  world.unready.clear();
  world.settle();
  assert.equal(world.phases(), "1:Draining 2:Active");
  assert.deepEqual(world.state.streamEnds, [{ service: "auth", before: 2, afterMs: 30_000 }]);
  world.empty.add(1);
  world.settle();
  assert.equal(world.phases(), "2:Active");
  assert.equal(world.state.streamEnds, undefined);
});

test("it outlives the generation of its Update, the centre that decided it, and the Update itself", () => {
  const world = asked({ auth: "auth-v2" }, {});
  world.settle();
  world.intent = undefined;
  world.knows.add(3);
  world.want("portal", "portal-v2").settle();
  world.empty.add(2);
  world.settle();
  assert.equal(world.phases(), "1:Draining 3:Active");
  assert.deepEqual(world.state.streamEnds, [{ service: "auth", before: 2 }]);
  const object = { metadata: { name: "site" }, spec: {} } as Parameters<typeof siteUpdate>[0];
  const written = siteUpdate(object, { site: world.state, happened: [], waits: new Map() }, world.nowMs);
  assert.ok(written !== undefined);
  assert.deepEqual(readSiteState(written.status), world.state);
  const closed = { ...world.state, generations: world.state.generations.slice(1) };
  const { streamEnds: _, ...forgotten } = closed;
  const rewritten = siteUpdate({ ...object, status: written.status }, { site: forgotten, happened: [], waits: new Map() }, world.nowMs);
  assert.equal(rewritten?.status.streamEnds, undefined);
});

test("of two Updates of a service the later one says; one that says nothing leaves what was said before", () => {
  const world = asked({ auth: "auth-v2", portal: "portal-v2" }, { afterMs: 1000 });
  world.settle();
  ask(world, { auth: "auth-v1" });
  world.settle();
  const said = (service: string) => world.state.streamEnds?.find((one) => one.service === service);
  assert.deepEqual(said("auth"), { service: "auth", before: 2, afterMs: 1000 });
  ask(world, { auth: "auth-v3" }, {});
  world.settle();
  assert.equal(world.phases(), "1:Draining 2:Draining 3:Draining 4:Active");
  assert.deepEqual(said("auth"), { service: "auth", before: 4 });
  assert.deepEqual(said("portal"), { service: "portal", before: 2, afterMs: 1000 });
});

test("under rolling and recreate what an Update says of streams holds from the beginning: instances are stopped before the switch", () => {
  for (const strategy of ["rolling", "recreate"] as const) {
    const world = begun(strategy, { afterMs: 1000 });
    assert.equal(world.phases(), "1:Active 2:Preparing");
    assert.deepEqual(world.state.streamEnds, [{ service: "auth", before: 2, afterMs: 1000 }]);
    world.unready.clear();
    world.settle();
    assert.equal(world.phases(), "1:Draining 2:Active");
    assert.deepEqual(world.state.streamEnds, [{ service: "auth", before: 2, afterMs: 1000 }]);
    const givenUp = begun(strategy, { afterMs: 1000 });
    givenUp.nowMs += 60_000;
    givenUp.settle();
    assert.deepEqual(givenUp.happened, ["issued 2", "aborted 2"]);
    assert.equal(givenUp.state.streamEnds, undefined);
  }
});

test("where its Update does not say otherwise recreate ends streams at once until the switch; rolling as their revisions say", () => {
  assert.equal(begun("rolling").state.streamEnds, undefined);
  const world = begun("recreate");
  assert.deepEqual(world.state.streamEnds, [{ service: "auth", before: 2, afterMs: 0 }]);
  world.unready.clear();
  world.settle();
  assert.equal(world.phases(), "1:Draining 2:Active");
  // Those that are left are served by the new instances.
  assert.equal(world.state.streamEnds, undefined);
});

/** An Update whose new revision is not ready yet. */
function begun(strategy: "rolling" | "recreate", streamEnds?: { readonly afterMs?: number }): World {
  const world = runningSite();
  ask(world, { auth: "auth-v2" }, streamEnds);
  world.intent = { ...(world.intent as NonNullable<World["intent"]>), strategy };
  world.unready.set("auth-v2", "starting");
  world.settle();
  return world;
}

test("an Update that is given up before the switch, or gone back from, says nothing of streams", () => {
  const aborted = asked({ auth: "auth-v2" }, { afterMs: 1000 });
  aborted.unready.set("auth-v2", "starting");
  aborted.settle();
  aborted.nowMs += 60_000;
  aborted.settle();
  assert.deepEqual(aborted.happened, ["issued 2", "aborted 2"]);
  assert.equal(aborted.state.streamEnds, undefined);
  const returned = asked({ auth: "auth-v2" }, { afterMs: 1000 });
  returned.intent = { ...(returned.intent as NonNullable<World["intent"]>), ramp: { steps: [{ share: 0.1, holdMs: 1000 }] } };
  returned.settle();
  assert.equal(returned.phases(), "1:Active 2:Ramping");
  assert.equal(returned.state.streamEnds, undefined);
  returned.intent = { ...returned.intent, isAborted: true };
  returned.settle();
  assert.equal(returned.phases(), "1:Active 2:Draining");
  assert.equal(returned.state.streamEnds, undefined);
});
