import assert from "node:assert/strict";
import { test } from "node:test";
import { timestamp } from "#/model/index.ts";
import type { UpdateIntent } from "./observed.ts";
import { runningSite, START_MS, World } from "./rig.ts";
import { step } from "./step.ts";

test("the first generation is switched to at once, although a service is not ready", () => {
  const world = new World().want("auth", "auth-v1");
  world.unready.set("auth-v1", "still starting");
  world.knows.add(1);
  world.settle();
  assert.deepEqual(world.happened, ["issued 1", "distributing 1", "switched 1"]);
  assert.equal(world.phases(), "1:Active");
  assert.deepEqual(world.state.stamp, { generation: 1 });
});

test("an update waits for its instances, then for every gateway, then switches; the old one drains until it is empty", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.unready.set("auth-v2", "starting");
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  assert.match(world.waits.get(2)?.[0]?.message ?? "", /0 of 1 instances of auth-v2 are ready: starting/);
  world.unready.clear();
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Distributing");
  assert.deepEqual(world.state.stamp, { generation: 1 });
  assert.equal(world.waits.get(2)?.[0]?.reason, "TableNotAcknowledged");
  world.knows.add(2);
  world.settle();
  assert.equal(world.phases(), "1:Draining 2:Active");
  assert.deepEqual(world.state.stamp, { generation: 2 });
  assert.equal(world.waits.get(1)?.[0]?.reason, "TransactionsOpen");
  world.empty.add(1);
  world.settle();
  assert.equal(world.phases(), "2:Active");
  assert.deepEqual(world.maps.get(2), { auth: "auth-v2", portal: "portal-v1" });
});

test("a version that never gets ready is given up, quoted, and not tried again until the template changes", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.unready.set("auth-v2", "exit status 1: no such file");
  world.settle();
  world.nowMs += 60_000;
  world.settle();
  assert.equal(world.phases(), "1:Active");
  assert.match(world.state.refused[0]?.reason ?? "", /not ready within 60 s: exit status 1: no such file/);
  world.settle();
  assert.deepEqual(world.happened, ["issued 2", "aborted 2"]);
  world.want("auth", "auth-v3");
  world.knows.add(3);
  world.settle();
  assert.equal(world.phases(), "1:Draining 3:Active");
  assert.deepEqual(world.state.refused, []);
});

test("a refused version is tried again when the template has said another one meanwhile", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.unready.set("auth-v2", "broken");
  world.settle();
  world.nowMs += 60_000;
  world.settle();
  world.want("auth", "auth-v1").settle();
  assert.deepEqual(world.state.refused, []);
  world.unready.delete("auth-v2");
  world.knows.add(3);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Draining 3:Active");
});

test("a refused service does not hold back the others", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.unready.set("auth-v2", "broken");
  world.settle();
  world.nowMs += 60_000;
  world.settle();
  world.want("portal", "portal-v2");
  world.knows.add(3);
  world.settle();
  assert.deepEqual(world.maps.get(3), { auth: "auth-v1", portal: "portal-v2" });
  assert.equal(world.state.refused.length, 1);
});

test("a wish that changes while it is prepared replaces the one under way, under a new number", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.unready.set("auth-v2", "starting");
  world.settle();
  world.want("auth", "auth-v3");
  world.knows.add(3);
  world.settle();
  assert.deepEqual(world.happened, ["issued 2", "aborted 2", "issued 3", "distributing 3", "switched 3"]);
});

test("a wish is gathered until it has been quiet for the settling time", () => {
  const world = runningSite();
  world.wanted.set("auth", "auth-v2");
  world.wantedChangedMs = world.nowMs;
  const early = step(world.state, world.observed(), world.nowMs + 499);
  assert.equal(early.site, world.state);
  assert.equal(early.wakeAtMs, world.nowMs + 500);
  assert.notEqual(step(world.state, world.observed(), world.nowMs + 500).site, world.state);
});

