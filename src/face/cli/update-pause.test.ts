import assert from "node:assert/strict";
import { test } from "node:test";
import type { Site, Update } from "#/model/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { BASE, RAMP, type Run, run, siteWith, UPDATE, updateIn } from "./rig.ts";
import { describePause } from "./update-pause.ts";

const [RAMPING] = siteWith({ ramp: RAMP }).items as unknown as readonly Site[];
const paused = (phase: string, spec: object, status: object = {}, site?: Site): string =>
  describePause(updateIn(phase, { paused: true, ...spec }, status) as unknown as Update, site, 0);

test("a pause is told by what the update has done already", () => {
  const pending = { generation: undefined };
  assert.match(paused("Pending", { strategy: "rolling" }, pending), /^update u is held before it replaces any instance; /);
  assert.match(paused("Pending", { strategy: "recreate" }, pending), /^update u is held before it replaces any instance; /);
  assert.match(
    paused("Preparing", { strategy: "rolling" }),
    /^update u replaces no further instance; calls meet both versions as soon as one of the new is ready; /,
  );
  assert.match(paused("Distributing", { strategy: "rolling" }), /its instances are replaced: calls meet those of the new version/);
  assert.match(
    paused("Pending", {}, pending),
    /before any transaction has the new versions, whose instances start when its turn comes; it stays so until: /,
  );
  assert.match(paused("Preparing", {}), /before any transaction has the new versions; it stays so until: orrery update pause u --off$/);
});

test("a pause in a ramp with gates does not keep a gate from taking it back", () => {
  assert.match(paused("Ramping", { ramp: {}, gates: {} }, {}, RAMPING), /promote u; a gate that fails still takes it back$/);
  assert.doesNotMatch(paused("Ramping", { ramp: {} }, {}, RAMPING), /gate/);
});

const promote = (one: object, requests: ClientRequest[] = []): Promise<Run> =>
  run(["update", "promote", "u"], { answers: { [`GET ${UPDATE}`]: one, [`PATCH ${UPDATE}`]: one, [`GET ${BASE}/sites`]: { items: [] } }, requests });

test("promote says what comes of it, in a ramp and before it", async () => {
  const ramp = { ramp: { steps: [] } };
  assert.match((await promote(updateIn("Ramping", ramp))).out, /^update u is taken to its end: all new transactions get its versions at once/);
  assert.match((await promote(updateIn("Preparing", ramp))).out, /^update u is made without its ramp: .* as soon as they are ready\n$/);
  assert.match((await promote(updateIn("Pending", ramp, { generation: undefined }))).out, /as soon as they are ready, when its turn has come\n$/);
  assert.match((await promote(updateIn("Distributing", { paused: true }))).out, /^update u is not held any more; it has no ramp/);
});

test("promote is refused where nothing waits for a person, and says what is waited for", async () => {
  for (const phase of ["Pending", "Preparing", "Distributing", "Holding"]) {
    const requests: ClientRequest[] = [];
    const waits = [{ reason: "OtherUpdateFirst", message: "updates are made one after the other" }];
    const { status, out, note } = await promote(updateIn(phase, {}, { waits }), requests);
    assert.deepEqual([status, out], [1, ""]);
    assert.match(
      note,
      phase === "Holding" ? /too late to promote: new transactions wait already/ : /goes on by itself \(now: updates are made one after/,
    );
    assert.ok(requests.every(({ method = "GET" }) => method === "GET"));
  }
});
