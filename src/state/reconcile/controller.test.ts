import assert from "node:assert/strict";
import { test } from "node:test";
import { type Log, ManualClock, OrreryError, seededRandom, silentLog } from "#/base/index.ts";
import { Controller, type ReconcileResult } from "./controller.ts";

interface Setup {
  readonly clock: ManualClock;
  readonly controller: Controller;
  readonly warnings: string[];
  readonly stop: () => Promise<void>;
}

function start(reconcile: (key: string) => Promise<ReconcileResult | undefined>, resyncMs = 0): Setup {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
  const controller = new Controller({
    name: "test-controller",
    clock,
    random: seededRandom(1),
    log,
    reconcile: (key) => reconcile(key),
    resyncMs,
    backoff: { firstMs: 100, maxMs: 100, jitter: 0 },
  });
  const abort = new AbortController();
  const running = controller.run(abort.signal);
  return {
    clock,
    controller,
    warnings,
    stop: async () => {
      abort.abort();
      await running;
    },
  };
}

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

test("a burst of changes within the delay is one reconcile", async () => {
  const seen: string[] = [];
  const { clock, controller, stop } = start(async (key) => void seen.push(key) as undefined);
  for (let change = 0; change < 10; change++) controller.enqueue("a", 20);
  await settle();
  assert.deepEqual(seen, []);
  clock.advance(20);
  await settle();
  assert.deepEqual(seen, ["a"]);
  await stop();
});

test("a failing reconcile comes again with backoff and is logged; one that only saw an old version is not logged", async () => {
  let runs = 0;
  const failure = { code: "" };
  const { clock, controller, warnings, stop } = start(async () => {
    runs++;
    if (runs === 1) throw new OrreryError("store/conflict", "moved", { retry: "after-reread" });
    if (runs === 2) throw new Error("disk on fire");
    failure.code = "none";
    return undefined;
  });
  controller.enqueue("a");
  await settle();
  clock.advance(100);
  await settle();
  clock.advance(100);
  await settle();
  assert.equal(runs, 3);
  assert.equal(failure.code, "none");
  assert.deepEqual(warnings, ["test-controller: a: disk on fire"]);
  await stop();
});

test("what is asked for comes again after its time", async () => {
  let runs = 0;
  const { clock, controller, stop } = start(async () => {
    runs++;
    return runs === 1 ? { requeueAfterMs: 500 } : undefined;
  });
  controller.enqueue("a");
  await settle();
  clock.advance(499);
  await settle();
  assert.equal(runs, 1);
  clock.advance(1);
  await settle();
  assert.equal(runs, 2);
  await stop();
});

test("every known key comes again at each resync, forgotten ones do not", async () => {
  const seen: string[] = [];
  const { clock, controller, stop } = start(async (key) => void seen.push(key) as undefined, 1000);
  controller.enqueue("a");
  controller.enqueue("b");
  await settle();
  controller.forget("b");
  clock.advance(1000);
  await settle();
  assert.deepEqual(seen, ["a", "b", "a"]);
  await stop();
});

test("stopping waits for the reconcile under way", async () => {
  let finish = (): void => {};
  let ended = false;
  const { controller, stop } = start(async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    ended = true;
    return undefined;
  });
  controller.enqueue("a");
  await settle();
  const stopped = stop();
  finish();
  await stopped;
  assert.equal(ended, true);
});
