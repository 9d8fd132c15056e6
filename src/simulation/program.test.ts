import assert from "node:assert/strict";
import { test } from "node:test";
import { Dice } from "./dice.ts";
import { Link } from "./link.ts";
import { Program, type Routine } from "./program.ts";
import { Scheduler } from "./scheduler.ts";
import { SimulatedStore } from "./store.ts";

test("what is due at the same time happens in the order in which it was asked for", () => {
  const scheduler = new Scheduler();
  const seen: string[] = [];
  for (const name of ["a", "b", "c"]) scheduler.after(5, () => seen.push(name));
  scheduler.after(1, () => scheduler.after(4, () => seen.push("d")));
  scheduler.after(2, () => seen.push("first"));
  const cancel = scheduler.after(3, () => seen.push("never"));
  cancel();
  scheduler.runUntil(10, 100);
  assert.deepEqual(seen, ["first", "a", "b", "c", "d"]);
  assert.equal(scheduler.elapsedMs, 10);
});

test("something that never comes to rest is told", () => {
  const scheduler = new Scheduler();
  const again = (): void => void scheduler.after(0, again);
  again();
  assert.throws(() => scheduler.runUntil(10, 1000), /never comes to rest/);
});

test("a paused process catches up when it goes on; a dead one does nothing more", () => {
  const scheduler = new Scheduler();
  const program = new Program(scheduler, "p");
  const seen: number[] = [];
  const routine = function* (): Routine {
    for (;;) {
      yield 10;
      seen.push(scheduler.elapsedMs);
    }
  };
  program.spawn(routine());
  scheduler.after(15, () => program.pause());
  scheduler.after(42, () => program.resume());
  let isMourned = false;
  program.onDeath(() => {
    isMourned = true;
  });
  scheduler.after(60, () => program.kill());
  scheduler.runUntil(100, 1000);
  assert.deepEqual(seen, [10, 42, 52]);
  assert.ok(isMourned);
});

test("a link keeps the order of its messages, loses what is on the way when it is cut, and both ends learn of it", () => {
  const scheduler = new Scheduler();
  const [gateway, centre] = [new Program(scheduler, "g"), new Program(scheduler, "c")];
  const link = new Link({ scheduler, dice: new Dice(1), delay: { minMs: 1, maxMs: 50 }, gateway, centre });
  const seen: string[] = [];
  link.onGatewayClose = () => seen.push("gateway closed");
  link.onCentreClose = () => seen.push("centre closed");
  for (let index = 0; index < 5; index++) link.toCentre(() => seen.push(String(index)));
  scheduler.after(100, () => {
    link.toGateway(() => seen.push("lost"));
    link.cut(5);
    link.toCentre(() => seen.push("too late"));
  });
  scheduler.runUntil(300, 100);
  assert.deepEqual(seen.slice(0, 5), ["0", "1", "2", "3", "4"]);
  assert.deepEqual(seen.slice(5).sort(), ["centre closed", "gateway closed"]);
});

test("the store refuses a write on an old version, and keeps what has finalizers until they are gone", () => {
  const scheduler = new Scheduler();
  const store = new SimulatedStore(scheduler, new Dice(1));
  const one = store.create("Gateway", { metadata: { name: "g", finalizers: ["f"] }, spec: { host: "h", roles: ["edge"] } });
  assert.throws(() => store.create("Gateway", { metadata: { name: "g" } }), /exists/);
  const { resourceVersion } = one.metadata;
  store.update("Gateway", { metadata: { name: "g", resourceVersion }, status: { incarnation: 1 } }, "status");
  assert.throws(() => store.update("Gateway", { metadata: { name: "g", resourceVersion }, status: {} }, "status"), /moved/);
  assert.throws(() => store.delete("Gateway", "g", { resourceVersion }), /moved/);
  store.delete("Gateway", "g");
  assert.ok(store.get("Gateway", "g")?.metadata.deletionTimestamp !== undefined);
  store.update("Gateway", { metadata: { name: "g", finalizers: [] } }, "spec");
  assert.equal(store.get("Gateway", "g"), undefined);
});

test("a request is carried out even if who asked dies before the answer", () => {
  const scheduler = new Scheduler();
  const store = new SimulatedStore(scheduler, new Dice(1));
  const program = new Program(scheduler, "p");
  let isDone = false;
  let isAnswered = false;
  const routine = function* (): Routine {
    yield* store.request(() => {
      isDone = true;
      program.kill();
    });
    isAnswered = true;
  };
  program.spawn(routine());
  scheduler.runUntil(1000, 100);
  assert.deepEqual([isDone, isAnswered], [true, false]);
});
