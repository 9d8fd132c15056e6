import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerMessage } from "../../../src/face/views/protocol.ts";
import { type SocketListener, Stream, type StreamOptions } from "./stream.ts";

/** A stream over sockets in memory, on a clock of its own. */
class Rig {
  nowMs = 1_000_000;
  readonly sockets: { readonly listener: SocketListener; readonly sent: unknown[]; isClosed: boolean }[] = [];
  readonly ended: string[] = [];
  outdated = 0;
  readonly stream: Stream;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(options: Partial<StreamOptions> = {}) {
    this.stream = new Stream({
      connect: (listener) => {
        const socket = { listener, sent: [] as unknown[], isClosed: false };
        this.sockets.push(socket);
        return {
          send: (text) => socket.sent.push(JSON.parse(text)),
          close: () => {
            socket.isClosed = true;
          },
        };
      },
      secret: () => "half",
      onEnded: ({ message }) => this.ended.push(message),
      onOutdated: () => {
        this.outdated += 1;
      },
      now: () => this.nowMs,
      after: (delayMs, run) => {
        const timer = { atMs: this.nowMs + delayMs, run };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((one) => one !== timer);
        };
      },
      random: () => 0.5,
      ...options,
    });
  }

  get socket(): (typeof this.sockets)[number] {
    return this.sockets.at(-1) as (typeof this.sockets)[number];
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
  }

  tell(message: ServerMessage): void {
    this.socket.listener.received(JSON.stringify(message));
  }

  greet(serverAheadMs = 0): void {
    this.socket.listener.opened();
    this.tell({ hello: { protocol: 1, now: this.at(serverAheadMs), beatMs: 1_000, user: "w", server: "s" } });
  }

  at(aheadMs = 0): string {
    return new Date(this.nowMs + aheadMs).toISOString();
  }

  beat(revs: Readonly<Record<string, number>> = {}, aheadMs = 0): void {
    this.tell({ beat: { now: this.at(aheadMs), revs } });
  }

  /** The last wish for a view on the present connection. */
  wishOf(id: string): { readonly op: string; readonly ask: number } {
    return this.socket.sent.filter((one) => (one as { id?: string }).id === id).at(-1) as never;
  }

  answer(id: string, rev: number, keys: readonly string[], ask = this.wishOf(id).ask): void {
    this.tell({ id, rev, ask, total: keys.length, offset: 0, rows: keys.map((key, index) => ({ key, index, row: { name: key } })) });
  }
}

function opened(): { readonly rig: Rig; readonly handle: ReturnType<Stream["open"]> } {
  const rig = new Rig();
  rig.stream.start();
  rig.greet();
  const handle = rig.stream.open({ of: "objects", resource: "microservices" });
  rig.answer("v1", 1, ["a", "b"]);
  return { rig, handle };
}

const keys = (handle: ReturnType<Stream["open"]>): readonly string[] => handle.value.copy?.rows.map(({ key }) => key) ?? [];

test("the page's half of the session goes first, and nothing else before the server has greeted", () => {
  const rig = new Rig();
  rig.stream.open({ of: "overview" });
  rig.stream.start();
  rig.socket.listener.opened();
  assert.deepEqual(rig.socket.sent, [{ session: "half" }]);
  rig.greet();
  assert.equal(rig.wishOf("v1").op, "open");
});

test("within three seconds of the last word the stream says that it is cut, old values stay, and it comes back by itself", () => {
  const { rig, handle } = opened();
  rig.pass(1_000);
  rig.beat({ v1: 1 });
  const heardMs = rig.nowMs;
  rig.pass(2_400);
  assert.equal(rig.stream.state.value.is, "live");
  rig.pass(500);
  assert.deepEqual(rig.stream.state.value, { is: "cut", sinceMs: heardMs });
  assert.deepEqual([handle.value.cutAtMs, keys(handle)], [heardMs, ["a", "b"]]);
  rig.pass(1_000);
  assert.equal(rig.sockets.length, 2, "it has connected again");
  rig.greet();
  assert.equal(rig.stream.state.value.is, "live");
  assert.equal(handle.value.cutAtMs, heardMs, "until it is told anew");
  rig.answer("v1", 1, ["a", "c"]);
  assert.deepEqual([handle.value.cutAtMs, keys(handle)], [undefined, ["a", "c"]]);
});

test("each try to come back waits longer, up to a bound, and none ends it", () => {
  const rig = new Rig();
  rig.stream.start();
  for (let round = 0; round < 200; round += 1) {
    rig.socket.listener.closed();
    rig.pass(16_000);
  }
  assert.ok(rig.sockets.length > 150, `${rig.sockets.length}`);
});

test("after an hour asleep the page is not live for a moment: it asks anew before anything else", () => {
  const { rig, handle } = opened();
  rig.nowMs += 3_600_000;
  rig.stream.wake();
  rig.pass(100);
  assert.equal(rig.stream.state.value.is, "cut");
  assert.notEqual(handle.value.cutAtMs, undefined);
  rig.pass(800);
  rig.greet();
  assert.equal(rig.wishOf("v1").op, "open");
});

