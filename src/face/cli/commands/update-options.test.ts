import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest } from "#/state/client/index.ts";
import { auth, BASE, REVISIONS, run, SERVICES } from "../rig.ts";

const requests: ClientRequest[] = [];
const answers = {
  [`GET ${SERVICES}`]: { items: [auth()] },
  [`GET ${BASE}/revisions`]: REVISIONS,
  [`POST ${BASE}/updates`]: { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "v1" }] } },
};

test("what orrery update would not look at is refused, and nothing is asked for", async () => {
  for (const [words, said] of [
    ["auth --to v1 --hold 5s", /^error: --hold goes with a ramp: add --ramp, /],
    ["auth --to v1 --key client", /^error: --key goes with a ramp/],
    [
      "auth extra --to v1",
      /^error: `orrery update SERVICE --to` takes no further argument; found extra; what changes together goes in a file: orrery update -f FILE\n/,
    ],
    ["auth --to v1 --off", /^error: `orrery update SERVICE --to` takes no --off; it belongs to orrery update pause\n/],
    ["auth --to v1 --watch", /takes no --watch; it belongs to orrery update show\n/],
    ["auth --to v1 -o json", /takes --output with --dry-run only\n/],
    ["auth --to v1 -f u2.yaml", /^error: `orrery update -f` takes no --to; /],
    ["auth -f u2.yaml", /^error: `orrery update -f` takes no further argument; found auth\n/],
    ["-f u2.yaml --message why", /^error: `orrery update -f` takes no --message; it belongs to a new update: /],
    ["promote u --off", /^error: `orrery update promote` takes no --off; it belongs to orrery update pause\n/],
    ["pause u --to v1", /^error: `orrery update pause` takes no --to; /],
    ["show --watch --timeout 3s", /^error: `orrery update show` takes no --timeout; /],
    ["show u --no-wait", /takes no --no-wait/],
    ["history auth --watch", /takes no --watch; it belongs to orrery update show\n/],
    ["abort u --ramp 1,10", /takes no --ramp/],
    ["rollback u --watch", /takes no --watch/],
    ["histroy auth", /^error: there is no `orrery update histroy`; did you mean history\?/],
    ["auth --to v1 --ramp 1,10 --key foo", /^error: --key foo is no key: give header:NAME, cookie:NAME or client, /],
    ["auth --to v1 --ramp 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21", /^error: --ramp has 21 steps; give 20 at most, /],
  ] as const) {
    const { status, note } = await run(["update", ...words.split(" ")], { answers, requests });
    assert.equal(status, 2, words);
    assert.match(note, said, words);
  }
  assert.deepEqual(requests, []);
});

test("a service that is called like a word goes with --to", async () => {
  const show = { ...auth(), metadata: { ...auth().metadata, name: "show" } };
  const world = { answers: { ...answers, [`GET ${SERVICES}`]: { items: [show] } } };
  assert.equal((await run(["update", "show", "--to", "v1", "--no-wait"], world)).status, 0);
});

test("a very long name is shortened in the message", async () => {
  const { status, note } = await run(["update", "abort", "x".repeat(500)]);
  assert.equal(status, 1);
  assert.ok(note.length < 200, note);
  assert.match(note, /^error: there is no update called "x+…"; see: orrery get updates\n$/);
});
