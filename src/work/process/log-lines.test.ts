import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { rotateLog } from "./log-file.ts";
import { LINE_BYTES_MAX, type LineOptions, readLogLines, type TimedLine } from "./log-lines.ts";
import { LogTimes, timesPath } from "./log-times.ts";

const root = mkdtempSync(path.join(tmpdir(), "orrery-lines-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A log, and its times by a clock that is set. */
function makeLog(): { readonly log: string; readonly times: LogTimes; at(ms: number): void; write(text: string | Buffer, ms: number): void } {
  const log = path.join(root, `${++count}.log`);
  let nowMs = 1000;
  const times = new LogTimes(log, () => nowMs);
  const at = (ms: number): void => {
    nowMs = ms;
  };
  return {
    log,
    times,
    at,
    write(text, ms) {
      at(ms);
      appendFileSync(log, text);
      times.note();
    },
  };
}

async function readAll(log: string, times: LogTimes, options: LineOptions = {}): Promise<TimedLine[]> {
  return (await Array.fromAsync(readLogLines(log, times, options))).flat();
}

const textOf = (lines: readonly TimedLine[]): string[] => lines.map((one) => one.bytes.toString("latin1"));

test("each line has the time at which its growth was seen, and since when it may have been written", async () => {
  const { log, times, write } = makeLog();
  write("one\n", 5000);
  write("two\nthr", 9000);
  write("ee\n", 9500);
  assert.deepEqual(
    (await readAll(log, times)).map(({ bytes, atMs, sinceMs }) => [bytes.toString(), atMs, sinceMs]),
    [
      ["one", 5000, 0],
      ["two", 9000, 5000],
      ["three", 9500, 9500],
    ].map(([text, at, since]) => [text, at, text === "three" ? 9000 : since]),
  );
});

test("what was written while nobody looked has a range of times, also after the notes were read again", async () => {
  const { log, times, write } = makeLog();
  write("before\n", 5000);
  times.end();
  appendFileSync(log, "while away\n");
  const again = new LogTimes(log, () => 70_000);
  again.note();
  again.end();
  const [first, second] = await readAll(log, new LogTimes(log, () => 80_000));
  assert.deepEqual([first?.atMs, second?.atMs, second?.sinceMs], [5000, 70_000, 5000]);
});

test("since and until take what may have been written then", async () => {
  const { log, times, write } = makeLog();
  for (let index = 0; index < 50; index++) write(`line ${index}\n`, 10_000 + index * 1000);
  const between = textOf(await readAll(log, times, { sinceMs: 20_000, untilMs: 25_000 }));
  // Line 16 was written after the look at 25 s, perhaps at once.
  assert.deepEqual(between, ["line 10", "line 11", "line 12", "line 13", "line 14", "line 15", "line 16"]);
  assert.deepEqual(textOf(await readAll(log, times, { sinceMs: 58_000, tailLines: 1 })), ["line 49"]);
  assert.deepEqual(await readAll(log, times, { sinceMs: 1_000_000 }), []);
});

test("a line without end is cut, and its cost grows with its length", async () => {
  const { log, times } = makeLog();
  writeFileSync(log, Buffer.alloc(60_000_000, "x"));
  appendFileSync(log, "\nafter\n");
  const beganMs = performance.now();
  const lines = await readAll(log, times);
  const tookMs = performance.now() - beganMs;
  assert.deepEqual(
    lines.map((one) => [one.bytes.length, one.cut]),
    [
      [LINE_BYTES_MAX, 60_000_000 - LINE_BYTES_MAX],
      [5, undefined],
    ],
  );
  assert.ok(tookMs < 10_000, `${tookMs} ms`);
});

test("lines are those that splitting the bytes gives, of whatever bytes, wherever they are rotated, with the tail of those that are wanted", async () => {
  const piece = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(piece, fc.boolean()), { maxLength: 25 }),
      fc.option(fc.nat({ max: 8 }), { nil: undefined }),
      fc.boolean(),
      async (pieces, tailLines, isFiltered) => {
        const { log, times, write } = makeLog();
        writeFileSync(log, "");
        const all: Buffer[] = [];
        let nowMs = 2000;
        for (const [bytes, isRotated] of pieces) {
          const line = Buffer.concat([bytes, Buffer.from("\n")]);
          nowMs += 10;
          write(line, nowMs);
          all.push(line);
          if (isRotated) await rotateLog(log, { bytesMax: 3, partsMax: 1000 }, times.knownEnd);
        }
        const whole = Buffer.concat(all).toString("latin1").split("\n");
        whole.pop();
        const isWanted = (text: string): boolean => text.includes("a");
        const expected = (isFiltered ? whole.filter(isWanted) : whole).slice(
          tailLines === undefined ? 0 : tailLines === 0 ? Number.POSITIVE_INFINITY : -tailLines,
        );
        const lines = await readAll(log, times, { tailLines, isWanted: isFiltered ? (bytes) => isWanted(bytes.toString("latin1")) : undefined });
        assert.deepEqual(textOf(lines), expected);
        for (const one of lines) assert.ok(one.atMs !== undefined && one.atMs > 2000);
      },
    ),
    { numRuns: 60 },
  );
});

