import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "#/base/index.ts";
import { FailedLogins } from "./failed-logins.ts";
import { HashQueue } from "./hash-queue.ts";
import { networkOf } from "./passwords.ts";
import { type Attempt, Throttle } from "./throttle.ts";

/** How many of `times` attempts, one each `everyMs`, were looked at. */
function guess(throttle: Throttle, clock: ManualClock, attempt: (index: number) => Attempt, times: number, everyMs: number): number {
  let looked = 0;
  for (let index = 0; index < times; index++) {
    clock.advance(everyMs);
    try {
      throttle.begin(attempt(index));
      looked++;
    } catch {
      // Had to wait.
    }
  }
  return looked;
}

test("one address gets some 70 guesses an hour, a thousand addresses some 170 together", () => {
  const clock = new ManualClock();
  const throttle = new Throttle(clock);
  const one = guess(throttle, clock, () => ({ user: "anna", address: "a" }), 3_600, 1_000);
  assert.ok(one >= 60 && one <= 75, String(one));
  const many = guess(throttle, clock, (index) => ({ user: "ben", address: `a${index % 1_000}` }), 3_600, 1_000);
  assert.ok(many >= 120 && many <= 180, String(many));
});

test("many guesses at once are as slow as one after the other", () => {
  const throttle = new Throttle(new ManualClock());
  assert.equal(
    guess(throttle, new ManualClock(), () => ({ user: "anna", address: "a" }), 1_000, 0),
    5,
  );
});

test("whatever others do, a known browser waits for nobody, and waits end by themselves", () => {
  const attempt = fc.record({ user: fc.constantFrom("anna", "ben"), address: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(fc.array(fc.tuple(attempt, fc.nat(5_000)), { maxLength: 300 }), (attempts) => {
      const clock = new ManualClock();
      const throttle = new Throttle(clock);
      for (const [one, afterMs] of attempts) {
        clock.advance(afterMs);
        guess(throttle, clock, () => one, 1, 0);
        const known = { ...one, browser: "anna x" };
        throttle.begin(known);
        throttle.succeeded(known);
      }
      clock.advance(60_000);
      for (const address of ["a", "b", "c"]) {
        throttle.begin({ user: "anna", address });
        throttle.forgive({ user: "anna", address });
      }
    }),
    { numRuns: 50 },
  );
});

test("it remembers a bounded number, and forgets what is long ago", () => {
  const clock = new ManualClock();
  const throttle = new Throttle(clock);
  guess(throttle, clock, (index) => ({ user: `u${index}`, address: "a" }), 30_000, 0);
  assert.equal(throttle.size, 10_000);
  guess(throttle, clock, () => ({ user: "anna", address: "a" }), 20, 60_000);
  clock.advance(15 * 60_000);
  assert.equal(throttle.failures({ user: "anna", address: "a" }), 0);
});

test("two passwords are hashed at a time; known browsers go first; beyond 32 of a sort one is told to come again", async () => {
  const queue = new HashQueue();
  let atWork = 0;
  let most = 0;
  const order: string[] = [];
  const work = (name: string) => async () => {
    atWork++;
    most = Math.max(most, atWork);
    await new Promise((resolve) => setImmediate(resolve));
    order.push(name);
    atWork--;
  };
  const others = Array.from({ length: 40 }, (_, index) => queue.run("other", work(`other ${index}`)));
  const known = queue.run("known", work("known"));
  const outcomes = await Promise.allSettled(others);
  await known;
  assert.equal(most, 2);
  assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 40 - 2 - 32);
  assert.ok(order.indexOf("known") < 5, order.join(", "));
  await assert.rejects(
    queue.run("known", async () => {
      throw new Error("broken");
    }),
  );
  assert.equal(await queue.run("other", async () => "goes on"), "goes on");
});

test("of failed logins the first few are told, the others counted; names of nobody are hidden", () => {
  const clock = new ManualClock();
  const told: { user: string; count: number }[] = [];
  const failed = new FailedLogins({ clock, key: Buffer.alloc(32, 1), tell: ({ user, count }) => void told.push({ user, count }) });
  for (let index = 0; index < 50; index++) failed.add({ user: "anna", from: "a", why: "wrong password" });
  assert.deepEqual(
    told.map(({ count }) => count),
    [1, 1, 1],
  );
  failed.flush();
  failed.flush();
  assert.deepEqual(told.at(-1), { user: "anna", count: 47 });
  assert.equal(told.length, 4);
  for (let index = 0; index < 5_000; index++) failed.add({ user: failed.hideName(`n${index}`), from: `a${index}`, why: "wrong password" });
  failed.flush();
  assert.ok(told.length < 1_100, String(told.length));
  assert.equal(
    told.reduce((sum, { count }) => sum + count, 0),
    5_050,
  );
  assert.match(failed.hideName("my-password"), /^unknown-[0-9a-f]{12}$/);
});

test("an address is taken by its network", () => {
  const networks = ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9", "::1", "fe80::1%eth0"].map(networkOf);
  assert.deepEqual(networks, ["10.0.0.1", "10.0.0.1", "2001:db8:1:2", "2001:db8:1:2", "0:0:0:0", "fe80:0:0:0"]);
});
