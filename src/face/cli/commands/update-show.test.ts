import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, ManualClock, OrreryError } from "#/base/index.ts";
import { BASE, run, Sequence } from "../rig.ts";

const answers = {
  ...Object.fromEntries(["sites", "generations", "revisions", "instances", "updates"].map((plural) => [`GET ${BASE}/${plural}`, { items: [] }])),
  "GET /apis/orrery.dev/v1/gateways": { items: [] },
  "GET /live/gateways": { items: [] },
};

test("update show --watch ends when nobody reads it any more, and draws over nothing where there is no terminal", async () => {
  const { status, out } = await run(["update", "show", "--watch"], { answers, env: { TERM: "xterm" }, isRead: () => false });
  assert.equal(status, 0);
  assert.match(out, /^site {2}no generation is in service yet/);
  const onTerminal = await run(["update", "show", "--watch"], { answers, env: { TERM: "xterm" }, isTerminal: true, isRead: () => false });
  assert.ok(onTerminal.out.startsWith("\u001b[H\u001b[J"), onTerminal.out);
  assert.doesNotMatch((await run(["update", "show"], { answers, env: { TERM: "xterm" }, isTerminal: true })).out, /\[H/);
});

test("update show --watch goes on, however long the centre is away, and shows what it finds then; without --watch it says that nothing answers", async () => {
  const away = new OrreryError("client/unavailable", "nothing listens at https://test", { retry: "backoff" });
  const clock: Clock = Object.assign(new ManualClock(0), {
    after(_: number, action: () => void) {
      setImmediate(action);
      return () => undefined;
    },
  });
  let shown = 0;
  const progress: string[] = [];
  const updates = new Sequence({ items: [] }, ...new Array(100).fill(away), { items: [] });
  const watched = { answers: { ...answers, [`GET ${BASE}/updates`]: updates }, clock, progress, isRead: () => ++shown < 2 };
  const { status, out } = await run(["update", "show", "--watch"], watched);
  assert.deepEqual([status, out.match(/^site /gm)?.length], [0, 2]);
  assert.deepEqual([...new Set(progress)], ["the centre does not answer; trying again; Ctrl-C ends", "the centre answers again"]);
  for (const more of [[], ["--watch"]]) {
    const never = await run(["update", "show", ...more], { answers: { ...answers, [`GET ${BASE}/updates`]: away }, clock });
    assert.deepEqual([never.status, never.note], [1, "error: nothing listens at https://test\n"]);
  }
});

test("what --watch draws over is not longer than the terminal: of updates that have ended the oldest give way", async () => {
  const ended = Array.from({ length: 10 }, (_, index) => ({
    metadata: { name: `u${index}`, creationTimestamp: `2030-01-01T00:00:0${index}Z` },
    spec: { services: [{ name: "auth", to: "v1" }], strategy: "consistent" },
    status: { phase: "Complete", phases: [{ phase: "Complete", since: `2030-01-01T00:00:0${index}Z`, until: `2030-01-01T00:00:0${index}Z` }] },
  }));
  const draw = async (rows: number, ...more: string[]): Promise<readonly string[]> => {
    const world = { answers: { ...answers, [`GET ${BASE}/updates`]: { items: ended } }, env: { TERM: "xterm" }, isTerminal: true, rows };
    return (await run(["update", "show", ...more], { ...world, isRead: () => false })).out.split("\n").slice(0, -1);
  };
  assert.equal((await draw(12)).filter((line) => line.startsWith("u")).length, 10);
  const all = await draw(40, "--watch");
  assert.equal(all.filter((line) => line.startsWith("u")).length, 10);
  const few = await draw(10, "--watch");
  assert.equal(few.length, 9);
  assert.deepEqual(
    [few.filter((line) => line.startsWith("u")).map((line) => line.slice(0, 2)), few.at(-1)],
    [["u9", "u8", "u7", "u6"], "nothing is waited for"],
  );
  const least = await draw(5, "--watch");
  assert.deepEqual([least.length, least.at(-1)], [4, "…"]);
});
