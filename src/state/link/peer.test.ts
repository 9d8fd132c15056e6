import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import { type TestContext, test } from "node:test";
import { isOrreryError, LastGuard, ManualClock, OrreryError, silentLog, systemClock } from "#/base/index.ts";
import type { Link, LinkHandlers } from "./contract.ts";
import { createLink } from "./peer.ts";

function pair(
  t: TestContext,
  handlers: LinkHandlers = {},
  clock = systemClock,
): { readonly asker: Link; readonly answerer: Link; readonly wire: Duplex } {
  const [one, other] = duplexPair();
  const asker = createLink({ duplex: one, clock, log: silentLog });
  const answerer = createLink({ duplex: other, handlers, clock, log: silentLog });
  t.after(() => {
    asker.close("test over");
    answerer.close("test over");
  });
  return { asker, answerer, wire: one };
}

/** A link whose other side is under the test's own hands. */
function raw(t: TestContext, handlers: LinkHandlers = {}, clock = systemClock): { readonly link: Link; readonly wire: Duplex } {
  const [one, wire] = duplexPair();
  const link = createLink({ duplex: one, handlers, clock, log: silentLog });
  wire.on("error", () => {});
  t.after(() => {
    link.close("test over");
    wire.destroy();
  });
  return { link, wire };
}

const never = () => new Promise<never>(() => {});

test("a call gets its answer, whichever is ready first", async (t) => {
  const waiting = Promise.withResolvers<string>();
  const { asker } = pair(t, { calls: { "slow/get": () => waiting.promise, "quick/get": async (params) => ({ echoed: params }) } });
  const slow = asker.call("slow/get", null);
  assert.deepEqual(await asker.call("quick/get", { a: [1, "ü"] }), { echoed: { a: [1, "ü"] } });
  waiting.resolve("late");
  assert.equal(await slow, "late");
});

test("an error crosses with code, message, retry and details, and a bug as link/failed", async (t) => {
  const { asker } = pair(t, {
    calls: {
      "site/refuse": async () => {
        throw new OrreryError("store/conflict", "changed meanwhile", { retry: "after-reread", details: { name: "auth" } });
      },
      "site/break": async () => {
        throw new TypeError("x is not a function");
      },
    },
  });
  await assert.rejects(
    asker.call("site/refuse", null),
    (error) => isOrreryError(error, "store/conflict") && error.retry === "after-reread" && error.details["name"] === "auth",
  );
  await assert.rejects(asker.call("site/break", null), (error) => isOrreryError(error, "link/failed"));
  await assert.rejects(asker.call("toString", null), (error) => isOrreryError(error, "link/unknown-method"));
});

test("a call that is not answered in time fails, and the other side hears that nobody waits any more", async (t) => {
  const clock = new ManualClock();
  const given = Promise.withResolvers<unknown>();
  const { asker } = pair(
    t,
    {
      calls: {
        "slow/get": (_params, signal) =>
          new Promise((_resolve, reject) => signal.addEventListener("abort", () => given.resolve(reject(signal.reason)))),
      },
    },
    clock,
  );
  const call = asker.call("slow/get", null, { timeoutMs: 3_000 });
  clock.advance(3_000);
  await assert.rejects(call, (error) => isOrreryError(error, "link/timeout") && error.retry === "backoff");
  await given.promise;
});

