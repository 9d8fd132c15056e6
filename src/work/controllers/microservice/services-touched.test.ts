import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { GenerationMap, OpenGeneration, SiteState } from "#/traffic/update/core/index.ts";
import { neededRevisions } from "./instance-plan.ts";
import { servicesTouched } from "./services-touched.ts";

const SINCE = "2030-01-01T00:00:00Z";

function site(
  stamp: number | undefined,
  generations: readonly (readonly [number, OpenGeneration["phase"]])[],
  refused: SiteState["refused"] = [],
): SiteState {
  return {
    history: "h",
    epoch: 1,
    counter: 9,
    generations: generations.map(([number, phase]) => ({ number, phase, since: SINCE })),
    ...(stamp === undefined ? {} : { stamp: { generation: stamp } }),
    refused,
    fenced: [],
    moves: [],
    exclusive: [],
  };
}

const maps = new Map<number, GenerationMap>([
  [1, { auth: "auth-1", portal: "portal-1", predictor: "predictor-1" }],
  [2, { auth: "auth-2", portal: "portal-1", predictor: "predictor-1" }],
  [4, { auth: "auth-2", portal: "portal-2" }],
]);
const touched = (before: SiteState | undefined, after: SiteState | undefined): string[] =>
  [...servicesTouched(before, after, (number) => maps.get(number))].sort();

test("the first generation touches every service", () => {
  assert.deepEqual(touched(undefined, site(undefined, [[1, "Preparing"]])), ["auth", "portal", "predictor"]);
  assert.deepEqual(touched(site(undefined, [[1, "Distributing"]]), site(1, [[1, "Active"]])), ["auth", "portal", "predictor"]);
});

test("a generation that moves on touches what it assigns differently than the others that are open", () => {
  assert.deepEqual(
    touched(
      site(1, [[1, "Active"]]),
      site(1, [
        [1, "Active"],
        [2, "Preparing"],
      ]),
    ),
    ["auth"],
  );
  assert.deepEqual(
    touched(
      site(1, [
        [1, "Active"],
        [2, "Distributing"],
      ]),
      site(2, [
        [1, "Draining"],
        [2, "Active"],
      ]),
    ),
    ["auth"],
  );
  assert.deepEqual(
    touched(
      site(2, [
        [1, "Draining"],
        [2, "Active"],
      ]),
      site(2, [[2, "Active"]]),
    ),
    ["auth"],
  );
});

test("a service that a later generation leaves out is touched, and one that changed in a generation between the two", () => {
  assert.deepEqual(
    touched(
      site(1, [
        [1, "Active"],
        [4, "Distributing"],
      ]),
      site(4, [
        [1, "Draining"],
        [4, "Active"],
      ]),
    ),
    ["auth", "portal", "predictor"],
  );
});

test("a refusal touches its service when it comes and when it goes, and nothing else does", () => {
  const refused = [{ service: "auth", revision: "auth-2", reason: "", at: SINCE }];
  const quiet = site(1, [[1, "Active"]]);
  assert.deepEqual(touched(quiet, { ...quiet, refused }), ["auth"]);
  assert.deepEqual(touched({ ...quiet, refused }, quiet), ["auth"]);
  assert.deepEqual(touched(quiet, { ...quiet, counter: 10 }), []);
});

test("no service whose needed revisions or duties change is missed", () => {
  const map = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2"), { noNullPrototype: true });
  const phase = fc.constantFrom<OpenGeneration["phase"]>("Preparing", "Distributing", "Active", "Draining");
  const state = fc.record({
    open: fc.dictionary(fc.constantFrom("1", "2", "3", "4"), phase, { noNullPrototype: true }),
    stamp: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.tuple(map, map, map, map), state, state, (all, from, to) => {
      const toSite = (one: typeof from): SiteState =>
        site(
          one.stamp,
          Object.entries(one.open).map(([number, its]) => [Number(number), its] as const),
        );
      const mapOf = (number: number): GenerationMap | undefined => all[number - 1];
      const [before, after] = [toSite(from), toSite(to)];
      const found = servicesTouched(before, after, mapOf);
      // A stamp that names no open generation is not what the protocol makes.
      fc.pre([before, after].every((one) => one.stamp === undefined || one.generations.some((open) => open.number === one.stamp?.generation)));
      for (const service of ["a", "b", "c"]) {
        const needed = (one: SiteState): string =>
          JSON.stringify([...neededRevisions(service, one, mapOf)].map(([revision, { duty }]) => [revision, duty]).sort());
        if (needed(before) !== needed(after)) assert.ok(found.has(service), `${service}: ${needed(before)} to ${needed(after)}`);
      }
    }),
  );
});