test("what does not come to rest stays as it is served; the others go on, and it is named, also when nothing else is wanted", () => {
  const world = runningSite().want("auth", "auth-v7").want("portal", "portal-v2");
  world.leftOut.add("auth");
  world.unsettled = [{ reason: "Settling", object: "microservice/auth", sinceMs: world.nowMs, message: "it goes on changing" }];
  world.knows.add(2).add(3);
  world.settle();
  assert.deepEqual(world.maps.get(2), { auth: "auth-v1", portal: "portal-v2" });
  assert.deepEqual(
    world.waits.get(0)?.map((one) => one.reason),
    ["Settling"],
  );
  assert.equal(step(world.state, world.observed(), world.nowMs).wakeAtMs, world.nowMs + 500);
  world.leftOut.clear();
  world.unsettled = [];
  world.settle();
  assert.deepEqual(world.maps.get(3), { auth: "auth-v7", portal: "portal-v2" });
});

test("a ramp goes on although the template of what it brings does not come to rest", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.intent = { name: "u", isPaused: false, isPromoted: false, isAborted: false, ramp: { steps: [{ share: 0.1, holdMs: 1000 }] } };
  world.knows.add(2);
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Ramping");
  world.want("auth", "auth-v9").leftOut.add("auth");
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Ramping");
  world.nowMs += 2000;
  world.settle();
  assert.equal(world.phases(), "1:Draining 2:Active");
});

test("generations close in any order", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.knows.add(2).add(3);
  world.settle();
  world.want("auth", "auth-v3").settle();
  assert.equal(world.phases(), "1:Draining 2:Draining 3:Active");
  world.empty.add(2);
  world.settle();
  assert.equal(world.phases(), "1:Draining 3:Active");
});

test("at most four revisions of a service live at once; the next update waits and says so", () => {
  const world = runningSite();
  world.openMax = 10;
  for (let version = 2; version <= 5; version++) {
    world.knows.add(version);
    world.want("auth", `auth-v${version}`).settle();
  }
  assert.equal(world.phases(), "1:Draining 2:Draining 3:Draining 4:Active");
  assert.equal(world.waits.get(0)?.[0]?.reason, "TooManyRevisions");
});

test("no more generations are open than maxOpen; the next update waits and says so", () => {
  const world = runningSite();
  world.openMax = 3;
  for (let version = 2; version <= 4; version++) {
    world.knows.add(version);
    world.want("auth", `auth-v${version}`).settle();
  }
  assert.equal(world.phases(), "1:Draining 2:Draining 3:Active");
  assert.equal(world.waits.get(0)?.[0]?.reason, "TooManyOpenGenerations");
});

test("a number that an unnamed Generation holds is skipped", () => {
  const world = runningSite();
  world.maps.set(7, {});
  world.knows.add(8);
  world.want("auth", "auth-v2").settle();
  assert.deepEqual(world.state.stamp, { generation: 8 });
  assert.equal(world.state.counter, 8);
});

test("a service that is deleted leaves the map", () => {
  const world = runningSite();
  world.wanted.delete("auth");
  world.knows.add(2);
  world.settle();
  assert.deepEqual(world.maps.get(2), { portal: "portal-v1" });
});

const intent: UpdateIntent = {
  name: "auth-v2",
  isPaused: false,
  isPromoted: false,
  isAborted: false,
  ramp: {
    steps: [
      { share: 0.1, holdMs: 30_000 },
      { share: 0.5, holdMs: 30_000 },
    ],
    key: "header:x-user",
  },
};

function rampingSite(more: Partial<UpdateIntent> = {}): World {
  const world = runningSite();
  world.intent = { ...intent, ...more };
  world.gate = { verdict: "pass", message: "" };
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  return world;
}

test("a ramp goes up step by step, each held for its time, then switches", () => {
  const world = rampingSite();
  assert.equal(world.phases(), "1:Active 2:Ramping");
  assert.deepEqual(world.state.stamp, { generation: 1, ramp: { to: 2, share: 0.1, key: "header:x-user" } });
  world.nowMs += 29_999;
  world.settle();
  assert.equal(world.state.stamp?.ramp?.share, 0.1);
  world.nowMs += 1;
  world.settle();
  assert.equal(world.state.stamp?.ramp?.share, 0.5);
  world.nowMs += 30_000;
  world.settle();
  assert.deepEqual(world.state.stamp, { generation: 2 });
  assert.equal(world.phases(), "1:Draining 2:Active");
});

