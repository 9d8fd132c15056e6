import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runSeeds } from "./batch.ts";
import { MUTATIONS } from "./mutations.ts";
import { explainFailure } from "./report.ts";
import { type RunResult, runScenario } from "./run.ts";
import { makeScenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";

// It works for more than half a minute.
// lane: whole

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SEEDS = 2000;

test("every promise of the consistent update holds under faults, for two thousand seeds", async () => {
  const done = await runSeeds({ from: 0, count: SEEDS, workers: 2 });
  const [failure] = done.failures;
  assert.ok(failure === undefined, failure === undefined ? "" : explainFailure(failure, "npm run simulate --"));
  assert.equal(done.seeds, SEEDS);
  // What the seeds are worth: several generations each, and calls enough to be caught between two of them.
  assert.ok(done.generations > 2 * SEEDS, `${done.generations} generations`);
  assert.ok(done.calls > 300 * SEEDS, `${done.calls} calls`);
  // New transactions are held, and go on after the switch; those that cannot reach what is held pass meanwhile.
  assert.ok(done.holds > SEEDS / 20 && done.handovers > SEEDS / 50, `${done.holds} holds, ${done.handovers} of them with the switch`);
  // The store is put back, restored or by a copied file, and gateways find that out.
  assert.ok(done.restored > SEEDS / 50 && done.copied > SEEDS / 50, `${done.restored} times restored, ${done.copied} copied back`);
  assert.ok(done.foundOut > SEEDS / 100, `${done.foundOut} times found out`);
  // Work that no call shows, and instances that say so when they are asked; writes of agents that come twice or late.
  assert.ok(done.labours > SEEDS && done.busy > SEEDS / 20, `${done.labours} pieces of work, ${done.busy} times busy`);
  assert.ok(done.repeated > SEEDS / 2, `${done.repeated} writes repeated`);
  assert.ok(done.held > SEEDS / 2 && done.passed > SEEDS / 20, `${done.held} transactions held, ${done.passed} passed meanwhile`);
});

test("a seed runs the same way each time", () => {
  const [one, other] = [11, 11].map((seed) => runScenario(makeScenario(seed), { keepsHistory: true }));
  assert.ok((one?.history.length ?? 0) > 100);
  assert.deepEqual(one, other);
});

test("seeds differ in what happens: hosts, gateways, faults and wishes of every sort come up", () => {
  const scenarios = Array.from({ length: 400 }, (_, seed) => makeScenario(seed));
  assert.deepEqual(new Set(scenarios.map((one) => one.hosts.length)), new Set([1, 2]));
  assert.ok(new Set(scenarios.map((one) => one.gateways.length)).size >= 4);
  const faults = new Set(scenarios.flatMap((one) => one.faults.map((fault) => fault.what)));
  const wishes = new Set(scenarios.flatMap((one) => one.wishes.map((wish) => wish.what)));
  assert.equal(faults.size, 17, [...faults].join(" "));
  assert.equal(wishes.size, 11, [...wishes].join(" "));
  const strategies = new Set(scenarios.flatMap((one) => one.wishes.flatMap((wish) => (wish.what === "template" ? [wish.strategy] : []))));
  assert.equal(strategies.size, 5, [...strategies].join(" "));
  assert.ok(scenarios.filter((one) => one.services.some((service) => service.isExclusive)).length > 50);
});

test("a failing scenario shrinks to what still fails", () => {
  const scenario = makeScenario(5);
  const [needed] = scenario.wishes;
  const run = (one: typeof scenario): RunResult => {
    const isBroken = one.wishes.includes(needed as NonNullable<typeof needed>) && one.roots.length >= 2;
    const violations = isBroken ? [{ invariant: "C" as const, atMs: 1, message: "mixed" }] : [];
    const nothing = {
      generations: 0,
      transactions: 0,
      calls: 0,
      events: 0,
      elapsedMs: 0,
      held: 0,
      passed: 0,
      holds: 0,
      handovers: 0,
      restored: 0,
      copied: 0,
      foundOut: 0,
      labours: 0,
      busy: 0,
      repeated: 0,
    };
    return { seed: one.seed, violations, history: [], ...nothing };
  };
  const small = shrink(scenario, "C", run).scenario;
  assert.deepEqual(small.wishes, [needed]);
  assert.deepEqual(small.faults, []);
  assert.equal(small.roots.length, 2);
});

test("every mutation stands in the documents with what goes wrong and how soon it was found, and no other", () => {
  const rows = [...readFileSync(`${ROOT}docs/simulation.md`, "utf8").matchAll(/^\| `([a-z-]+)` \| (.+) \| [A-Z] \| \d+ \|$/gm)];
  assert.deepEqual(
    rows.map(([, name, without]) => [name, without]),
    MUTATIONS.map((one) => [one.name, one.without]),
  );
});

test("the text that each mutation changes stands exactly once in its file", () => {
  for (const mutation of MUTATIONS) {
    for (const { file, find } of [mutation, ...(mutation.with ?? [])]) {
      assert.equal(readFileSync(`${ROOT}${file}`, "utf8").split(find).length - 1, 1, `${mutation.name}: ${file}: ${find}`);
    }
  }
  assert.equal(new Set(MUTATIONS.map((one) => one.name)).size, MUTATIONS.length);
});
