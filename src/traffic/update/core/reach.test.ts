import assert from "node:assert/strict";
import test from "node:test";
import { Reach } from "./reach.ts";

const CALLS: Readonly<Record<string, readonly string[]>> = {
  "portal-1": ["auth", "predictor"],
  "predictor-1": ["auth"],
  "auth-1": [],
  "news-1": ["archive"],
  "archive-1": ["news"],
};
const MAP = { portal: "portal-1", predictor: "predictor-1", auth: "auth-1", news: "news-1", archive: "archive-1" };

test("what calls a service, calls what calls it, and the service itself can reach it; cycles beside it cannot", () => {
  const reach = new Reach((revision) => CALLS[revision]);
  assert.deepEqual([...reach.reaching(MAP, ["auth"])].sort(), ["auth", "portal", "predictor"]);
  assert.deepEqual([...reach.reaching(MAP, ["news"])].sort(), ["archive", "news"]);
  assert.equal(reach.reaching(MAP, ["auth"]), reach.reaching(MAP, ["auth"]));
});

for (const nothing of ["any", undefined] as const)
  test(`a revision that declares ${nothing ?? "what is not known yet"} reaches all, and so does what calls it`, () => {
    const reach = new Reach((revision) => (revision === "news-1" ? nothing : CALLS[revision]));
    assert.deepEqual([...reach.reaching(MAP, ["auth"])].sort(), ["archive", "auth", "news", "portal", "predictor"]);
  });

test("what calls may be moved to counts with what it calls, in generations that the move concerns", () => {
  const reach = new Reach((revision) => (revision === "news-2" ? ["auth"] : CALLS[revision]));
  const moves = [{ service: "news", before: 3, from: "news-1", to: "news-2", isIdle: true }];
  assert.deepEqual([...reach.reaching(MAP, ["auth"], 2, moves)].sort(), ["archive", "auth", "news", "portal", "predictor"]);
  assert.deepEqual([...reach.reaching(MAP, ["auth"], 3, moves)].sort(), ["auth", "portal", "predictor"]);
  assert.deepEqual([...reach.reaching(MAP, ["auth"])].sort(), ["auth", "portal", "predictor"]);
});
