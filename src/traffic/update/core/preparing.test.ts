import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { tellRetry } from "#/model/index.ts";
import { runningSite, type World } from "./rig.ts";
import { step } from "./step.ts";

/** Of `readyWithin` of the rig, 60 s. */
const PATIENCE_MS = 2500;

function asideOf(world: World): string {
  return (world.state.preparing ?? []).map((one) => `${one.revision}${one.aside === undefined ? "" : ` aside ${one.aside}`}`).join(", ");
}

/** A site in which auth-v2 starts and is not ready. */
function slowSite(): World {
  const world = runningSite();
  for (let number = 2; number < 40; number++) world.knows.add(number);
  world.unready.set("auth-v2", "it starts");
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  return world;
}

test("others wait behind what starts for a moment, and then go first; what starts goes on, and comes alone as soon as it is ready", () => {
  const world = slowSite();
  world.nowMs += 1000;
  world.want("portal", "portal-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  assert.match(
    world.waits.get(0)?.[0]?.message ?? "",
    /portal changed after generation 2 \(auth\) was begun: it goes first, while its instances start, until /,
  );
  world.nowMs += PATIENCE_MS;
  world.settle();
  assert.equal(world.maps.get(3)?.["portal"], "portal-v2");
  assert.equal(world.maps.get(3)?.["auth"], "auth-v1");
  // Nobody else waits any more: it is under way again.
  assert.equal(world.phases(), "1:Draining 3:Active 4:Preparing");
  assert.equal(asideOf(world), "auth-v2");
  world.unready.set("portal-v3", "it starts");
  world.nowMs += PATIENCE_MS;
  world.want("portal", "portal-v3").settle();
  assert.equal(asideOf(world), "auth-v2 aside 4, portal-v3");
  assert.match(world.waits.get(0)?.at(-1)?.message ?? "", /auth-v2 are ready: it starts; .*Others go first meanwhile/);
  world.unready.delete("auth-v2");
  world.nowMs += PATIENCE_MS;
  world.settle();
  assert.deepEqual(world.maps.get(6), { auth: "auth-v2", portal: "portal-v2" });
  assert.match(world.phases(), /6:Active 7:Preparing$/);
});

test("what is set aside has its time from its own beginning, and is refused when that is over, whatever goes first", () => {
  const world = slowSite();
  const beganMs = world.nowMs;
  for (let count = 0; world.state.refused.length === 0; count++) {
    assert.ok(count < 100, "it is never given up");
    world.nowMs += 1700;
    world.want("portal", `portal-v${count % 2 === 0 ? 2 : 3}`).settle();
  }
  assert.ok(world.nowMs - beganMs < 60_000 + 1700 + PATIENCE_MS, `${world.nowMs - beganMs} ms`);
  assert.match(world.state.refused[0]?.reason ?? "", /not ready within 60 s: it starts/);
  world.settle();
  assert.equal(asideOf(world), "");
});

test("what is refused is not said to be started again", () => {
  for (const isAside of [false, true]) {
    const world = slowSite();
    world.unready.set("auth-v2", `auth-v2-0: exit status 1 after 0.1 s, 9 times in a row${tellRetry(world.nowMs + 90_000)}; its last lines: no key`);
    for (let count = 0; world.state.refused.length === 0; count++) {
      world.nowMs += 1700;
      if (isAside) world.want("portal", `portal-v${count % 2 === 0 ? 2 : 3}`);
      world.settle();
    }
    assert.equal(
      world.state.refused[0]?.reason,
      "not ready within 60 s: auth-v2-0: exit status 1 after 0.1 s, 9 times in a row; its last lines: no key",
    );
  }
});

test("a change of what is prepared itself takes effect at once, and what else was prepared with it goes on", () => {
  const world = runningSite();
  world.knows.add(2).add(3);
  world.unready.set("auth-v2", "it crashes").set("portal-v2", "it starts");
  world.want("auth", "auth-v2").want("portal", "portal-v2").settle();
  const [, portal] = world.state.preparing ?? [];
  world.nowMs += 1000;
  world.want("auth", "auth-v3").settle();
  assert.equal(world.phases(), "1:Active 3:Preparing");
  assert.equal(world.state.preparing?.find((one) => one.service === "portal")?.since, portal?.since);
});