test("an aborted call rejects with the signal's reason", async (t) => {
  const { asker } = pair(t, { calls: { "slow/get": never } });
  const controller = new AbortController();
  const call = asker.call("slow/get", null, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
});

test("a stream delivers every item in order, and its end", async (t) => {
  const { asker } = pair(t, {
    streams: {
      "number/list": async function* (params) {
        for (let index = 0; index < (params as number); index++) yield index;
      },
    },
  });
  const seen: unknown[] = [];
  for await (const item of asker.stream("number/list", 1_000)) seen.push(item);
  assert.deepEqual(
    seen,
    Array.from({ length: 1_000 }, (_, index) => index),
  );
});

test("a producer is held back when its reader does not read", async (t) => {
  let made = 0;
  const { asker } = pair(t, {
    streams: {
      "number/list": async function* () {
        for (;;) yield made++;
      },
    },
  });
  const iterator = asker.stream("number/list", null)[Symbol.asyncIterator]();
  await iterator.next();
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(made <= 257, `${made} items were made for a reader of one`);
  for (let read = 0; read < 300; read++) await iterator.next();
  assert.ok(made > 300);
  await iterator.return?.();
});

test("a reader that stops ends the producer", async (t) => {
  const stopped = Promise.withResolvers<void>();
  const { asker } = pair(t, {
    streams: {
      "line/follow": async function* (_params, signal) {
        try {
          yield "first";
          await once(signal, "abort");
        } finally {
          stopped.resolve();
        }
      },
    },
  });
  for await (const line of asker.stream("line/follow", null)) {
    assert.equal(line, "first");
    break;
  }
  await stopped.promise;
});

test("what a stream yielded before its error is still delivered", async (t) => {
  const { asker } = pair(t, {
    streams: {
      "line/list": async function* () {
        yield "one";
        throw new OrreryError("agent/missing", "no such instance");
      },
    },
  });
  const seen: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const line of asker.stream("line/list", null)) seen.push(line);
    },
    (error) => isOrreryError(error, "agent/missing"),
  );
  assert.deepEqual(seen, ["one"]);
});

test("notices arrive; a handler that throws does not harm the link", async (t) => {
  const heard = Promise.withResolvers<unknown>();
  const { asker } = pair(t, {
    notices: {
      "report/bad": () => {
        throw new Error("bug");
      },
      "report/good": heard.resolve,
    },
  });
  assert.equal(asker.notify("report/bad", null), true);
  assert.equal(asker.notify("report/unknown", null), true);
  assert.equal(asker.notify("report/good", { cpu: 1 }), true);
  assert.deepEqual(await heard.promise, { cpu: 1 });
});

test("what a handler throws that nobody expected is told to the guard, and what it means to refuse is not", async (t) => {
  const guard = new LastGuard({ clock: systemClock, log: silentLog, giveUp: () => {} });
  const [one, other] = duplexPair();
  const asker = createLink({ duplex: one, clock: systemClock, log: silentLog });
  const calls = {
    "bug/meet": () => Promise.reject(new TypeError("a bug")),
    "no/say": () => Promise.reject(new OrreryError("test/no", "no")),
  };
  const notices = {
    "bug/tell": () => {
      throw new TypeError("a bug");
    },
  };
  const answerer = createLink({ duplex: other, handlers: { calls, notices }, clock: systemClock, log: silentLog, guard });
  t.after(() => {
    asker.close("test over");
    answerer.close("test over");
  });
  asker.notify("bug/tell", {});
  await assert.rejects(asker.call("bug/meet", {}), { code: "link/failed" });
  await assert.rejects(asker.call("no/say", {}), { code: "test/no" });
  assert.deepEqual([...guard.counts], [["link message", 2]]);
});

test("closing tells the other side why, fails what waits, and refuses what comes later", async (t) => {
  const { asker, answerer } = pair(t, {
    calls: { "slow/get": never },
    streams: { "line/follow": () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }) },
  });
  const call = asker.call("slow/get", null);
  const read = asker.stream("line/follow", null)[Symbol.asyncIterator]().next();
  answerer.close("a newer one took over");
  assert.equal(await asker.closed, "a newer one took over");
  await assert.rejects(call, (error) => isOrreryError(error, "link/closed") && error.retry === "backoff");
  await assert.rejects(Promise.resolve(read), (error) => isOrreryError(error, "link/closed"));
  await assert.rejects(asker.call("quick/get", null), (error) => isOrreryError(error, "link/closed"));
  assert.equal(asker.notify("report/good", null), false);
});

test("a half-open connection is given up after 15 s without a word", async (t) => {
  const clock = new ManualClock();
  const { link } = raw(t, {}, clock);
  const call = link.call("quick/get", null, { timeoutMs: 60_000 });
  for (let second = 0; second < 21; second++) clock.advance(1_000);
  assert.match(await link.closed, /no word from the other side for 15 s/);
  await assert.rejects(call, (error) => isOrreryError(error, "link/closed"));
});

