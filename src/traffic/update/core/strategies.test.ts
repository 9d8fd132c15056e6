import assert from "node:assert/strict";
import { test } from "node:test";
import { HOLD_SCOPE } from "./hold.ts";
import { runningSite, type World } from "./rig.ts";
import type { OpenGeneration } from "./state.ts";
import { step } from "./step.ts";

/** A running site on which someone asks for auth-v2 with `strategy`; its instances are not ready yet. */
function asked(strategy: NonNullable<OpenGeneration["strategy"]>): World {
  const world = runningSite();
  world.intent = { name: "u", strategy, isPaused: false, isPromoted: false, isAborted: false };
  world.unready.set("auth-v2", "starting");
  world.knows.add(2);
  return world.want("auth", "auth-v2");
}

const MOVE = { service: "auth", before: 2, from: "auth-v1", to: "auth-v2" };

test("rolling: both revisions are met as soon as the update begins, the new one alone after the switch, until the old generation is closed", () => {
  const world = asked("rolling");
  world.settle();
  assert.deepEqual(world.state.moves, [{ ...MOVE, isPartial: true }]);
  assert.deepEqual(world.state.stamp, { generation: 1 });
  world.unready.clear();
  world.settle();
  assert.deepEqual(world.state.moves, [MOVE]);
  assert.deepEqual(world.state.stamp, { generation: 2 });
  world.empty.add(1);
  world.settle();
  assert.equal(world.phases(), "2:Active");
  assert.deepEqual(world.state.moves, []);
});

test("recreate: calls of all generations go to the new revision from the beginning; given up, they go back", () => {
  const world = asked("recreate");
  world.settle();
  assert.deepEqual(world.state.moves, [MOVE]);
  world.nowMs += 60_000;
  world.settle();
  assert.deepEqual(world.happened, ["issued 2", "aborted 2"]);
  // What was moved already takes part until the generation is closed.
  assert.deepEqual(world.state.moves, [{ ...MOVE, isIdle: true }]);
});

test("a rolling update that is given up is moved back instance by instance; the next update waits for that", () => {
  const world = asked("rolling");
  world.settle();
  world.unready.set("auth-v1", "starting");
  world.want("auth", "auth-v1").settle();
  assert.deepEqual(world.happened, ["issued 2", "aborted 2"]);
  const back = { service: "auth", before: 3, from: "auth-v2", to: "auth-v1", isPartial: true, since: new Date(world.nowMs).toISOString() };
  assert.deepEqual(world.state.moves, [MOVE, back]);
  world.intent = undefined;
  world.want("portal", "portal-v2").settle();
  assert.equal(world.waits.get(0)?.[0]?.reason, "MovingBack");
  // However long it takes: the next generation would meet these instances, too.
  world.nowMs += 600_000;
  world.settle();
  assert.equal(world.phases(), "1:Active");
  world.unready.delete("auth-v1");
  world.settle();
  assert.match(world.phases(), /^1:\w+ 4:/);
  assert.deepEqual(
    world.state.moves.map((one) => ("isIdle" in one ? one.isIdle : false)),
    // What generation 2 has begun finishes where it was moved back to.
    [true, false],
  );
});

test("a rolling update that cannot be moved back in time does not hold up an update to another revision", () => {
  const world = asked("rolling");
  world.settle();
  world.unready.set("auth-v1", "starting");
  world.want("auth", "auth-v3").settle();
  assert.equal(world.waits.get(0)?.[0]?.reason, "MovingBack");
  assert.equal(world.phases(), "1:Active");
  world.nowMs += 60_000;
  world.settle();
  assert.match(world.phases(), /^1:\w+ 4:/);
});

test("rolling gives each instance its time to become ready", () => {
  const world = asked("rolling");
  world.replicas = 3;
  world.settle();
  world.nowMs += 179_000;
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  world.nowMs += 1000;
  world.settle();
  assert.equal(world.phases(), "1:Active");
});

test("blueGreen: calls of all generations go to the new revision at the switch, not before", () => {
  const world = asked("blueGreen");
  world.unready.clear();
  world.knows.delete(2);
  world.settle();
  // Gateways learn of it before the first call goes there.
  assert.deepEqual(world.state.moves, [{ ...MOVE, isIdle: true }]);
  world.knows.add(2);
  world.settle();
  assert.deepEqual(world.state.moves, [MOVE]);
  assert.equal(world.phases(), "1:Draining 2:Active");
});

