import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, ManualClock } from "#/base/index.ts";
import { auth, BASE, REVISIONS, run, SERVICES, Sequence, UPDATE, updateIn } from "../rig.ts";

/** A clock that does not let anybody wait. */
const hasty: Clock = Object.assign(new ManualClock(0), {
  after(_: number, action: () => void) {
    setImmediate(action);
    return () => undefined;
  },
});

const answers = {
  [`GET ${SERVICES}`]: { items: [auth()] },
  [`GET ${BASE}/revisions`]: REVISIONS,
  [`GET ${BASE}/sites`]: { items: [] },
  [`POST ${BASE}/updates`]: updateIn("Pending"),
};
const unready = (message: string): object =>
  updateIn("Preparing", {}, { waits: [{ reason: "InstancesNotReady", object: "revision/auth-v2", message: `0 of 2 are ready: ${message}` }] });

test("while a new version crashes, what it said last is told as it comes, each once", async () => {
  const progress: string[] = [];
  const seen = [
    unready("starting: nothing listens"),
    unready("exit status 1 after 0.2 s; its last lines: no key"),
    unready("starting: nothing listens"),
    unready("exit status 1 after 0.3 s; its last lines: no key"),
    updateIn("Aborted", {}, { waits: [{ message: "not ready within 120 s" }] }),
  ];
  const world = { answers: { ...answers, [`GET ${UPDATE}`]: new Sequence(...seen) }, clock: hasty, progress };
  const { status, note } = await run(["update", "auth", "--to", "v1"], world);
  assert.equal(status, 1);
  assert.deepEqual(progress, ["u: Preparing: 0 of 2 are ready: starting: nothing listens"]);
  assert.match(
    note,
    /^u: Preparing: 0 of 2 are ready: exit status 1 after 0\.2 s; its last lines: no key\nupdate u: Aborted: not ready within 120 s\n/,
  );
});

test("whoever interrupts the wait for an update is told that it goes on, and how it is followed and given up", async () => {
  const interrupt = new AbortController();
  const clock: Clock = Object.assign(new ManualClock(0), {
    after() {
      setImmediate(() => interrupt.abort(new Error("interrupted")));
      return () => undefined;
    },
  });
  const world = { answers: { ...answers, [`GET ${UPDATE}`]: unready("starting") }, clock, signal: interrupt.signal };
  const { status, note } = await run(["update", "auth", "--to", "v1"], world);
  assert.equal(status, 130);
  assert.equal(note, "update u goes on; follow it with: orrery update show u --watch; give it up with: orrery update abort u\n");
});
