import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpdateRecord } from "../../parts/lanes/model.ts";
import { faultsOf, manifestOf, NO_WISH, targetsOf, wishLike } from "./wish.ts";

const RECORD: UpdateRecord = {
  metadata: { name: "auth-x", creationTimestamp: "2026-11-30T18:00:00Z" },
  spec: {
    services: [{ name: "auth", to: "v2" }],
    ramp: {
      steps: [
        { share: 0.01, hold: "20s" },
        { share: 0.5, hold: "20s" },
      ],
    },
    gates: {},
  },
  status: {
    phase: "Complete",
    revisions: [
      { service: "auth", from: "auth-v1-aa", to: "auth-v2-bb" },
      { service: "fresh", to: "fresh-v1-cc" },
      { service: "gone", from: "gone-v1-dd" },
    ],
    alongside: [{ service: "portal", from: "portal-v1-ee", to: "portal-v2-ff" }],
  },
};

test("back is to the revisions of before, again to those that it made, with what changed alongside; what was not there is left out", () => {
  assert.deepEqual(targetsOf(RECORD, "back"), [
    { name: "auth", to: "auth-v1-aa" },
    { name: "gone", to: "gone-v1-dd" },
    { name: "portal", to: "portal-v1-ee" },
  ]);
  assert.deepEqual(
    targetsOf(RECORD, "again").map(({ to }) => to),
    ["auth-v2-bb", "fresh-v1-cc", "portal-v2-ff"],
  );
  assert.deepEqual(targetsOf({ ...RECORD, status: {} }, "again"), [{ name: "auth", to: "v2" }]);
});

test("again goes by the steps of before, back at once", () => {
  assert.deepEqual([wishLike(RECORD, "again").ramp, wishLike(RECORD, "again").hold, wishLike(RECORD, "again").hasGates], ["1, 50", "20s", true]);
  assert.deepEqual([wishLike(RECORD, "back").ramp, wishLike(RECORD, "back").hasGates], ["", false]);
});

test("a manifest is made of what is whole, and of nothing else", () => {
  const wish = {
    ...NO_WISH,
    targets: [
      { name: "auth", to: "v2" },
      { name: "portal", to: "v3" },
    ],
    ramp: "1，10 %、50",
    hasGates: true,
    isPaused: true,
  };
  assert.deepEqual((manifestOf(wish, "why") as { readonly spec: unknown }).spec, {
    services: wish.targets,
    strategy: "consistent",
    ramp: { steps: [0.01, 0.1, 0.5].map((share) => ({ share, hold: "30s" })) },
    gates: {},
    paused: true,
    message: "why",
  });
  for (const bad of [
    { targets: [] },
    { targets: [{ name: "auth", to: "" }] },
    {
      targets: [
        { name: "auth", to: "v1" },
        { name: "auth", to: "v2" },
      ],
    },
    { ramp: "10, 5" },
    { ramp: "0" },
    { ramp: "101" },
    { ramp: "x" },
    { hold: "soon" },
  ])
    assert.equal(manifestOf({ ...wish, ...bad }, ""), undefined, JSON.stringify(bad));
  assert.equal(
    faultsOf({
      ...wish,
      targets: [
        { name: "a", to: "1" },
        { name: "a", to: "2" },
      ],
    }).twice,
    "a",
  );
});