test("a gate that fails goes back: the share falls to nothing, the new generation drains, its revision is refused", () => {
  const world = rampingSite();
  world.gate = { verdict: "fail", message: "errors rose from 0 % to 50 %" };
  world.settle();
  assert.deepEqual(world.state.stamp, { generation: 1 });
  assert.equal(world.phases(), "1:Active 2:Draining");
  assert.match(world.state.refused[0]?.reason ?? "", /a gate failed: errors rose/);
  world.empty.add(2);
  world.settle();
  assert.equal(world.phases(), "1:Active");
});

test("a gate that cannot decide waits for a person, who may promote", () => {
  const world = rampingSite();
  world.gate = { verdict: "unknown", message: "3 requests" };
  world.nowMs += 30_000;
  world.settle();
  assert.equal(world.waits.get(2)?.[0]?.reason, "GateUndecided");
  world.intent = { ...intent, isPromoted: true };
  world.settle();
  assert.deepEqual(world.state.stamp, { generation: 2 });
});

test("paused, a ramp keeps its step, but a failing gate still goes back", () => {
  const world = rampingSite({ isPaused: true });
  assert.equal(world.phases(), "1:Active 2:Distributing");
  assert.equal(world.waits.get(2)?.[0]?.reason, "Paused");
  world.intent = intent;
  world.settle();
  world.intent = { ...intent, isPaused: true };
  world.nowMs += 60_000;
  world.settle();
  assert.equal(world.state.stamp?.ramp?.share, 0.1);
  // As old as it is seen, not as old as the phase.
  assert.equal(world.waits.get(2)?.[0]?.sinceMs, world.nowMs);
  world.gate = { verdict: "fail", message: "slow" };
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Draining");
});

test("aborting before the switch leaves everything as it was; during a ramp it goes back", () => {
  const early = runningSite();
  early.intent = intent;
  early.want("auth", "auth-v2").settle();
  assert.equal(early.phases(), "1:Active 2:Distributing");
  early.intent = { ...intent, isAborted: true };
  early.settle();
  assert.equal(early.phases(), "1:Active");
  assert.equal(early.state.refused[0]?.reason, "given up on request");
  const late = rampingSite();
  late.intent = { ...intent, isAborted: true };
  late.settle();
  assert.equal(late.phases(), "1:Active 2:Draining");
});

test("while a ramp runs no other update is issued; the templates set back end it without a refusal", () => {
  const world = rampingSite();
  world.want("portal", "portal-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Ramping");
  assert.equal(world.waits.get(0)?.[0]?.reason, "RampRunning");
  world.want("portal", "portal-v1").want("auth", "auth-v1").settle();
  assert.equal(world.phases(), "1:Active 2:Draining");
  assert.deepEqual(world.state.refused, []);
});

test("a gateway that does not answer is fenced if other hosts can do without it, and freed when it knows the table", () => {
  const world = runningSite();
  const knowsTwo = new Set([1]);
  world.gateways = [
    ...world.gateways,
    { name: "other", host: "b", isConnected: true, knows: (generation) => knowsTwo.has(generation), awaitedMs: () => START_MS },
  ];
  world.readyOn = new Map([["a", 1]]);
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Distributing");
  world.nowMs += 2000;
  world.settle();
  assert.deepEqual(world.state.fenced, [{ host: "b", upTo: 1 }]);
  assert.deepEqual(world.state.stamp, { generation: 2 });
  knowsTwo.add(2);
  world.settle();
  assert.deepEqual(world.state.fenced, []);
});

test("a gateway has its time from when it was offered the table, or was lost: not from when the update began", () => {
  const world = runningSite();
  let awaitedMs: number | undefined;
  const other = { name: "other", host: "b", isConnected: true, knows: () => false, awaitedMs: () => awaitedMs };
  world.gateways = [...world.gateways, other];
  world.knows.add(2);
  world.want("auth", "auth-v2").settle();
  // The table waits for something else, or another leader has just begun to hand out its own.
  world.nowMs += 60_000;
  world.settle();
  assert.deepEqual(world.state.fenced, []);
  awaitedMs = world.nowMs - 1999;
  world.settle();
  assert.deepEqual(world.state.fenced, []);
  assert.equal(world.waits.get(2)?.[0]?.reason, "TableNotAcknowledged");
  // A connection that breaks and comes back at once fences nobody either.
  world.gateways = [...world.gateways.slice(0, 1), { ...other, isConnected: false }];
  awaitedMs = world.nowMs;
  world.nowMs += 1999;
  world.settle();
  assert.deepEqual(world.state.fenced, []);
  world.nowMs += 1;
  world.settle();
  assert.deepEqual(world.state.fenced, [{ host: "b", upTo: 1 }]);
});

