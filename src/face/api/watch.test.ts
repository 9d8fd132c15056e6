import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrreryError, ManualClock, OrreryError } from "#/base/index.ts";
import type { WatchEvent } from "#/state/store/index.ts";
import type { ServedObject } from "./collection.ts";
import type { SharedLine } from "./shared-line.ts";
import { WatcherCount, type WatchLinesOptions, watchLines } from "./watch.ts";

const added = (version: number, text = ""): WatchEvent<ServedObject> => ({
  type: "ADDED",
  object: { apiVersion: "v1", kind: "Thing", metadata: { name: `t${version}${text}`, resourceVersion: String(version) } },
});

function lines(open: WatchLinesOptions["open"], options: Partial<WatchLinesOptions> = {}): AsyncGenerator<string | SharedLine, void, undefined> {
  return watchLines({
    open,
    render: (object) => JSON.stringify(object),
    apiVersion: "v1",
    kind: "Thing",
    bookmarks: true,
    marksInitialEnd: false,
    timeoutMs: 1_000,
    clock: new ManualClock(),
    signal: new AbortController().signal,
    ...options,
  });
}

test("events of one turn go out in one piece, in order, and the end ends it", async () => {
  const pieces = await Array.fromAsync(
    lines(async function* () {
      yield added(1);
      yield added(2);
      yield { type: "BOOKMARK", resourceVersion: "3" };
    }),
  );
  assert.equal(pieces.length, 1);
  assert.deepEqual(
    pieces
      .join("")
      .trim()
      .split("\n")
      .map((line) => [JSON.parse(line).type, JSON.parse(line).object.metadata.resourceVersion]),
    [
      ["ADDED", "1"],
      ["ADDED", "2"],
      ["BOOKMARK", "3"],
    ],
  );
});

test("bookmarks come only where they are wanted, the end of the initial objects always", async () => {
  const open = async function* (): AsyncGenerator<WatchEvent<ServedObject>> {
    yield added(1);
    yield { type: "BOOKMARK", resourceVersion: "1" };
    yield { type: "BOOKMARK", resourceVersion: "2" };
  };
  assert.doesNotMatch((await Array.fromAsync(lines(open, { bookmarks: false }))).join(""), /BOOKMARK/);
  const marked = (await Array.fromAsync(lines(open, { bookmarks: false, marksInitialEnd: true }))).join("");
  assert.equal(marked.match(/BOOKMARK/g)?.length, 1);
  assert.match(marked, /"k8s.io\/initial-events-end":"true"/);
});

test("a failure is told as an ERROR event with its Status", async () => {
  const text = (
    await Array.fromAsync(
      // biome-ignore lint/correctness/useYield: it fails before its first event
      lines(async function* () {
        throw new OrreryError("store/gone", "too old", { retry: "after-reread" });
      }),
    )
  ).join("");
  assert.deepEqual([JSON.parse(text).type, JSON.parse(text).object.code], ["ERROR", 410]);
});

test("time limit and signal end it, and the source is told", async () => {
  for (const way of ["time", "signal"] as const) {
    const clock = new ManualClock();
    const stopping = new AbortController();
    const told = Promise.withResolvers<void>();
    const all = Array.fromAsync(
      lines(
        async function* (signal) {
          yield added(1);
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
          told.resolve();
        },
        { clock, signal: stopping.signal },
      ),
    );
    await new Promise((resolve) => setImmediate(resolve));
    if (way === "time") clock.advance(1_000);
    else stopping.abort();
    await told.promise;
    assert.equal((await all).length, 1);
  }
});

test("a reader that does not read holds the source back", async () => {
  let made = 0;
  const text = "x".repeat(10_000);
  const iterator = lines(async function* () {
    for (; made < 10_000; made++) yield added(made, text);
  });
  const first = await iterator.next();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(first.done, false);
  assert.ok(made < 100, `${made} events were made`);
  await iterator.return();
});

test("places are given back, and no user gets more than its own", () => {
  const count = new WatcherCount();
  const leave = Array.from({ length: 1_000 }, () => count.enter("eve"));
  assert.throws(
    () => count.enter("eve"),
    (error) => isOrreryError(error, "api/busy"),
  );
  const other = count.enter("bob");
  assert.equal(count.all, 1_001);
  leave[0]?.();
  leave[0] = count.enter("eve");
  for (const one of leave) one();
  other();
  assert.equal(count.all, 0);
});
