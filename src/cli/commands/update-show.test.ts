import assert from "node:assert/strict";
import { test } from "node:test";
import { BASE, run } from "../rig.ts";

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
