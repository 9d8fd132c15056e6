import assert from "node:assert/strict";
import { test } from "node:test";
import { HITS_MAX, missingHosts, NOTHING_FOUND, type SearchEnd, type SearchWish, searchPath, takeItems } from "./search.ts";

const WISH: SearchWish = { words: "", services: [], instance: "", trace: undefined, level: "", span: "", from: "", until: "", isPlatform: false };
const hit = (second: number) => ({ time: `2026-11-30T12:00:0${second}.000Z`, host: "one", instance: "auth-0", text: `line ${second}` });
const END: SearchEnd = {
  hits: 1,
  isComplete: true,
  from: "2026-11-30T11:00:00.000Z",
  damaged: 0,
  hosts: [{ host: "one", state: "complete" }],
  dropped: [],
};

test("what is asked for stands in the request; without a time it is an hour", () => {
  assert.equal(searchPath(WISH), `/logs/search?limit=${HITS_MAX}&since=60m`);
  const path = searchPath({
    ...WISH,
    words: ' "a b" c ',
    services: ["auth", "pay"],
    level: "warn",
    trace: "ab",
    span: "range",
    from: "2026-11-30T10:00",
    until: "nonsense",
  });
  assert.equal(
    path,
    `/logs/search?limit=${HITS_MAX}&search=%22a+b%22+c&service=auth&service=pay&trace=ab&level=warn&sinceTime=2026-11-30T10%3A00%3A00.000Z`,
  );
  assert.ok(!searchPath({ ...WISH, level: "loud" }).includes("loud"));
});

test("hits gather, what the search has reached is told, and the end says what is missing", () => {
  let search = takeItems(NOTHING_FOUND, [hit(3), { progress: { hits: 1, reached: "2026-11-30T12:00:02.000Z" } }]);
  assert.deepEqual([search.hits.length, search.reached, search.end], [1, "2026-11-30T12:00:02.000Z", undefined]);
  search = takeItems(search, [hit(1), { end: END }]);
  assert.deepEqual([search.hits.map(({ text }) => text), search.end?.hits], [["line 3", "line 1"], 1]);
  assert.equal(takeItems(NOTHING_FOUND, [{ error: { message: "no" } }]).error, "no");
  assert.equal(
    takeItems(
      NOTHING_FOUND,
      Array.from({ length: HITS_MAX + 5 }, () => hit(1)),
    ).hits.length,
    HITS_MAX,
  );
  const hosts = [
    { host: "one", state: "complete" },
    { host: "two", state: "away" },
    { host: "three", state: "limit" },
  ];
  assert.deepEqual(
    missingHosts({ ...END, hosts }).map(({ host }) => host),
    ["two", "three"],
  );
  assert.deepEqual(
    missingHosts({ ...END, hosts, limit: 5 }).map(({ host }) => host),
    ["two"],
  );
});
