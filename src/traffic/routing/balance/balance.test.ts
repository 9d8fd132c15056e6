import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type Random, seededRandom } from "#/base/index.ts";
import { type Balancer, type BalancingAlgorithm, CallStats, type Candidate, createBalancer } from "./index.ts";

const ALGORITHMS: readonly BalancingAlgorithm[] = ["roundRobin", "leastTime", "callFrequency"];

interface Model {
  readonly candidates: readonly (Candidate & { readonly stats: CallStats })[];
  /** Time and outcome of the next call to each. */
  readonly behaviour: { timeMs: number; isFailing: boolean }[];
}

function modelOf(timesMs: readonly number[], hostLoads: readonly (number | undefined)[] = []): Model {
  return {
    candidates: timesMs.map((_, index) => ({ instance: `i${index}`, stats: new CallStats(), hostLoad: hostLoads[index] })),
    behaviour: timesMs.map((timeMs) => ({ timeMs, isFailing: false })),
  };
}

/** Calls at a steady rate; each ends after its time. Returns how many went to each. */
function drive(
  model: Model,
  balancer: Balancer,
  random: Random,
  options: { readonly fromMs: number; readonly forMs: number; readonly everyMs: number },
): number[] {
  const counts = model.candidates.map(() => 0);
  let open: { readonly atMs: number; readonly index: number; readonly timeMs: number; readonly isFailing: boolean }[] = [];
  const settle = (nowMs: number): void => {
    for (const call of open.filter((one) => one.atMs <= nowMs)) model.candidates[call.index]?.stats.end(call.atMs, call.timeMs, call.isFailing);
    open = open.filter((one) => one.atMs > nowMs);
  };
  for (let nowMs = options.fromMs; nowMs < options.fromMs + options.forMs; nowMs += options.everyMs) {
    settle(nowMs);
    const index = balancer.choose(model.candidates, nowMs, random);
    counts[index] = (counts[index] ?? 0) + 1;
    model.candidates[index]?.stats.begin(nowMs);
    const { timeMs = 0, isFailing = false } = model.behaviour[index] ?? {};
    open.push({ atMs: nowMs + timeMs, index, timeMs, isFailing });
  }
  settle(Number.POSITIVE_INFINITY);
  return counts;
}

test("round robin and call frequency spread calls evenly, to within one", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("roundRobin" as const, "callFrequency" as const),
      fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 8 }),
      fc.integer(),
      (algorithm, times, seed) => {
        const counts = drive(modelOf(times), createBalancer(algorithm), seededRandom(seed), { fromMs: 0, forMs: 5000, everyMs: 13 });
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(" "));
      },
    ),
  );
});

test("call frequency evens out what was uneven in the window", () => {
  const model = modelOf([1, 1]);
  for (let index = 0; index < 50; index++) {
    model.candidates[0]?.stats.begin(0);
    model.candidates[0]?.stats.end(0, 1, false);
  }
  assert.deepEqual(drive(model, createBalancer("callFrequency"), seededRandom(1), { fromMs: 10, forMs: 500, everyMs: 10 }), [0, 50]);
});

test("every algorithm names an existing candidate and explains itself by shares that sum up to 1", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ALGORITHMS),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.option(fc.double({ min: 0, max: 4, noNaN: true }), { nil: undefined })), {
        minLength: 1,
        maxLength: 10,
      }),
      fc.integer(),
      (algorithm, list, seed) => {
        const model = modelOf(
          list.map(([time]) => time),
          list.map(([, load]) => load),
        );
        const balancer = createBalancer(algorithm);
        const random = seededRandom(seed);
        drive(model, balancer, random, { fromMs: 0, forMs: 3000, everyMs: 50 });
        const explained = balancer.explain(model.candidates, 3000);
        assert.deepEqual(
          explained.map((one) => one.instance),
          model.candidates.map((one) => one.instance),
        );
        assert.ok(Math.abs(explained.reduce((sum, one) => sum + one.share, 0) - 1) < 1e-9);
        const index = balancer.choose(model.candidates, 3000, random);
        assert.ok((explained[index]?.share ?? 0) > 0);
      },
    ),
    { numRuns: 50 },
  );
});

test("least time chooses with the probabilities that it explains", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 2, maxLength: 6 }), fc.integer(), (times, seed) => {
      const model = modelOf(times);
      const balancer = createBalancer("leastTime");
      const random = seededRandom(seed);
      drive(model, balancer, random, { fromMs: 0, forMs: 4000, everyMs: 20 });
      const explained = balancer.explain(model.candidates, 4500);
      const tries = 4000;
      const counts = times.map(() => 0);
      for (let index = 0; index < tries; index++) {
        const chosen = balancer.choose(model.candidates, 4500, random);
        counts[chosen] = (counts[chosen] ?? 0) + 1;
      }
      for (const [index, { share }] of explained.entries()) assert.ok(Math.abs((counts[index] ?? 0) / tries - share) < 0.05, `${counts} ${share}`);
    }),
    { numRuns: 30 },
  );
});

test("least time gives equals equal parts", () => {
  const counts = drive(modelOf([10, 10, 10, 10]), createBalancer("leastTime"), seededRandom(2), { fromMs: 0, forMs: 20_000, everyMs: 2 });
  for (const count of counts) assert.ok(Math.abs(count / 10_000 - 0.25) < 0.03, counts.join(" "));
});

test("least time prefers the idle host", () => {
  const counts = drive(modelOf([10, 10], [0.2, 0.8]), createBalancer("leastTime"), seededRandom(2), { fromMs: 0, forMs: 20_000, everyMs: 2 });
  // Less than the 4 : 1 of the loads: the preferred one has more calls in flight, which counts against it.
  assert.ok((counts[0] ?? 0) > 1.8 * (counts[1] ?? 0), counts.join(" "));
});

test("least time leaves a slow or failing instance alone, and finds it again when it has recovered", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 6 }), fc.boolean(), fc.integer(), (count, isFailing, seed) => {
      const model = modelOf(Array.from({ length: count }, () => 10));
      const random = seededRandom(seed);
      const balancer = createBalancer("leastTime");
      drive(model, balancer, random, { fromMs: 0, forMs: 10_000, everyMs: 5 });
      model.behaviour[0] = isFailing ? { timeMs: 1, isFailing: true } : { timeMs: 2000, isFailing: false };
      drive(model, balancer, random, { fromMs: 10_000, forMs: 15_000, everyMs: 5 });
      const during = drive(model, balancer, random, { fromMs: 25_000, forMs: 10_000, everyMs: 5 });
      assert.ok((during[0] ?? 0) / 2000 < 0.03, `while bad: ${during}`);
      assert.ok((during[0] ?? 0) > 0, "it is tried from time to time");
      model.behaviour[0] = { timeMs: 10, isFailing: false };
      drive(model, balancer, random, { fromMs: 35_000, forMs: 15_000, everyMs: 5 });
      const after = drive(model, balancer, random, { fromMs: 50_000, forMs: 10_000, everyMs: 5 });
      assert.ok((after[0] ?? 0) / 2000 > 0.7 / count, `after: ${after}`);
    }),
    { numRuns: 20 },
  );
});

test("the window forgets after ten seconds, and keeps the last mean", () => {
  const stats = new CallStats();
  stats.begin(0);
  stats.end(100, 100, true);
  assert.deepEqual([stats.callsAt(9_999), stats.meanMsAt(9_999), stats.errorShareAt(9_999)], [1, 100, 1]);
  assert.deepEqual([stats.callsAt(10_000), stats.meanMsAt(60_000), stats.errorShareAt(60_000), stats.inFlight], [0, 100, 1, 0]);
});
