import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Instance, isCallable } from "#/model/index.ts";
import { planRestart, type RestartPlan } from "./restart-plan.ts";

const WISH = "2026-11-30T12:00:00.000Z";

interface Fact {
  readonly slot: number;
  /** What it was told, and the process that runs was started for. */
  readonly told?: string;
  readonly ran?: string;
  readonly ready?: boolean;
  readonly isFree?: boolean;
  readonly isDeleted?: boolean;
}

function instanceOf({ slot, told, ran, ready = true, isFree = true, isDeleted = false }: Fact): Instance {
  return {
    metadata: { name: `a-${slot}`, ...(isDeleted ? { deletionTimestamp: WISH } : {}) },
    spec: { slot, ...(told === undefined ? {} : { restart: { at: told, isFree } }) },
    status: { ready, ...(ran === undefined ? {} : { restartedAt: ran }) },
  } as unknown as Instance;
}

const plan = (
  replicas: number,
  facts: readonly Fact[],
  more: { readonly isExclusive?: boolean; readonly wish?: string | undefined } = {},
): RestartPlan & { slot: number | undefined } => {
  const result = planRestart({
    wish: "wish" in more ? more.wish : WISH,
    replicas,
    isExclusive: more.isExclusive ?? false,
    instances: facts.map(instanceOf),
  });
  return { ...result, slot: result.next?.spec.slot };
};

const DONE = { told: WISH, ran: WISH };

test("instances begin again one after the other, the next when the one before is ready again", () => {
  assert.equal(plan(2, [{ slot: 0 }, { slot: 1 }]).slot, 0);
  assert.equal(plan(2, [{ slot: 0, told: WISH }, { slot: 1 }]).slot, undefined, "not begun yet");
  assert.equal(plan(2, [{ slot: 0, ...DONE, ready: false }, { slot: 1 }]).slot, undefined, "not ready yet: the other stays as it is");
  assert.equal(plan(2, [{ slot: 0, ...DONE }, { slot: 1 }]).slot, 1);
  assert.equal(
    plan(2, [
      { slot: 0, ...DONE },
      { slot: 1, ...DONE },
    ]).slot,
    undefined,
  );
});

test("the only one waits for a second, which stays until it is back", () => {
  assert.deepEqual(plan(1, [{ slot: 0 }]), { isOneMoreNeeded: true, next: undefined, slot: undefined });
  assert.equal(plan(1, [{ slot: 0 }, { slot: 1, ...DONE, ready: false }]).slot, undefined);
  const both = plan(1, [{ slot: 0 }, { slot: 1, ...DONE }]);
  assert.deepEqual([both.isOneMoreNeeded, both.slot], [true, 0]);
  assert.equal(
    plan(1, [
      { slot: 0, told: WISH, ready: false },
      { slot: 1, ...DONE },
    ]).isOneMoreNeeded,
    true,
  );
  assert.equal(
    plan(1, [
      { slot: 0, ...DONE },
      { slot: 1, ...DONE },
    ]).isOneMoreNeeded,
    false,
  );
});

test("an exclusive one, or one that nobody can call, begins again at once", () => {
  assert.deepEqual([plan(1, [{ slot: 0 }], { isExclusive: true }).slot, plan(1, [{ slot: 0 }], { isExclusive: true }).isOneMoreNeeded], [0, false]);
  assert.deepEqual([plan(1, [{ slot: 0, ready: false }]).slot, plan(1, [{ slot: 0, ready: false }]).isOneMoreNeeded], [0, false]);
  assert.equal(plan(3, [{ slot: 0 }, { slot: 1, ready: false }, { slot: 2 }]).slot, 1);
});

test("without a wish, or with a wish that was taken back, nothing begins again", () => {
  assert.equal(plan(2, [{ slot: 0, ...DONE }, { slot: 1 }], { wish: undefined }).slot, undefined);
  assert.equal(plan(0, [{ slot: 0 }]).slot, undefined);
});

test("whatever is there, one that is called begins again only if another can take its calls, and at most one is on its way", () => {
  const fact = fc.record({
    told: fc.constantFrom(undefined, "before", WISH),
    ran: fc.constantFrom(undefined, "before", WISH),
    ready: fc.boolean(),
    isFree: fc.boolean(),
    isDeleted: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(fact, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 4 }), (facts, replicas) => {
      const instances = facts.map((one, slot) => instanceOf({ slot, ...one } as Fact));
      const { next } = planRestart({ wish: WISH, replicas, isExclusive: false, instances });
      if (next === undefined) return;
      assert.ok(next.metadata.deletionTimestamp === undefined && next.spec.restart?.at !== WISH);
      if (isCallable(next)) assert.ok(instances.some((one) => one !== next && isCallable(one)));
      const underWay = instances.filter(
        (one) =>
          one.metadata.deletionTimestamp === undefined &&
          one.spec.restart?.at === WISH &&
          !(one.status?.restartedAt === WISH && one.status.ready === true),
      );
      assert.deepEqual(underWay, []);
    }),
    { numRuns: 2000 },
  );
});
