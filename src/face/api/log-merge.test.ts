import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "#/base/index.ts";
import type { LogLine } from "#/state/link/index.ts";
import { LogMerge } from "./log-merge.ts";

async function* batches(...all: readonly (readonly LogLine[])[]): AsyncGenerator<readonly LogLine[]> {
  for (const one of all) {
    await new Promise((resolve) => setImmediate(resolve));
    yield one;
  }
}

const merge = async (sources: Readonly<Record<string, AsyncIterable<readonly LogLine[]>>>, isFollowing = false): Promise<string[]> => {
  const merged = new LogMerge<string>(systemClock, isFollowing);
  for (const [owner, source] of Object.entries(sources)) merged.add(owner, source);
  merged.seal();
  return (await Array.fromAsync(merged)).flat().map(({ owner, line }) => `${owner} ${line.text}`);
};

test("lines of several sources come in the order of their times; one without a time right after the one before it", async () => {
  assert.deepEqual(
    await merge({
      a: batches(
        [
          { text: "1", atMs: 1 },
          { text: "5", atMs: 5 },
        ],
        [{ text: "of 5" }, { text: "9", atMs: 9 }],
      ),
      b: batches([{ text: "2", atMs: 2 }], [{ text: "6", atMs: 6 }]),
    }),
    ["a 1", "b 2", "a 5", "a of 5", "b 6", "a 9"],
  );
});

test("any sources give all lines, each source in its own order, and in the order of times where these rise", async () => {
  const source = fc.array(fc.array(fc.nat({ max: 50 }), { maxLength: 5 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.array(source, { maxLength: 5 }), async (all) => {
      const sorted = all.map((parts) => {
        const times = parts.flat().sort((x, y) => x - y);
        let from = 0;
        return parts.map((part) => {
          from += part.length;
          return times.slice(from - part.length, from);
        });
      });
      const lines = await merge(
        Object.fromEntries(
          sorted.map((parts, index) => [`s${index}`, batches(...parts.map((part) => part.map((atMs) => ({ text: String(atMs), atMs }))))]),
        ),
      );
      const times = lines.map((line) => Number(line.split(" ")[1]));
      assert.deepEqual(
        times,
        times.toSorted((x, y) => x - y),
      );
      for (const [index, parts] of sorted.entries())
        assert.deepEqual(
          lines.filter((line) => line.startsWith(`s${index} `)).map((line) => Number(line.split(" ")[1])),
          parts.flat(),
        );
    }),
    { numRuns: 50 },
  );
});

test("a source that fails says so in a line and does not stop the others", async () => {
  const lines = await merge({
    a: (async function* () {
      yield [{ text: "one", atMs: 1 }];
      throw new Error("agent is gone");
    })(),
    b: batches([{ text: "eins", atMs: 2 }]),
  });
  assert.deepEqual(lines.sort(), ["a (cannot be read: agent is gone)", "a one", "b eins"]);
});

test("while following, a source that is quiet holds the others back for a moment only", { timeout: 10_000 }, async () => {
  const merged = new LogMerge<string>(systemClock, true);
  const quiet = Promise.withResolvers<void>();
  merged.add(
    "quiet",
    (async function* () {
      yield [];
      await quiet.promise;
    })(),
  );
  merged.add(
    "busy",
    (async function* () {
      yield [{ text: "1", atMs: 1 }];
      yield [];
      yield [{ text: "2", atMs: 2 }];
    })(),
  );
  const got: string[] = [];
  for await (const lines of merged) {
    got.push(...lines.map(({ line }) => line.text));
    if (got.length === 2) break;
  }
  assert.deepEqual(got, ["1", "2"]);
  quiet.resolve();
});

test("while following, many lines of one source are not held back one after the other by one that is quiet", { timeout: 10_000 }, async () => {
  const merged = new LogMerge<string>(systemClock, true);
  const quiet = Promise.withResolvers<void>();
  merged.add(
    "quiet",
    (async function* () {
      yield [];
      await quiet.promise;
    })(),
  );
  const wanted = Array.from({ length: 200 }, (_, index) => String(index));
  merged.add(
    "busy",
    (async function* () {
      yield [];
      for (const text of wanted) yield [{ text, atMs: Number(text) }];
    })(),
  );
  const got: string[] = [];
  for await (const lines of merged) {
    got.push(...lines.map(({ line }) => line.text));
    if (got.length === wanted.length) break;
  }
  assert.deepEqual(got, wanted);
  quiet.resolve();
});

test("while following, too, what nobody takes is read ahead within a bound", async () => {
  let made = 0;
  const merged = new LogMerge<string>(systemClock, true);
  merged.add(
    "a",
    (async function* () {
      for (;;) yield [{ text: made % 2 === 0 ? "" : "x".repeat(1000), atMs: made++ }];
    })(),
  );
  const iterator = merged[Symbol.asyncIterator]();
  await iterator.next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(made < 500, `${made} were made for one that was read`);
  await iterator.return();
});

test("a source is read on only when what it gave was taken", async () => {
  let made = 0;
  const merged = new LogMerge<string>(systemClock, false);
  merged.add(
    "a",
    (async function* () {
      for (;;) yield [{ text: String(made++), atMs: 1 }];
    })(),
  );
  const iterator = merged[Symbol.asyncIterator]();
  for (let read = 0; read < 3; read++) await iterator.next();
  assert.ok(made <= 5, `${made} were made for 3 that were read`);
  await iterator.return();
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(made <= 6);
});
