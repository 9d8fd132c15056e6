import assert from "node:assert/strict";
import { test } from "node:test";
import { busyRevisions } from "./background.ts";

test("whoever may work for a generation is asked: the revisions of its map, and those to which they were moved", () => {
  const declared = ["v1", "v2", "v3"].map((version) => ({ name: `auth-${version}`, service: "auth" }));
  const asked = (generation: number, map: Record<string, string>): string[] => {
    const moves = [{ service: "auth", before: 2, from: "auth-v1", to: "auth-v2" }];
    return busyRevisions({ moves, generations: [] }, generation, map, declared).map((one) => one.name);
  };
  assert.deepEqual(asked(1, { auth: "auth-v1" }), ["auth-v1", "auth-v2"]);
  assert.deepEqual(asked(2, { auth: "auth-v2" }), ["auth-v2"]);
  assert.deepEqual(asked(3, { auth: "auth-v1" }), ["auth-v1"]);
  assert.deepEqual(asked(1, { portal: "portal-v1" }), []);
  // What is only planned has taken nothing over.
  const planned = {
    moves: [{ service: "auth", before: 2, from: "auth-v1", to: "auth-v2", isIdle: true }],
    generations: [{ number: 2, phase: "Preparing", since: "" }],
  } as const;
  const names = (state: Parameters<typeof busyRevisions>[0]): string[] =>
    busyRevisions(state, 1, { auth: "auth-v1" }, declared).map((one) => one.name);
  assert.deepEqual(names(planned), ["auth-v1"]);
  // What was given up may have.
  assert.deepEqual(names({ ...planned, generations: [] }), ["auth-v1", "auth-v2"]);
});
