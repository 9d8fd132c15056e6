import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StreamPort, ViewStream } from "#/face/views/index.ts";
import type { ViewWish } from "#/face/views/protocol.ts";
import { condition, READER, type Rig, startRig, stored } from "#/face/views/rig.ts";
import { microservice } from "#/model/index.ts";
import { type SocketListener, Stream, type StreamSocket, type ViewHandle } from "../console/src/api/stream.ts";

/** A connection between a tab and the centre, both real, that can be hurt in every way in which connections are. */
class Wire implements StreamPort, StreamSocket {
  readonly #rig: Rig;
  readonly #listener: SocketListener;
  readonly #unread: string[] = [];
  #server: ViewStream | undefined;
  /** Nothing goes through any more, and neither end knows. */
  isDead = false;
  /** The tab reads nothing for now. */
  isStalled = false;
  #isClosed = false;

  constructor(rig: Rig, listener: SocketListener) {
    this.#rig = rig;
    this.#listener = listener;
    queueMicrotask(() => {
      if (!this.#isClosed && !this.isDead) this.#listener.opened();
    });
  }

  get unsentBytes(): number {
    return this.#unread.reduce((sum, text) => sum + text.length, 0);
  }

  /** Either end sends: what the tab says is a wish, the first one its session. */
  send(message: string | Buffer): void {
    if (typeof message === "string" && (message.startsWith('{"session"') || message.startsWith('{"op"'))) this.#say(message);
    else if (!this.isDead && !this.#isClosed) {
      this.#unread.push(message.toString());
      queueMicrotask(() => this.read());
    }
  }

  read(): void {
    while (!this.isStalled && !this.isDead && !this.#isClosed) {
      const text = this.#unread.shift();
      if (text === undefined) return;
      this.#listener.received(text);
    }
  }

  close(): void {
    this.cut();
  }

  /** It breaks: what was under way is lost. */
  cut(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#server?.closed();
    queueMicrotask(() => this.#listener.closed());
  }

  #say(text: string): void {
    if (this.isDead || this.#isClosed) return;
    if (this.#server === undefined) this.#server = this.#rig.views.connect(READER, this);
    else this.#server.receive(text);
  }
}

/** A tab: it may sleep, so that none of its timers runs and nothing is read. */
class Tab {
  readonly stream: Stream;
  wire: Wire | undefined;
  connections = 0;
  #isAsleep = false;
  #due: (() => void)[] = [];

  constructor(rig: Rig) {
    this.stream = new Stream({
      connect: (listener) => {
        this.connections += 1;
        this.wire = new Wire(rig, listener);
        return this.wire;
      },
      secret: () => "half",
      onEnded: (error) => assert.fail(`the session has ended: ${error.message}`),
      onOutdated: () => assert.fail("another protocol"),
      now: () => rig.clock.now(),
      after: (delayMs, callback) => {
        let isOver = false;
        const run = (): void => {
          if (isOver) return;
          if (this.#isAsleep) this.#due.push(run);
          else callback();
        };
        const cancel = rig.clock.after(delayMs, run);
        return () => {
          isOver = true;
          cancel();
        };
      },
      random: () => 0.5,
    });
    this.stream.start();
  }

  sleep(): void {
    this.#isAsleep = true;
    if (this.wire !== undefined) this.wire.isStalled = true;
  }

  wake(): void {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    const due = this.#due;
    this.#due = [];
    this.stream.wake();
    for (const run of due) run();
    if (this.wire !== undefined) this.wire.isStalled = false;
    this.wire?.read();
  }
}

const HOUR_MS = 3_600_000;
/** Longer than the longest pause between two tries to come back, and than a client may be behind. */
const SETTLE_MS = 60_000;

type Step =
  | { readonly is: "put"; readonly name: string; readonly replicas: number }
  | { readonly is: "delete"; readonly name: string }
  | { readonly is: "ask"; readonly view: number; readonly wish: number }
  | { readonly is: "cut" | "dead" | "stall" | "read" | "wake" | "reopen" }
  | { readonly is: "sleep" | "pass"; readonly ms: number };

const WISHES: readonly ViewWish[] = [
  { of: "objects", resource: "microservices", limit: 3, sort: { by: "desired", descending: true } },
  { of: "objects", resource: "microservices", search: "b", columns: ["name", ".spec.replicas"] },
  { of: "counts", resource: "microservices", by: "state" },
  { of: "object", resource: "microservices", name: "b2" },
  { of: "overview" },
];
const NAMES = ["a", "b2", "b10", "c"] as const;

const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ is: fc.constant("put" as const), name, replicas: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("delete" as const), name }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("ask" as const), view: fc.nat(1), wish: fc.nat(WISHES.length - 1) }) },
  { weight: 5, arbitrary: fc.constantFrom("cut", "dead", "stall", "read", "wake", "reopen").map((is) => ({ is }) as Step) },
  { weight: 4, arbitrary: fc.record({ is: fc.constant("pass" as const), ms: fc.constantFrom(5, 40, 300, 3_000, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("sleep" as const), ms: fc.constantFrom(2_000, 40_000, HOUR_MS) }) },
);

