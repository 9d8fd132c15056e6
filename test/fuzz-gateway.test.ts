import assert from "node:assert/strict";
import test from "node:test";
import { readAnswers, readRequests } from "./fuzz/gateway/strict-http.ts";
import { fuzz } from "./fuzz/gateway.ts";

/** Conversations that once were not clean: each stands for a fault of its own. */
const KEPT: readonly number[] = [
  // An upgrade in HTTP/1.0, with more behind it, left the connection open.
  1_001_095,
  // Clients that close their half: streams, requests sent ahead, a part of a head.
  1_000_021, 1_000_045, 1_000_148, 1_000_078,
  // An upgrade behind an answer that is still on its way; keep-alive beside close in HTTP/1.0.
  7_064_963, 7_038_288,
  // A body with a length one too short, its rest in front of the next request.
  1_000_810,
];

test("some thousands of odd requests meet a gateway that lives, and carries out only what a strict reader finds in them: npm run fuzz -- gateway has a million", async () => {
  for (const from of KEPT) assert.deepEqual((await fuzz({ from, count: 1, signal: AbortSignal.timeout(30_000) })).findings, []);
  // A few seconds, whatever the machine has to do.
  const { findings, inputs } = await fuzz({ from: 0, count: 1500, signal: AbortSignal.timeout(7_000) });
  assert.deepEqual(findings, []);
  assert.ok(inputs > 50, `${inputs}`);
});

test("the strict reader tells apart what must be told apart", () => {
  const good = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n";
  assert.deepEqual(readRequests(good).requests, [{ method: "POST", target: "/a", body: "abc", isWhole: true, isLast: false }]);
  for (const [text, count, rest] of [
    [good + good, 2, "nothing"],
    [good.slice(0, -2), 1, "nothing"],
    [`${good}GET /b`, 1, "part of a head"],
    [good.replace("\r\nHost: a", ""), 0, "no request"],
    [good.replace("chunked", "gzip, chunked"), 0, "no request"],
    [good.replace("Host", "Content-Length: 3\r\nHost"), 0, "no request"],
    [good.replace("3;", "g;"), 1, "no request"],
    ["GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n", 1, "no request"],
    ["GET /a HTTP/1.1\nHost: a\n\n", 0, "part of a head"],
  ] as const) {
    const read = readRequests(text);
    assert.deepEqual([read.requests.length, read.rest], [count, rest], text);
  }
  assert.equal(readAnswers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No\r\n\r\n", ["GET", "GET"], false).statuses.length, 2);
  assert.ok(readAnswers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokx\r\n\r\n", ["GET"], false).fault !== undefined);
  assert.ok(readAnswers("HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n", ["GET"], false).fault !== undefined);
});
