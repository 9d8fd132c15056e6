import assert from "node:assert/strict";
import { test } from "node:test";
import type { Update } from "#/model/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { auth, BASE, REVISIONS, type Run, run, SERVICES, Sequence, UPDATE, updateIn } from "../rig.ts";
import { wayBack } from "./update-rollback.ts";

const GONE_BACK = { revisions: [{ service: "auth", from: "auth-v1-0a1b2c3d", to: "auth-v2-1" }] };
const later = (name: string, phase: string, from: string, to: string): object => ({
  metadata: { name },
  spec: { services: [{ name: "auth", to }] },
  status: { phase, generation: 6, revisions: [{ service: "auth", from, to }] },
});

/** `update rollback u`, where u is as told and `served` is what new transactions have. */
async function rollBack(one: object, served: string, others: readonly object[] = [], requests: ClientRequest[] = []): Promise<Run> {
  const answers = {
    [`GET ${UPDATE}`]: one,
    [`GET ${BASE}/sites`]: { items: [{ metadata: { name: "site" }, status: { stamp: { generation: 9 } } }] },
    [`GET ${BASE}/generations`]: { items: [{ spec: { number: 9, map: { auth: served } } }] },
    [`GET ${BASE}/updates`]: { items: [one, ...others] },
    [`GET ${SERVICES}`]: { items: [auth()] },
    [`GET ${BASE}/revisions`]: REVISIONS,
    [`POST ${BASE}/updates`]: { metadata: { name: "rollback-x" }, spec: { services: [{ name: "auth", to: "auth-v1-0a1b2c3d" }] } },
  };
  return run(["update", "rollback", "u", "--no-wait"], { answers, requests });
}

const written = (requests: readonly ClientRequest[]): readonly ClientRequest[] => requests.filter(({ method = "GET" }) => method !== "GET");

test("rollback of an update that is still under way gives it up at once, and makes no other", async () => {
  for (const phase of ["Pending", "Preparing", "Distributing", "Ramping", "Holding"]) {
    const requests: ClientRequest[] = [];
    const answers = { [`GET ${UPDATE}`]: updateIn(phase, {}, GONE_BACK), [`PATCH ${UPDATE}`]: updateIn("RolledBack", { aborted: true }, GONE_BACK) };
    const { status, out, note } = await run(["update", "rollback", "u"], { answers, requests });
    assert.equal(status, 0, phase);
    assert.equal(note, "update u is still under way: giving it up; that goes back at once\n");
    assert.match(out, /^update u is given up: new transactions have what was served before/);
    assert.deepEqual(
      written(requests).map(({ method, body }) => [method, body]),
      [["PATCH", { spec: { aborted: true } }]],
    );
  }
});

test("rollback of an update under way changes nothing in a dry run", async () => {
  const requests: ClientRequest[] = [];
  const { status, out } = await run(["update", "rollback", "u", "--dry-run"], { answers: { [`GET ${UPDATE}`]: updateIn("Ramping") }, requests });
  assert.equal(status, 0);
  assert.match(out, /^update u is still under way: it would be given up/);
  assert.deepEqual(written(requests), []);
});

test("an update that switches while it is given up is gone back from by another", async () => {
  const switched = updateIn("Draining", { aborted: true }, GONE_BACK);
  const requests: ClientRequest[] = [];
  const answers = {
    [`GET ${UPDATE}`]: new Sequence(updateIn("Ramping", {}, GONE_BACK), updateIn("Ramping", {}, GONE_BACK), switched),
    [`PATCH ${UPDATE}`]: switched,
    [`GET ${BASE}/sites`]: { items: [{ metadata: { name: "site" }, status: { stamp: { generation: 5 } } }] },
    [`GET ${BASE}/generations`]: { items: [{ spec: { number: 5, map: { auth: "auth-v2-1" } } }] },
    [`GET ${BASE}/updates`]: { items: [switched] },
    [`GET ${SERVICES}`]: { items: [auth()] },
    [`GET ${BASE}/revisions`]: REVISIONS,
    [`POST ${BASE}/updates`]: { metadata: { name: "rollback-x" }, spec: { services: [{ name: "auth", to: "auth-v1-0a1b2c3d" }] } },
  };
  const { status, out, note } = await run(["update", "rollback", "u", "--no-wait"], { answers, requests });
  assert.deepEqual([status, out], [0, "update rollback-x: auth to auth-v1-0a1b2c3d\n"], note);
  assert.match(note, /update u has switched meanwhile\n$/);
});