test("a page that was busy reads what has come before it says that nothing came", () => {
  const { rig } = opened();
  rig.pass(1_000);
  // For so long no timer ran; the beats wait behind them.
  rig.nowMs += 3_000;
  rig.stream.wake();
  rig.beat({ v1: 1 });
  rig.pass(500);
  assert.equal(rig.stream.state.value.is, "live");
  assert.equal(rig.sockets.length, 1);
});

test("a change that was missed is found by the next beat, and the view asked for anew", () => {
  const { rig, handle } = opened();
  rig.tell({ id: "v1", rev: 2, total: 3, put: [{ key: "c", index: 2, row: { name: "c" } }], gone: [] });
  assert.deepEqual(keys(handle), ["a", "b", "c"]);
  rig.beat({ v1: 2 });
  assert.equal(rig.wishOf("v1").ask, 0, "nothing was missed");
  rig.beat({ v1: 4 });
  assert.deepEqual([rig.wishOf("v1").op, rig.wishOf("v1").ask], ["open", 1]);
  rig.beat({ v1: 4 });
  assert.equal(rig.wishOf("v1").ask, 1, "it is asked for once");
  rig.answer("v1", 4, ["d"]);
  assert.deepEqual(keys(handle), ["d"]);
});

test("answers to a window that was left are not shown; what was shown stays until the new one comes", () => {
  const { rig, handle } = opened();
  handle.change({ of: "objects", resource: "microservices", search: "x" });
  assert.equal(handle.value.isMoving, true);
  rig.tell({ id: "v1", rev: 2, total: 1, put: [], gone: ["a"] });
  rig.answer("v1", 2, ["old"], 0);
  assert.deepEqual(keys(handle), ["a", "b"]);
  rig.answer("v1", 3, ["x"]);
  assert.deepEqual([keys(handle), handle.value.isMoving], [["x"], undefined]);
});

test("what is opened again shows the last that was told, as old", () => {
  const { rig, handle } = opened();
  handle.close();
  rig.pass(5_000);
  const again = rig.stream.open({ of: "objects", resource: "microservices" });
  assert.deepEqual(keys(again), ["a", "b"]);
  assert.notEqual(again.value.cutAtMs, undefined);
});

test("ages go by the server's clock, however wrong this machine's is", () => {
  const { rig } = opened();
  rig.beat({ v1: 1 }, -3_600_000);
  assert.equal(rig.stream.now(), rig.nowMs - 3_600_000);
  const before = rig.stream.offset.value;
  rig.beat({ v1: 1 }, -3_600_000 + 100);
  assert.equal(rig.stream.offset.value, before, "what a message takes on its way is no other clock");
});

test("a source that is silent greys its view alone, and the stream stays live", () => {
  const { rig, handle } = opened();
  const other = rig.stream.open({ of: "overview" });
  rig.answer("v2", 1, ["o"]);
  rig.tell({ beat: { now: rig.at(), revs: { v1: 1, v2: 1 }, stale: { v1: { since: rig.at(-9_000), reason: "the watch has failed" } } } });
  assert.equal(handle.value.cutAtMs, rig.nowMs - 9_000);
  assert.equal(other.value.cutAtMs, undefined);
  assert.equal(rig.stream.state.value.is, "live");
  rig.beat({ v1: 1, v2: 1 });
  assert.equal(handle.value.cutAtMs, undefined);
});

test("a session that has ended stops the asking; any other end is tried again", () => {
  const { rig } = opened();
  rig.tell({ end: { code: "api/busy", message: "too many", retry: "backoff", afterMs: 4_000 } });
  rig.pass(5_000);
  assert.equal(rig.sockets.length, 2);
  rig.greet();
  // Which of both it is, the next answer tells.
  rig.tell({ end: { code: "api/ended", message: "this has ended", retry: "never" } });
  rig.pass(1_000);
  rig.greet();
  rig.tell({ end: { code: "login/ended", message: "the session was ended", retry: "never" } });
  rig.pass(60_000);
  assert.deepEqual([rig.ended, rig.sockets.length], [["the session was ended"], 3]);
});

test("a view that fails is told, asked for again where that may help, and takes no other with it", () => {
  const { rig, handle } = opened();
  rig.tell({ id: "v1", ask: 0, error: { code: "views/busy", message: "later", retry: "backoff", afterMs: 500 } });
  assert.equal(handle.value.error?.message, "later");
  rig.pass(600);
  assert.equal(rig.wishOf("v1").ask, 1);
  rig.answer("v1", 9, ["z"]);
  assert.equal(handle.value.error, undefined);
  rig.tell({ id: "v1", ask: 1, error: { code: "api/forbidden", message: "no", retry: "never" } });
  rig.pass(2_000);
  assert.equal(rig.wishOf("v1").ask, 1, "what will not help is not asked again");
});

test("a page of before an update of the server is told so", () => {
  const rig = new Rig();
  rig.stream.start();
  rig.tell({ hello: { protocol: 2, now: rig.at(), beatMs: 1_000, user: "w", server: "s" } } as never);
  assert.equal(rig.outdated, 1);
});

test("a connection whose greeting was swallowed is given up, not taken for live", () => {
  const rig = new Rig();
  rig.stream.start();
  rig.socket.listener.opened();
  rig.beat();
  rig.pass(1_000);
  assert.equal(rig.sockets.length, 2);
  assert.equal(rig.stream.state.value.is, "cut");
});