test("of two new services the one that is ready goes in alone; what replaces something waits for what came with it; what was asked for as one stays one", () => {
  const news = (): World => {
    const world = runningSite();
    for (let number = 2; number < 10; number++) world.knows.add(number);
    world.unready.set("bad-v1", "it crashes");
    return world.want("good", "good-v1").want("bad", "bad-v1");
  };
  const world = news();
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  world.nowMs += PATIENCE_MS;
  world.settle();
  assert.deepEqual(world.maps.get(3), { auth: "auth-v1", portal: "portal-v1", good: "good-v1" });
  assert.equal(world.phases(), "1:Draining 3:Active 4:Preparing");

  const beside = news();
  beside.want("auth", "auth-v2").settle();
  beside.nowMs += PATIENCE_MS;
  beside.settle();
  assert.deepEqual(beside.maps.get(3), { auth: "auth-v1", portal: "portal-v1", good: "good-v1" });

  const whole = news();
  whole.intent = { name: "u", services: ["good", "bad"], isWhole: true, isPaused: false, isPromoted: false, isAborted: false };
  whole.settle();
  whole.nowMs += 2 * PATIENCE_MS;
  whole.settle();
  assert.equal(whole.phases(), "1:Active 2:Preparing");
});

test("where instances are replaced before the switch nothing goes first", () => {
  for (const strategy of ["rolling", "recreate"] as const) {
    const world = runningSite();
    world.intent = { name: "u", strategy, isPaused: false, isPromoted: false, isAborted: false };
    world.unready.set("auth-v2", "it starts");
    world.want("auth", "auth-v2").settle();
    world.nowMs += 5 * PATIENCE_MS;
    world.want("portal", "portal-v2").settle();
    assert.equal(world.phases(), "1:Active 2:Preparing", strategy);
    assert.equal(world.waits.get(0)?.[0]?.reason, "OtherUpdateFirst");
  }
});

test("what was ready and is so no longer is waited for again before new transactions get it, and given up when that lasts", () => {
  const world = runningSite();
  world.intent = { name: "u", isPaused: true, isPromoted: false, isAborted: false };
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Distributing");
  world.unready.set("auth-v2", "it has ended");
  world.intent = { ...world.intent, isPaused: false };
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Distributing");
  assert.match(world.waits.get(2)?.[0]?.message ?? "", /it has ended/);
  world.unready.delete("auth-v2");
  const again = step(world.state, world.observed(), world.nowMs);
  assert.equal(again.site.generations.at(-1)?.unreadySince, undefined);
  world.unready.set("auth-v2", "it has ended");
  world.nowMs += 60_000;
  world.settle();
  assert.equal(world.phases(), "1:Active");
  assert.match(world.state.refused[0]?.reason ?? "", /not ready within 60 s: it has ended/);
});

test("in whatever rhythm changes come, each is served soon after the slowest start, and none waits for what came later", () => {
  const services = ["auth", "portal", "planner", "archive"];
  const changes = fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 4000 }), service: fc.nat(3), startMs: fc.integer({ min: 0, max: 20_000 }) }),
    {
      minLength: 1,
      maxLength: 25,
    },
  );
  fc.assert(
    fc.property(changes, (list) => {
      const world = runningSite();
      for (let number = 2; number < 200; number++) world.knows.add(number);
      const versions = new Map<string, number>();
      const dueMs = new Map<string, number>();
      const readyMs = new Map<string, number>();
      let endMs = world.nowMs;
      const begun = list.map((one) => {
        endMs += one.afterMs;
        return { ...one, atMs: endMs };
      });
      // What is changed at the same moment comes together: the slowest start; the patience of the one before, of what joins it while that runs, and its own; looks of 100 ms.
      const slowestMs = Math.max(...list.map((one) => one.startMs));
      for (endMs += 30_000; world.nowMs < endMs; world.nowMs += 100) {
        for (const one of begun.filter(({ atMs }) => atMs <= world.nowMs && atMs > world.nowMs - 100)) {
          const service = services[one.service] ?? "";
          const version = (versions.get(service) ?? 1) + 1;
          versions.set(service, version);
          const revision = `${service}-v${version}`;
          readyMs.set(revision, world.nowMs + one.startMs);
          world.unready.set(revision, "it starts");
          const atMs = world.nowMs + slowestMs + 3 * PATIENCE_MS;
          // What is changed again before it is served may belong to what came with it.
          for (const earlier of [...dueMs.keys()].filter((name) => name.startsWith(`${service}-`))) {
            dueMs.delete(earlier);
            for (const other of dueMs.keys()) dueMs.set(other, atMs);
          }
          dueMs.set(revision, atMs);
          world.wanted.set(service, revision);
        }
        for (const [revision, atMs] of readyMs) if (world.nowMs >= atMs) world.unready.delete(revision);
        world.empty.clear();
        for (const one of world.state.generations) if (one.phase === "Draining") world.empty.add(one.number);
        world.settle();
        const served = Object.values(world.maps.get(world.state.stamp?.generation ?? 0) ?? {});
        for (const revision of served) dueMs.delete(revision);
        for (const [revision, atMs] of dueMs)
          assert.ok(world.nowMs <= atMs, `${revision} is not served ${world.nowMs - atMs} ms after it might have been`);
      }
    }),
    { numRuns: 60 },
  );
});
