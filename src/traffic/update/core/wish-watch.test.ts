import assert from "node:assert/strict";
import { test } from "node:test";
import { WishWatch } from "./wish-watch.ts";

const policy = { settle: "500ms", readyWithin: "2m" };
const wish = (services: Readonly<Record<string, string>>, unmade: Readonly<Record<string, string | undefined>> = {}) => ({
  map: new Map(Object.entries(services)),
  unmade: new Map(Object.entries(unmade)),
});

test("a wish is as old as its last change, and as young as now while a revision is being made", () => {
  const watch = new WishWatch();
  const changedMs = (wanted: ReturnType<typeof wish>, nowMs: number) => watch.look(wanted, {}, policy, nowMs).wantedChangedMs;
  const first = wish({ auth: "auth-v1" });
  assert.equal(changedMs(first, 10), 10);
  assert.equal(changedMs(first, 20), 10);
  assert.equal(changedMs({ ...first, unmade: new Map([["auth", undefined]]) }, 30), 30);
  assert.equal(changedMs(first, 35), 10);
  assert.equal(changedMs(wish({ auth: "auth-v2" }), 40), 40);
});

test("a template that goes on changing is told after two seconds, and left out after ten times settle, until it rests", () => {
  const watch = new WishWatch();
  watch.look(wish({ auth: "auth-v", portal: "portal-v1" }), {}, policy, -10_000);
  const flapAt = (nowMs: number) => watch.look(wish({ auth: `auth-v${nowMs}`, portal: "portal-v2" }), {}, policy, nowMs);
  let seen = flapAt(0);
  for (let nowMs = 300; nowMs < 2000; nowMs += 300) seen = flapAt(nowMs);
  assert.deepEqual([seen.unsettled, seen.leftOut.size], [[], 0]);
  for (let nowMs = 2100; nowMs < 5000; nowMs += 300) {
    seen = flapAt(nowMs);
    assert.deepEqual([seen.wantedChangedMs, seen.leftOut.size], [nowMs, 0]);
  }
  assert.deepEqual(
    seen.unsettled.map(({ reason, object, sinceMs }) => [reason, object, sinceMs]),
    [["Settling", "microservice/auth", 0]],
  );
  assert.match(seen.unsettled[0]?.message ?? "", /changed 17 times since .* waits until 1970-01-01T00:00:05.000Z at most/);
  seen = flapAt(5100);
  assert.deepEqual([seen.wantedChangedMs, [...seen.leftOut]], [0, ["auth"]]);
  assert.match(seen.unsettled[0]?.message ?? "", /goes on without it, and what is served of it stays/);
  const rested = watch.look(wish({ auth: "auth-v5100", portal: "portal-v2" }), {}, policy, 5600);
  assert.deepEqual([rested.leftOut.size, rested.unsettled], [0, []]);
  assert.ok(rested.wantedChangedMs <= 5100);
  assert.equal(flapAt(5700).wantedChangedMs, 5700, "what changes afterwards is waited for anew");
});

test("one after another that changes once each is waited for ten times settle, not for ever, and nothing that rests is left out", () => {
  const watch = new WishWatch();
  const services: Record<string, string> = {};
  watch.look(wish(services), {}, policy, -10_000);
  let seen = watch.look(wish(services), {}, policy, 0);
  for (let nowMs = 0; nowMs <= 6000; nowMs += 400) {
    services[`s${nowMs}`] = "v1";
    seen = watch.look(wish(services), {}, policy, nowMs);
  }
  assert.deepEqual([...seen.leftOut], ["s5600", "s6000"]);
  assert.equal(seen.wantedChangedMs, 0);
});

test("a revision that is being made for long is told, and waited for as long as new instances are", () => {
  const watch = new WishWatch();
  const making = wish({ auth: "auth-v1" }, { auth: undefined });
  assert.deepEqual(watch.look(making, {}, policy, 0).unsettled, []);
  const told = watch.look(making, {}, policy, 2000);
  assert.deepEqual([told.unsettled[0]?.reason, told.unsettled[0]?.object, told.unsettled[0]?.sinceMs], ["RevisionNotMade", "microservice/auth", 0]);
  assert.equal(told.wantedChangedMs, 2000);
  const late = watch.look(making, {}, policy, 120_000);
  assert.equal(late.wantedChangedMs, 0);
  assert.match(late.unsettled[0]?.message ?? "", /goes on without it/);
});

test("a revision that cannot be made is told at once, with the reason, and holds nobody up", () => {
  const watch = new WishWatch();
  const seen = watch.look(wish({ auth: "auth-v1" }, { auth: "no such file" }), {}, policy, 10);
  assert.equal(seen.wantedChangedMs, 10);
  assert.match(seen.unsettled[0]?.message ?? "", /no revision can be made of what the template of auth says: no such file/);
  assert.equal(watch.look(wish({ auth: "auth-v1" }, { auth: "no such file" }), {}, policy, 20).wantedChangedMs, 10);
});

test("a template that is changed again before it is served has to rest longer each time, and others go on without it", () => {
  const watch = new WishWatch();
  const look = (auth: string, nowMs: number, served = "auth-v0") =>
    watch.look(wish({ auth, portal: "portal-v1" }), { auth: served, portal: "portal-v1" }, policy, nowMs);
  look("auth-v0", -100_000);
  // Each rests for longer than settle, and each is taken back before its instances are ready.
  const leftOut: number[] = [];
  for (let count = 1; count <= 7; count++) {
    look(`auth-v${count}`, count * 3000);
    leftOut.push(look(`auth-v${count}`, count * 3000 + 900).leftOut.size);
  }
  assert.deepEqual(leftOut, [0, 0, 0, 1, 1, 1, 1]);
  const seen = look("auth-v7", 24_000);
  assert.match(seen.unsettled[0]?.message ?? "", /changed 7 times since .* stayed the same for 4s\. What else is wanted goes on without it/);
  assert.deepEqual([...look("auth-v7", 24_999).leftOut], ["auth"]);
  assert.deepEqual([...look("auth-v7", 25_000).leftOut], []);
  // Served, it begins anew.
  look("auth-v7", 30_000, "auth-v7");
  look("auth-v8", 31_000, "auth-v7");
  assert.deepEqual([...look("auth-v8", 31_600, "auth-v7").leftOut], []);
});