test("quiescence: new transactions are held until the running ones are over", () => {
  const world = asked("quiescence");
  world.unready.clear();
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Holding");
  assert.deepEqual(world.state.stamp?.hold?.services, ["auth"]);
  assert.equal(world.state.stamp?.hold?.to, 2);
  assert.equal(world.waits.get(2)?.[0]?.reason, "Holding");
  world.nowMs += 4000;
  world.empty.add(1);
  world.settle();
  assert.equal(world.phases(), "2:Active");
  assert.deepEqual(world.state.stamp, { generation: 2 });
  assert.deepEqual(world.happened, ["issued 2", "distributing 2", "held 2", "switched 2", "closed 1"]);
});

test("a hold that takes too long is given up: what waits goes on in the generation before", () => {
  const world = asked("quiescence");
  world.unready.clear();
  world.settle();
  world.nowMs += 5000;
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Draining");
  assert.deepEqual(world.state.stamp, { generation: 1 });
  assert.match(world.state.refused[0]?.reason ?? "", /not over in time \(hold is 5 s\): 2 calls are open/);
});

test("nothing is held while older generations are still open", () => {
  const world = asked("quiescence");
  world.unready.clear();
  const [first] = world.state.generations;
  assert.ok(first);
  world.maps.set(0, { auth: "auth-v0" });
  world.state = { ...world.state, generations: [{ ...first, number: 0, phase: "Draining" }, first] };
  world.settle();
  assert.equal(world.waits.get(2)?.[0]?.reason, "OlderGenerations");
  world.empty.add(0);
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Holding");
});

test("an exclusive service is handed over: held until the old revision is drained and the new one active", () => {
  const world = runningSite();
  world.handovers.set("auth", "hold");
  world.knows.add(2);
  world.passive.add("auth-v2");
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Holding");
  world.empty.add(1);
  world.settle();
  assert.equal(world.phases(), "2:Active");
  assert.equal(world.state.stamp?.hold?.to, 2);
  assert.equal(world.waits.get(2)?.[0]?.reason, "HandingOver");
  world.passive.clear();
  world.settle();
  assert.deepEqual(world.state.stamp, { generation: 2 });
  assert.equal(world.happened.at(-1), "released 2");
});

test("what is held is let go in time although the new revision does not become active: it is then refused instead of held", () => {
  const world = runningSite();
  world.handovers.set("auth", "hold");
  world.knows.add(2);
  world.passive.add("auth-v2");
  world.empty.add(1);
  world.want("auth", "auth-v2").settle();
  world.nowMs += 5000;
  world.settle();
  assert.deepEqual(world.state.stamp, { generation: 2 });
});

test("a compatible handover holds nothing: calls of all generations go to the new revision", () => {
  const world = runningSite();
  world.handovers.set("auth", "compatible");
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Draining 2:Active");
  assert.deepEqual(world.state.moves, [MOVE]);
});

test("of several exclusive services that change in one update all have to be compatible, else all are held", () => {
  for (const [second, phases] of [
    ["compatible", "1:Draining 2:Active"],
    ["hold", "1:Active 2:Holding"],
  ] as const) {
    const world = runningSite();
    world.handovers.set("auth", "compatible").set("portal", second);
    world.knows.add(2);
    world.want("auth", "auth-v2").want("portal", "portal-v2").settle();
    assert.equal(world.phases(), phases);
    assert.deepEqual([...(world.state.stamp?.hold?.services ?? [])].sort(), second === "hold" ? ["auth", "portal"] : []);
    assert.equal(world.state.moves.length, second === "hold" ? 0 : 2);
  }
});

test("a ramp of an update that holds is not made: it is held whole", () => {
  const world = asked("quiescence");
  world.intent = {
    name: "u",
    strategy: "quiescence",
    isPaused: false,
    isPromoted: false,
    isAborted: false,
    ramp: { steps: [{ share: 0.1, holdMs: 1000 }] },
  };
  world.unready.clear();
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Holding");
});