test("however a connection is cut, stalled, lost or slept through, the page settles to what the centre has", { timeout: 120_000 }, async () => {
  let [cuts, returns] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const rig = startRig();
      const tab = new Tab(rig);
      const handles: ViewHandle[] = [0, 1].map((index) => tab.stream.open(WISHES[index] as ViewWish));
      const wishes = [0, 1];
      const present = new Set<string>();
      for (const one of steps) {
        await take(one, { rig, tab, handles, wishes, present });
        if (one.is === "cut" || one.is === "dead") cuts += 1;
      }
      tab.wake();
      if (tab.wire !== undefined) tab.wire.isStalled = false;
      tab.wire?.read();
      await rig.pass(SETTLE_MS);
      assert.equal(tab.stream.state.value.is, "live");
      returns += tab.connections - 1;
      for (const [index, handle] of handles.entries()) {
        const fresh = rig.connect();
        fresh.open("v", WISHES[wishes[index] ?? 0] as ViewWish);
        await rig.pass(500);
        const { copy, cutAtMs, isMoving, error } = handle.value;
        assert.deepEqual({ cutAtMs, isMoving, error }, { cutAtMs: undefined, isMoving: undefined, error: undefined });
        const { total, rows } = fresh.copies.get("v") ?? {};
        assert.deepEqual({ total: copy?.total, rows: plain(copy?.rows) }, { total, rows: plain(rows) });
      }
    }),
    {
      numRuns: 30,
      // Of two questions in one turn, the second one came when the first had just been answered.
      examples: [
        [
          [
            { is: "cut" },
            { is: "pass", ms: 20_000 },
            { is: "ask", view: 1, wish: 0 },
            { is: "ask", view: 0, wish: 1 },
            { is: "put", name: "a", replicas: 0 },
          ],
        ],
      ],
    },
  );
  assert.ok(cuts > 10 && returns > 10, `${cuts} cuts, ${returns} times it came back`);
});

interface Scene {
  readonly rig: Rig;
  readonly tab: Tab;
  readonly handles: ViewHandle[];
  readonly wishes: number[];
  readonly present: Set<string>;
}

async function take(one: Step, { rig, tab, handles, wishes, present }: Scene): Promise<void> {
  const { wire } = tab;
  switch (one.is) {
    case "put":
      present.add(one.name);
      rig.feeds.microservices.put(
        stored(microservice, one.name, {
          spec: { replicas: one.replicas },
          status: condition(one.replicas === 0 ? "NotReady" : "Ready", one.replicas === 0 ? "False" : "True"),
        }),
      );
      return;
    case "delete":
      if (present.delete(one.name)) rig.feeds.microservices.delete(`default/${one.name}`);
      return;
    case "ask":
      wishes[one.view] = one.wish;
      handles[one.view]?.change(WISHES[one.wish] as ViewWish);
      return;
    case "reopen":
      handles[0]?.close();
      handles[0] = tab.stream.open(WISHES[wishes[0] ?? 0] as ViewWish);
      return;
    case "cut":
      return wire?.cut();
    case "dead":
      if (wire !== undefined) wire.isDead = true;
      return;
    case "stall":
      if (wire !== undefined) wire.isStalled = true;
      return;
    case "read":
      if (wire !== undefined) wire.isStalled = false;
      return wire?.read();
    case "sleep":
      tab.sleep();
      await rig.pass(one.ms);
      return;
    case "wake":
      return tab.wake();
    case "pass":
      await rig.pass(one.ms);
  }
}

/** What React holds may be frozen, and rows that only moved are other objects. */
function plain(rows: unknown): unknown {
  return rows === undefined ? undefined : JSON.parse(JSON.stringify(rows));
}
