import assert from "node:assert/strict";
import test from "node:test";
import { AnswerParser } from "./answer-parser.ts";

/** What a parser finds in `parts`, in order. */
function read(
  parts: readonly string[],
  next: "body" | "no body" | "other protocol" = "body",
): { found: unknown[]; rest: string | undefined; error: string | undefined } {
  const found: unknown[] = [];
  const parser = new AnswerParser(
    {
      onHead(status, headers, isKept) {
        found.push([status, headers, isKept]);
        return status < 200 && status !== 101 ? "no body" : next;
      },
      onBody: (chunk) => found.push(chunk.toString("latin1")),
      onComplete: (trailers) => found.push(trailers),
    },
    1000,
  );
  parser.isExpected = true;
  try {
    let rest: Buffer | undefined;
    for (const part of parts) rest = parser.execute(Buffer.from(part, "latin1"));
    return { found, rest: rest?.toString("latin1"), error: undefined };
  } catch (error) {
    return { found, rest: undefined, error: (error as Error).message };
  } finally {
    parser.free();
  }
}

test("llhttp as undici ships it is what it is taken for: heads, bodies, trailers, wherever they are cut", () => {
  const answer = "HTTP/1.1 200 OK\r\nX-A: b\xe9\r\nX-Empty:\r\nX-B: c d \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
  const head = [200, ["X-A", "b\xe9", "X-Empty", "", "X-B", "c d ", "Transfer-Encoding", "chunked"], true];
  const whole = read([answer]);
  assert.equal(whole.error, undefined);
  const trimmed = (found: unknown[]): string => JSON.stringify(found).replaceAll('c d "', 'c d"');
  assert.equal(trimmed(whole.found), trimmed([head, "abc", ["X-T", "1"]]));
  for (let cut = 1; cut < answer.length; cut++) {
    const { found, error } = read([answer.slice(0, cut), answer.slice(cut)]);
    assert.equal(error, undefined);
    const texts = found.filter((one) => typeof one === "string").join("");
    assert.deepEqual([trimmed([found[0]]), texts, found.at(-1)], [trimmed([head]), "abc", ["X-T", "1"]], `cut at ${cut}`);
  }
});

test("interim answers, answers without a body and changes of protocol are told apart", () => {
  const two = read(["HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No\r\n\r\n"]);
  assert.deepEqual(
    two.found
      .filter(Array.isArray)
      .map((one) => one[0])
      .filter((one) => typeof one === "number"),
    [100, 204],
  );
  assert.equal(read(["HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nrest"], "other protocol").rest, "rest");
});

test("an answer in another version of HTTP is refused by its name, and one of HTTP/1.0 read", () => {
  assert.match(read(["HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"]).error ?? "", /HTTP\/2\.0/);
  assert.match(read(["HTTP/2.0 103 Early Hints\r\n\r\n"]).error ?? "", /HTTP\/2\.0/);
  assert.equal(read(["HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"]).error, undefined);
});

test("what is not HTTP/1.1, is too large, or was not asked for is an error", () => {
  for (const bad of [
    "nonsense\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX y: 1\r\n\r\n",
    "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9 200 OK\r\n\r\n",
    "HTTP/1.2 200 OK\r\n\r\n",
    "HTTP/2 200\r\n\r\n",
    "HTTP/3.0 103 Early Hints\r\n\r\n",
    "ICY 200 OK\r\n\r\n",
    "RTSP/1.0 200 OK\r\n\r\n",
    "ICE/1.0 200 OK\r\n\r\n",
    "\r\nRTSP/1.0 200 OK\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/2.0 200 OK\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"y".repeat(2000)}\r\n\r\n`,
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  ])
    assert.notEqual(read([bad]).error, undefined, bad.slice(0, 40));
  const parser = new AnswerParser({ onHead: () => "body", onBody: () => {}, onComplete: () => {} }, 1000);
  assert.throws(() => parser.execute(Buffer.from("HTTP/1.1 200 OK\r\n\r\n")), /nobody has asked/);
  parser.free();
});