for (const strategy of ["consistent", "quiescence", "rolling", "recreate", "blueGreen"] as const) {
  test(`${strategy} waits for what forbids it`, () => {
    const world = asked(strategy);
    world.unready.clear();
    world.interlock = { reason: "Interlocked", object: "resource/antenna", sinceMs: world.nowMs, message: "tracking" };
    world.settle();
    assert.ok(world.state.moves.every((one) => one.isIdle === true));
    assert.deepEqual(world.state.stamp, { generation: 1 });
    const key = strategy === "rolling" || strategy === "recreate" ? 0 : 2;
    assert.equal(world.waits.get(key)?.[0]?.reason, "Interlocked");
    world.interlock = undefined;
    world.empty.add(1);
    world.settle();
    assert.deepEqual(world.state.stamp, { generation: 2 });
  });
}

test("a revision that nothing of its generation can reach any more is left, although the rest of the generation goes on", () => {
  const world = runningSite();
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Draining 2:Active");
  assert.equal(world.state.generations[0]?.left, undefined);
  world.emptyParts.add("1 portal").add("1 auth");
  world.settle();
  assert.deepEqual(world.state.generations[0]?.left, ["auth"]);
  assert.equal(world.phases(), "1:Draining 2:Active");
});

test("a handover waits only for transactions that can reach the service", () => {
  const world = runningSite();
  world.handovers.set("auth", "hold");
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Holding");
  world.emptyParts.add(`1 ${HOLD_SCOPE}`).add("1 auth");
  world.settle();
  assert.equal(world.phases(), "1:Draining 2:Active");
  assert.deepEqual(world.state.generations[0]?.left, ["auth"]);
  assert.deepEqual(world.state.stamp, { generation: 2 });
});

test("an interlock that comes while transactions are held lets them go: nothing has been handed over", () => {
  const world = runningSite();
  world.handovers.set("auth", "hold");
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Holding");
  world.interlock = { reason: "Interlocked", object: "resource/antenna", sinceMs: world.nowMs, message: "tracking" };
  world.empty.add(1);
  world.settle();
  assert.equal(world.phases().startsWith("1:Active 2:Draining"), true);
  assert.deepEqual(world.state.stamp, { generation: 1 });
  assert.deepEqual(world.state.refused, []);
});

test("what was forbidden while it held is asked for as before, also where its record does not say so yet; what is no longer wanted is not", () => {
  const world = runningSite();
  world.intent = { name: "u", services: ["auth"], isWhole: true, strategy: "quiescence", isPaused: false, isPromoted: false, isAborted: false };
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Holding");
  world.interlock = { reason: "Interlocked", object: "resource/antenna", sinceMs: world.nowMs, message: "tracking" };
  const issuedNext = (): string => {
    const seen = { ...world.observed(), updateFor: () => undefined };
    let last = step(world.state, seen, world.nowMs);
    for (let count = 0; count < 3 && last.issue === undefined; count++) last = step(last.site, seen, world.nowMs);
    const next = last.site.generations.at(-1);
    return `${next?.number} ${next?.phase} ${next?.update} ${next?.strategy}`;
  };
  assert.equal(issuedNext(), "3 Preparing u quiescence");
  world.intent = { ...world.intent, isAborted: true };
  assert.equal(issuedNext(), "2 Draining u quiescence");
  world.intent = { ...world.intent, isAborted: false, isEnded: true };
  assert.equal(issuedNext(), "3 Preparing g3 undefined");
  world.intent = { ...world.intent, isEnded: false };
  world.want("auth", "auth-v3");
  assert.equal(issuedNext(), "3 Preparing g3 undefined");
});

test("the next update waits until what was handed over is active, and looks again when that takes too long", () => {
  const world = runningSite();
  world.handovers.set("auth", "hold");
  world.knows.add(2).add(3);
  world.passive.add("auth-v2");
  world.empty.add(1);
  world.want("auth", "auth-v2").settle();
  world.want("portal", "portal-v2").settle();
  assert.equal(world.phases(), "2:Active");
  world.passive.clear();
  world.settle();
  assert.equal(world.phases(), "2:Draining 3:Active");
});

