import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, ManualClock, OrreryError } from "#/base/index.ts";
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

test("what only takes its time is told in place, and phases that took none are not told at the end", async () => {
  const progress: string[] = [];
  const at = (second: number): string => `2030-01-01T00:00:0${second}.000Z`;
  const phases = [
    { phase: "Preparing", since: at(1), until: at(4) },
    { phase: "Distributing", since: at(4), until: at(4).replace("000", "020") },
    { phase: "Complete", since: at(5), until: at(5) },
  ];
  const seen = [unready("it is being started"), unready("starting: nothing listens"), updateIn("Complete", {}, { phases })];
  const world = { answers: { ...answers, [`GET ${UPDATE}`]: new Sequence(...seen) }, clock: hasty, progress };
  const { out, note } = await run(["update", "auth", "--to", "v1"], world);
  assert.deepEqual(progress, ["u: Preparing: 0 of 2 are ready: it is being started", "u: Preparing: 0 of 2 are ready: starting: nothing listens"]);
  assert.deepEqual([out, note], ["update u: auth to v2\nupdate u: complete in generation 5 (Preparing 3s)\n", ""]);
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

const away = new OrreryError("client/unavailable", "nothing listens at https://test", { retry: "backoff" });

/** A clock on which whoever waits has waited at once. */
function rushing(): Clock {
  const clock = new ManualClock(0);
  let nowMs = 0;
  return Object.assign(clock, {
    monotonic: () => nowMs,
    after(delayMs: number, action: () => void) {
      nowMs += delayMs;
      setImmediate(action);
      return () => undefined;
    },
  });
}

test("a centre that is away while an update is followed is waited for; what is told goes on where it was", async () => {
  const progress: string[] = [];
  const seen = [unready("starting"), away, away, unready("starting"), updateIn("Complete"), away, updateIn("Complete")];
  const sites = new Sequence(away, { items: [] });
  const world = { answers: { ...answers, [`GET ${UPDATE}`]: new Sequence(...seen), [`GET ${BASE}/sites`]: sites }, clock: rushing(), progress };
  const { status, out, note } = await run(["update", "auth", "--to", "v1"], world);
  assert.equal(status, 0, note);
  const gone = "the centre does not answer; trying again, 1m at most";
  const told = "u: Preparing: 0 of 2 are ready: starting";
  assert.deepEqual(progress, [told, gone, gone, "the centre answers again", told, gone, gone, "the centre answers again"]);
  assert.match(out, /update u: complete in generation 5/);
});

test("a centre that stays away for a minute, or longer than was asked for, ends the following of an update, which is said to go on", async () => {
  const world = { answers: { ...answers, [`GET ${UPDATE}`]: away }, clock: rushing() };
  const { status, note } = await run(["update", "auth", "--to", "v1"], world);
  assert.equal(status, 1);
  assert.equal(world.clock.monotonic(), 60_000);
  assert.equal(
    note,
    "update u goes on when the centre is back; follow it with: orrery update show u --watch; give it up with: orrery update abort u\n" +
      "error: the centre has not answered for 1m: nothing listens at https://test\n",
  );
  const hurried = await run(["update", "auth", "--to", "v1", "--timeout", "5s"], { ...world, clock: rushing() });
  assert.equal(hurried.status, 1);
  assert.match(hurried.note, /^update u has not ended within 5s; it goes on/);
});

test("an update that goes on is followed for half an hour, or as long as was asked for, and its last wait is told", async () => {
  for (const [args, endMs, within] of [
    [[], 1_800_000, "30m"],
    [["--timeout", "5s"], 5000, "5s"],
  ] as const) {
    const world = { answers: { ...answers, [`GET ${UPDATE}`]: unready("starting") }, clock: rushing(), progress: [] as string[] };
    const { status, note } = await run(["update", "auth", "--to", "v1", ...args], world);
    assert.equal(status, 1);
    assert.ok(world.clock.monotonic() >= endMs && world.clock.monotonic() <= endMs + 1000, `${world.clock.monotonic()}`);
    assert.deepEqual(world.progress, ["u: Preparing: 0 of 2 are ready: starting"]);
    assert.match(note, new RegExp(`^update u has not ended within ${within}; it goes on`));
  }
});

test("what the centre answers with a refusal ends the following of an update at once", async () => {
  const lost = new OrreryError("store/missing", "there is no Update u");
  const { status, note } = await run(["update", "auth", "--to", "v1"], { answers: { ...answers, [`GET ${UPDATE}`]: lost }, clock: rushing() });
  assert.deepEqual([status, note], [1, "error: there is no Update u\n"]);
});