test("rollback of what is served makes an update to what was served before", async () => {
  for (const phase of ["Complete", "Draining"]) {
    const requests: ClientRequest[] = [];
    const { status, note } = await rollBack(updateIn(phase, {}, GONE_BACK), "auth-v2-1", [], requests);
    assert.equal(status, 0, note);
    assert.deepEqual(
      written(requests).map(({ body }) => (body as Update).spec.services),
      [[{ name: "auth", to: "auth-v1-0a1b2c3d" }]],
    );
  }
});

test("rollback of an update that ended without effect is refused: it would undo a later one", async () => {
  for (const phase of ["RolledBack", "Aborted", "Superseded"]) {
    const requests: ClientRequest[] = [];
    const { status, note } = await rollBack(updateIn(phase, {}, GONE_BACK), "auth-v3-2", [], requests);
    assert.equal(status, 1);
    assert.equal(
      note,
      `error: update u ended without effect (${phase}): there is nothing to go back from; see what was done: orrery update history auth\n`,
    );
    assert.deepEqual(written(requests), []);
  }
  const idle = await rollBack(
    updateIn("Complete", {}, { revisions: [{ service: "auth", from: "auth-v1-0a1b2c3d", to: "auth-v1-0a1b2c3d" }] }),
    "auth-v3-2",
  );
  assert.equal(idle.status, 1);
  assert.match(idle.note, /update u changed nothing/);
});

test("rollback that would undo later updates is refused, with their names and what to type instead", async () => {
  const { status, note } = await rollBack(updateIn("Complete", {}, GONE_BACK), "auth-v3-2", [later("next", "Complete", "auth-v2-1", "auth-v3-2")]);
  assert.equal(status, 1);
  assert.equal(
    note,
    "error: too late to go back from u alone: auth has auth-v3-2 since then by next, which would be undone, too; to go back from the newest: orrery update rollback next; to have what was served before u: orrery update auth --to auth-v1-0a1b2c3d\n",
  );
});

test("rollback that would undo later updates proposes no revision that is gone", async () => {
  const before = { revisions: [{ service: "auth", from: "auth-v0-9z", to: "auth-v2-1" }] };
  const { status, note } = await rollBack(updateIn("Complete", {}, before), "auth-v3-2", [later("next", "Complete", "auth-v2-1", "auth-v3-2")]);
  assert.equal(status, 1);
  assert.doesNotMatch(note, /--to/);
  assert.match(note, /to have what was served before u, apply the manifest of then: auth-v0-9z is not kept any more \(revisionHistoryLimit\)\n$/);
});

test("rollback while another update of the service is under way is refused: it would wait for that", async () => {
  const { status, note } = await rollBack(updateIn("Complete", {}, GONE_BACK), "auth-v2-1", [later("next", "Ramping", "auth-v2-1", "auth-v3-2")]);
  assert.equal(status, 1);
  assert.match(note, /update next of auth is under way, .*orrery update abort next\n$/);
});

test("a second rollback changes nothing and says that it was gone back from", async () => {
  const requests: ClientRequest[] = [];
  const { status, out } = await rollBack(updateIn("Complete", {}, GONE_BACK), "auth-v1-0a1b2c3d", [], requests);
  assert.deepEqual([status, out], [0, "update u was gone back from already: what was served before it is served\n"]);
  assert.deepEqual(written(requests), []);
});

test("of several services only those go back that still have what the update brought", () => {
  const revisions = ["auth", "portal"].map((service) => ({ service, from: `${service}-1`, to: `${service}-2` }));
  const one = updateIn("Complete", {}, { revisions }) as unknown as Update;
  assert.deepEqual(wayBack(one, { auth: "auth-2", portal: "portal-1" }, []), [{ name: "auth", to: "auth-1" }]);
});

test("to give up what has ended leads to rollback only where something of it is served", async () => {
  const aborted = async (phase: string): Promise<string> =>
    (await run(["update", "abort", "u"], { answers: { [`GET ${UPDATE}`]: updateIn(phase) } })).note;
  assert.equal(await aborted("Complete"), "error: update u has ended (Complete); to go back from it: orrery update rollback u\n");
  assert.doesNotMatch(await aborted("RolledBack"), /rollback/);
  assert.match(await aborted("Aborted"), /without effect: nothing of it is served/);
});