test("an exclusive service is not ramped, even if its handover is compatible", () => {
  const world = runningSite();
  world.handovers.set("auth", "compatible");
  world.knows.add(2);
  world.intent = { name: "u", ramp: { steps: [{ share: 0.5, holdMs: 1000 }] }, isPaused: false, isPromoted: false, isAborted: false };
  world.want("auth", "auth-v2").settle();
  assert.deepEqual(world.state.stamp, { generation: 2 });
});

test("a strategy applies to the services that its update names: what has changed beside them stays consistent, and what is exclusive is handed over", () => {
  for (const strategy of ["rolling", "blueGreen"] as const) {
    const world = asked(strategy);
    world.intent = { name: "u", services: ["auth"], strategy, isPaused: false, isPromoted: false, isAborted: false };
    world.unready.clear();
    world.handovers.set("portal", "hold");
    world.want("portal", "portal-v2").settle();
    assert.deepEqual(
      world.state.moves.map((one) => one.service),
      ["auth"],
    );
    assert.equal(world.phases(), "1:Active 2:Holding");
    assert.deepEqual(world.state.stamp?.hold?.services, ["portal"]);
  }
});

test("what is paused before it begins replaces no instance, and can still be given up", () => {
  for (const strategy of ["rolling", "recreate"] as const) {
    const world = asked(strategy);
    world.intent = { name: "u", strategy, isPaused: true, isPromoted: false, isAborted: false };
    world.settle();
    assert.equal(world.phases(), "1:Active");
    assert.deepEqual([world.state.moves, world.waits.get(0)?.[0]?.reason], [[], "Paused"]);
    world.intent = { ...world.intent, isPaused: false };
    world.settle();
    assert.equal(world.phases(), "1:Active 2:Preparing");
  }
});

test("a rolling update that is paused replaces no further instance, and has new time when it goes on", () => {
  const world = asked("rolling");
  world.settle();
  world.intent = { name: "u", strategy: "rolling", isPaused: true, isPromoted: false, isAborted: false };
  world.settle();
  assert.deepEqual(world.state.moves, [{ ...MOVE, isPartial: true, isPaused: true }]);
  assert.equal(world.waits.get(2)?.[0]?.reason, "Paused");
  world.nowMs += 3_600_000;
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  world.intent = { ...world.intent, isPaused: false };
  world.settle();
  assert.deepEqual(world.state.moves, [{ ...MOVE, isPartial: true }]);
  assert.equal(world.phases(), "1:Active 2:Preparing");
  world.unready.clear();
  world.settle();
  assert.deepEqual(world.state.stamp, { generation: 2 });
});

test("without an Update manifests say how: each way in a generation of its own, none waits for ever; what an Update says itself goes before them", () => {
  const world = runningSite();
  for (let number = 2; number < 8; number++) world.knows.add(number);
  world.ways.set("auth", { strategy: "recreate" });
  world.unready.set("portal-v2", "it starts");
  world.want("auth", "auth-v2").want("portal", "portal-v2").want("extra", "extra-v1").settle();
  assert.deepEqual(
    world.state.generations.map((one) => [one.number, one.phase, one.strategy ?? "consistent", one.changes]),
    [
      [1, "Draining", "consistent", ["auth", "portal"]],
      [2, "Active", "recreate", ["auth", "extra"]],
      [3, "Preparing", "consistent", ["portal"]],
    ],
  );
  assert.deepEqual(world.state.moves, [{ service: "auth", before: 2, from: "auth-v1", to: "auth-v2" }]);

  const asked = runningSite();
  asked.knows.add(2);
  asked.ways.set("auth", { strategy: "recreate" });
  asked.intent = { name: "u", services: ["auth"], strategy: "consistent", isPaused: false, isPromoted: false, isAborted: false };
  asked.want("auth", "auth-v2").settle();
  assert.equal(asked.state.generations.at(-1)?.strategy, undefined);
  assert.deepEqual(asked.state.moves, []);

  const ramped = runningSite();
  ramped.knows.add(2);
  ramped.ways.set("auth", { strategy: "consistent", ramp: { steps: [{ share: 0.5, holdMs: 1000 }] } });
  ramped.want("auth", "auth-v2").settle();
  assert.equal(ramped.phases(), "1:Active 2:Ramping");
});
