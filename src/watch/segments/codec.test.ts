import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader, ByteWriter, decodeColumn, encodeColumn } from "./codec.ts";

function roundTrip(values: readonly number[]): { readonly values: readonly number[]; readonly bytes: number; readonly read: number } {
  const out = new ByteWriter(16);
  encodeColumn(out, values);
  const bytes = out.bytes.slice();
  const reader = new ByteReader(bytes);
  const target = new Float64Array(values.length);
  decodeColumn(reader, values.length, target);
  return { values: [...target], bytes: bytes.length, read: reader.at };
}

const odd = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((value) => value / 1_000),
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, Number.MIN_VALUE, -7 * Number.MIN_VALUE, 2 ** 53, -(2 ** 50), 2 ** 50 + 1, 0.1, 1e300),
);

test("what was written is read, bit by bit, whatever the numbers", () => {
  fc.assert(
    fc.property(fc.array(odd, { maxLength: 400 }), (values) => {
      const { values: found, bytes, read } = roundTrip(values);
      assert.ok(
        values.every((value, index) => Object.is(value, found[index])),
        JSON.stringify(values),
      );
      assert.equal(read, bytes);
    }),
    { numRuns: 400 },
  );
});

test("whole numbers of any length are read as they were written", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -(2 ** 52), max: 2 ** 52 })), (values) => {
      const out = new ByteWriter(1);
      for (const value of values) out.signed(value);
      const reader = new ByteReader(out.bytes);
      assert.deepEqual(
        values.map(() => reader.signed()),
        values.map((value) => value + 0),
      );
    }),
  );
});

test("evenly taken times, counters and decimals take about a byte each, a constant nearly nothing", () => {
  const times = Array.from({ length: 240 }, (_, index) => 1_800_000_000_000 + index * 15_000);
  assert.ok(roundTrip(times).bytes < 260);
  const percent = Array.from({ length: 240 }, (_, index) => 30 + ((index * 7) % 11) / 10);
  assert.ok(roundTrip(percent).bytes < 500);
  assert.ok(roundTrip(Array.from({ length: 240 }, () => 42.5)).bytes < 10);
});