test("a fence keeps from a host what is pending, not what has gone back and still ends there", () => {
  const world = rampingSite();
  world.gate = { verdict: "fail", message: "slow" };
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Draining");
  world.gateways = [...world.gateways, { name: "other", host: "b", isConnected: true, knows: () => false, awaitedMs: () => START_MS - 2000 }];
  world.knows.add(3);
  world.want("auth", "auth-v1").want("portal", "portal-v2").settle();
  assert.deepEqual(world.state.fenced, [{ host: "b", upTo: 2 }]);
});

test("where too few instances would be left, the update waits for the gateway and says so", () => {
  const world = runningSite();
  world.gateways = [{ name: "main", host: "a", isConnected: false, knows: () => false, awaitedMs: () => START_MS }];
  world.want("auth", "auth-v2").settle();
  world.nowMs += 10_000;
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Distributing");
  assert.equal(world.waits.get(2)?.[0]?.reason, "TooFewReady");
  assert.deepEqual(world.state.fenced, []);
});

test("a gateway whose disk refuses the table is waited for with that reason, not as one that does not answer", () => {
  const world = runningSite();
  world.gateways = [
    {
      name: "main",
      host: "a",
      isConnected: true,
      tableFailure: "ENOSPC: no space left on device, write",
      knows: () => false,
      awaitedMs: () => START_MS,
    },
  ];
  world.want("auth", "auth-v2").settle();
  const late = /^gateway main cannot acknowledge the table with generation 2: its disk refuses to keep it \(ENOSPC: .*\)/;
  assert.match(world.waits.get(2)?.[0]?.message ?? "", late);
  world.nowMs += 10_000;
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Distributing");
  const [shortage, asked] = world.waits.get(2) ?? [];
  assert.match(
    shortage?.message ?? "",
    /^without the hosts of gateway main, which cannot keep the table on its disk, .*: mend its disk; is it full\?$/,
  );
  assert.match(asked?.message ?? "", late);
});

test("what was refused is tried again when a person asks for it by hand", () => {
  const world = runningSite().want("auth", "auth-v2");
  world.unready.set("auth-v2", "the key store is locked");
  world.settle();
  world.nowMs += 60_000;
  world.settle();
  assert.equal(world.state.refused.length, 1);
  world.askedAgain.add("auth-v2");
  world.unready.clear();
  world.knows.add(3);
  world.settle();
  assert.deepEqual(world.state.refused, []);
  assert.equal(world.phases(), "1:Draining 3:Active");
});

test("revisions that a generation has left do not count as alive", () => {
  const world = runningSite();
  world.openMax = 10;
  for (let version = 2; version <= 5; version++) {
    const number = world.state.counter + 1;
    world.knows.add(number);
    world.want("auth", `auth-v${version}`).settle();
    world.emptyParts.add(`${number - 1} auth`);
    world.settle();
  }
  assert.equal(world.state.stamp?.generation, 5);
  assert.equal(world.waits.get(0), undefined);
});

test("a service that is ready nowhere does not keep a lost gateway from being fenced", () => {
  const world = runningSite();
  world.unready.set("portal-v1", "crashes");
  world.gateways = [
    { name: "main", host: "a", isConnected: true, knows: () => true, awaitedMs: () => START_MS - 2000 },
    { name: "lost", host: "b", isConnected: false, knows: () => false, awaitedMs: () => START_MS - 2000 },
  ];
  world.want("auth", "auth-v2").settle();
  assert.deepEqual(world.state.fenced, [{ host: "b", upTo: 1 }]);
  assert.deepEqual(world.state.stamp, { generation: 2 });
});