test("two idle sides keep each other alive", async (t) => {
  const clock = new ManualClock();
  const { asker, answerer } = pair(t, { calls: { "quick/get": async () => 1 } }, clock);
  let closed = false;
  void Promise.race([asker.closed, answerer.closed]).then(() => {
    closed = true;
  });
  for (let second = 0; second < 120; second++) {
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(closed, false);
  assert.equal(await asker.call("quick/get", null), 1);
});

for (const [what, line] of [
  ["no JSON", "hello"],
  ["no object", "7"],
  ["an unknown type", '{"t":"dance"}'],
  ["a call without id", '{"t":"call","method":"a/b"}'],
  ["a negative id", '{"t":"ok","id":-1}'],
  ["more without a count", '{"t":"more","id":1,"items":0}'],
  ["endlessly deep", `{"t":"ok","id":1,"value":${"[".repeat(300_000)}`],
  ["a null error", '{"t":"error","id":1,"error":null}'],
] as const) {
  test(`a line that is ${what} closes the link with the reason`, async (t) => {
    const { link, wire } = raw(t);
    wire.resume();
    wire.write(`${line}\n`);
    assert.match(await link.closed, /malformed line/);
  });
}

test("answers to what was never asked are ignored", async (t) => {
  const { link, wire } = raw(t, { calls: { "quick/get": async () => 1 } });
  wire.write('{"t":"ok","id":99,"value":1}\n{"t":"end","id":98}\n{"t":"cancel","id":3}\n{"t":"call","id":1,"method":"quick/get"}\n');
  const [answer] = (await once(wire, "data")) as [Buffer];
  assert.equal(String(answer), '{"t":"ok","id":1,"value":1}\n');
  link.close("done");
});

test("a flood of calls is refused above a thousand at once, and those answers say so", async (t) => {
  const { wire } = raw(t, { calls: { "slow/get": never } });
  const refused = Promise.withResolvers<string>();
  wire.on("data", (chunk: Buffer) => refused.resolve(String(chunk)));
  for (let id = 1; id <= 1_001; id++) wire.write(`{"t":"call","id":${id},"method":"slow/get"}\n`);
  assert.match(await refused.promise, /"id":1001.*link\/busy/);
});

test("a sender that floods a stream beyond what was allowed is cut", async (t) => {
  const { link, wire } = raw(t);
  wire.resume();
  void link.stream("line/follow", null)[Symbol.asyncIterator]().next();
  for (let index = 0; index < 400; index++) wire.write('{"t":"item","id":1,"value":"x"}\n');
  assert.match(await link.closed, /unread items/);
});

test("a line without an end is cut at its bound, not collected", async (t) => {
  const { link, wire } = raw(t);
  wire.resume();
  const megabyte = Buffer.alloc(1024 * 1024, "x");
  let isClosed = false;
  void link.closed.then(() => {
    isClosed = true;
  });
  for (let sent = 0; sent < 64 && !isClosed; sent++)
    await Promise.race([link.closed, new Promise<void>((resolve) => wire.write(megabyte, () => resolve()))]);
  assert.match(await link.closed, /longer than/);
});

test("notices are refused while the other side does not read, and accepted again afterwards", async (t) => {
  const { link, wire } = raw(t);
  const report = { text: "x".repeat(100_000) };
  let taken = 0;
  while (link.notify("report/big", report) && taken < 1_000) taken++;
  assert.ok(taken >= 40 && taken < 60, `${taken} notices of 100 KB were taken`);
  wire.resume();
  while (!link.notify("report/big", report)) await new Promise((resolve) => setImmediate(resolve));
});

test("the end of the stream, a reset and an error each close the link with a reason", async (t) => {
  const ended = raw(t);
  ended.wire.end();
  assert.match(await ended.link.closed, /ended the connection/);
  const [one] = [new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })];
  const failed = createLink({ duplex: one, clock: systemClock, log: silentLog });
  one.destroy(new Error("ECONNRESET"));
  assert.match(await failed.closed, /ECONNRESET|lost/);
});
