import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Book, EMPTY_BOOK, hueOf, LINES_MAX, pauseBook, readJsonLines, resumeBook, takeLines, traceIn, utcTime } from "./book.ts";

const lines = (count: number) => Array.from({ length: count }, (_, index) => ({ instance: "a-0", text: String(index) }));
const numbers = (book: Book): number[] => [...book.shown, ...book.waiting].map((line) => line.number);

test("nothing moves while somebody reads, and nothing is lost when they go on", () => {
  const paused = takeLines(pauseBook(takeLines(EMPTY_BOOK, lines(3), true)), lines(2), false);
  assert.deepEqual([paused.shown.length, paused.waiting.length], [3, 2]);
  const resumed = resumeBook(paused);
  assert.deepEqual([resumed.shown.length, resumed.waiting.length, resumed.isPaused], [5, 0, false]);
  assert.deepEqual(numbers(resumed), [0, 1, 2, 3, 4]);
});

test("whatever comes and whoever pauses: order and names of lines hold, memory is bounded, every line is held or counted as gone", () => {
  const step = fc.oneof(
    fc.integer({ min: 0, max: 9_000 }).map((count) => (book: Book) => takeLines(book, lines(count), false)),
    fc.constant(pauseBook),
    fc.constant(resumeBook),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const book = steps.reduce((now, one) => one(now), EMPTY_BOOK);
      const held = numbers(book);
      assert.ok(book.shown.length <= LINES_MAX && book.waiting.length <= LINES_MAX);
      assert.equal(held.length + book.dropped, book.next);
      assert.ok(held.every((number, index) => index === 0 || number > (held[index - 1] ?? -1)));
      assert.ok(book.isPaused || book.waiting.length === 0);
    }),
    { numRuns: 60 },
  );
});

test("an answer to another question takes the place of all that stood there", () => {
  const book = takeLines(takeLines(EMPTY_BOOK, lines(5), true), lines(1), true);
  assert.deepEqual(numbers(book), [5]);
});

test("a request is found in a traceparent, in its id alone, and in the middle of a line; other numbers are none", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  assert.equal(traceIn(`00-${id}-00f067aa0ba902b7-01`), id);
  assert.equal(traceIn(` ${id.toUpperCase()} `), id);
  assert.equal(traceIn(`GET /x traceId="${id}" 200`), id);
  for (const none of ["", "abc", id.slice(1), `${id}a`, "0".repeat(32), "f".repeat(64)]) assert.equal(traceIn(none), undefined, none);
});

test("an instance has one colour, of those that there are", () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      assert.equal(hueOf(name), hueOf(name));
      assert.ok(Number.isInteger(hueOf(name)) && hueOf(name) >= 0 && hueOf(name) < 8);
    }),
  );
});

test("times of inputs are UTC, and what is none is left out", () => {
  assert.equal(utcTime("2026-11-30T19:50"), "2026-11-30T19:50:00.000Z");
  for (const none of ["", "yesterday", "2026-13-40T99:99", "2026-11-30"]) assert.equal(utcTime(none), undefined, none);
});

test("whatever the API answers is lines", () => {
  assert.deepEqual(readJsonLines('{"instance":"a","time":"2026-11-30T19:50:00.000Z","text":"x"}\n{"instance":"b","base64":"/w=="}\n'), [
    { instance: "a", at: "2026-11-30T19:50:00.000Z", text: "x" },
    { instance: "b", text: "\ufffd", isBinary: true },
  ]);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.jsonValue()), (body) => {
      for (const { instance, text } of readJsonLines(body)) assert.deepEqual([typeof instance, typeof text], ["string", "string"]);
    }),
  );
});