test("the last host is not fenced, even if nothing is ready anywhere: it could not come back", () => {
  const world = runningSite();
  world.want("auth", "auth-v2").settle();
  world.gateways = [{ name: "main", host: "a", isConnected: false, knows: () => false, awaitedMs: () => START_MS - 2000 }];
  world.readyOn = new Map();
  for (const revision of ["auth-v2", "portal-v1"]) world.unready.set(revision, "it has ended");
  world.settle();
  assert.deepEqual(world.state.fenced, []);
  assert.match(world.waits.get(2)?.[0]?.message ?? "", /no host is left for generation 2: bring the gateway back/);
});

test("a leader that has not heard the hosts yet fences nobody", () => {
  const world = runningSite();
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Distributing");
  world.gateways = [{ name: "main", host: "a", isConnected: false, knows: () => false, awaitedMs: () => START_MS - 2000 }];
  for (const revision of ["auth-v2", "portal-v1"]) world.unready.set(revision, "its host is not heard");
  world.isHostUnheard = true;
  world.settle();
  assert.deepEqual(world.state.fenced, []);
  assert.equal(world.waits.get(2)?.[0]?.reason, "TooFewReady");
});

/** When a history began. */
const BEGAN = timestamp(START_MS - 7000);

test("after the store was put back nothing is issued before every gateway has heard of it", () => {
  const world = runningSite();
  world.state = { ...world.state, history: "other", unheardSince: BEGAN };
  world.knows.clear();
  world.want("auth", "auth-v2");
  world.settle();
  assert.equal(world.phases(), "1:Active");
  assert.equal(world.state.unheardSince, BEGAN);
  assert.match(world.waits.get(0)?.[0]?.message ?? "", /gateway main has not yet acknowledged a table of the history that has begun/);
  assert.equal(world.waits.get(0)?.[0]?.sinceMs, Date.parse(BEGAN));
  world.knows.add(1);
  world.settle();
  assert.equal(world.state.unheardSince, undefined);
  assert.deepEqual(world.happened, ["switched 1", "issued 2", "distributing 2"]);
});

/** The gateway of another host does not hear of the history: it is waited for, then its host is fenced. */
function fenceSilentOther(world: World): void {
  world.readyOn = new Map([
    ["a", 1],
    ["b", 1],
  ]);
  world.gateways = [...world.gateways, { name: "other", host: "b", isConnected: false, knows: () => false, awaitedMs: () => START_MS }];
  world.settle();
  assert.equal(world.state.unheardSince, BEGAN);
  world.nowMs += 2000;
  world.settle();
  assert.deepEqual(world.state.fenced, [{ host: "b", upTo: 0 }]);
  assert.equal(world.state.unheardSince, undefined);
}

test("after the store was put back a gateway that does not hear of it has its host fenced, where others can do without it", () => {
  const world = runningSite();
  world.state = { ...world.state, history: "other", unheardSince: BEGAN };
  fenceSilentOther(world);
});

test("after the store was put back what was under way has its time anew: the times of the backup are long over", () => {
  const world = runningSite();
  world.unready.set("auth-v2", "it starts");
  world.want("auth", "auth-v2").settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  world.state = { ...world.state, history: "other", unheardSince: BEGAN };
  world.nowMs += 3_600_000;
  world.settle();
  assert.equal(world.phases(), "1:Active 2:Preparing");
  assert.deepEqual(world.state.refused, []);
  world.nowMs += 60_000;
  world.settle();
  assert.equal(world.phases(), "1:Active");
});

test("after the store was put back a fence of before does not stand for having heard, where it lets through what is served", () => {
  const world = runningSite();
  world.state = { ...world.state, history: "other", unheardSince: BEGAN, fenced: [{ host: "b", upTo: 1 }] };
  fenceSilentOther(world);
});

test("a step makes at most one transition of the pending generation, however much could be done", () => {
  const world = runningSite();
  world.knows.add(2);
  world.want("auth", "auth-v2");
  const phases: (string | undefined)[] = [];
  for (let count = 0; count < 6; count++) {
    const result = step(world.state, world.observed(), world.nowMs);
    if (result.issue !== undefined) world.maps.set(result.issue.number, result.issue.map);
    world.state = result.site;
    phases.push(world.state.generations.find((one) => one.number === 2)?.phase);
  }
  assert.deepEqual([...new Set(phases.filter((one) => one !== undefined))], ["Preparing", "Distributing", "Active"]);
});