test("following gives what was there, says so, and goes on, also through a rotation and after somebody has emptied the file", async () => {
  const { log, times, write } = makeLog();
  write("a".repeat(300).concat("\nbegin\n"), 2000);
  const stop = new AbortController();
  const got: string[] = [];
  for await (const lines of readLogLines(log, times, { follow: true, tailLines: 1, signal: stop.signal })) {
    got.push(...(lines.length === 0 ? ["(caught up)"] : textOf(lines)));
    if (lines.length === 0) write("first\n", 3000);
    if (got.at(-1) === "first") {
      await rotateLog(log, { bytesMax: 10 }, times.knownEnd);
      write("second\n", 4000);
    }
    if (got.at(-1) === "second") {
      truncateSync(log, 0);
      appendFileSync(log, "third\n");
      times.note();
      assert.equal(await rotateLog(log, { bytesMax: 10_000 }, times.knownEnd), "mended");
      write("fourth\n", 5000);
    }
    if (got.at(-1) === "fourth") stop.abort();
  }
  assert.deepEqual(got, ["begin", "(caught up)", "first", "second", "third", "fourth"]);
  // What was not rotated when the file was emptied is gone.
  assert.deepEqual(textOf(await readAll(log, times)).slice(1), ["begin", "first", "third", "fourth"]);
});

test("a file that was emptied before anything was rotated goes on in its places", async () => {
  const { log, times, write } = makeLog();
  write("one\ntwo\n", 2000);
  truncateSync(log, 0);
  appendFileSync(log, "three\n");
  assert.equal(await rotateLog(log, {}, times.knownEnd), "mended");
  write("four\n", 3000);
  assert.deepEqual(textOf(await readAll(log, times)).slice(-2), ["three", "four"]);
});

test("notes stay bounded, and what is thinned tells longer ranges", async () => {
  const { log, times, at } = makeLog();
  let text = "";
  for (let index = 1; index <= 45_000; index++) text += `${index * 2} ${index * 10}\n`;
  writeFileSync(timesPath(log), `${text}not a note\n5 5\n`);
  writeFileSync(log, "x\n".repeat(45_000));
  at(1_000_000);
  const again = new LogTimes(log, () => 1_000_000);
  await again.tidy();
  assert.ok(again.list().length < 35_000);
  const lines = await readAll(log, again);
  assert.equal(lines.length, 45_000);
  for (const [index, { atMs = 0, sinceMs = 0 }] of lines.entries())
    assert.ok(sinceMs <= (index + 1) * 10 && atMs >= (index + 1) * 10, `${index}: ${sinceMs} to ${atMs}`);
  assert.deepEqual([lines.at(-1)?.atMs, lines.at(-1)?.sinceMs], [450_000, 449_990]);
  times.end();
});
