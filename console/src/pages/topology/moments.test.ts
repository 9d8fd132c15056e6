import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallsRow, ViewRow } from "../../../../src/face/views/protocol.ts";
import { Moments } from "./moments.ts";

const rows = (): readonly ViewRow<CallsRow>[] => [];

test("the moment of a time is the last that began by then; before the first there is none", () => {
  const moments = new Moments();
  const [one, two] = [rows(), rows()];
  moments.add("q", { atMs: 1_000, rows: one });
  moments.add("q", { atMs: 2_000, rows: two });
  assert.equal(moments.at(999), undefined);
  assert.equal(moments.at(1_999)?.rows, one);
  assert.equal(moments.at(9_000)?.rows, two);
});

test("what did not change is no new moment, what comes within a second takes the place of the one before, another question begins anew", () => {
  const moments = new Moments();
  const same = rows();
  assert.equal(moments.add("q", { atMs: 0, rows: same }), true);
  assert.equal(moments.add("q", { atMs: 5_000, rows: same }), false);
  moments.add("q", { atMs: 6_000, rows: rows() });
  moments.add("q", { atMs: 6_250, rows: rows() });
  assert.deepEqual(
    moments.list.map(({ atMs }) => atMs),
    [0, 6_000],
  );
  moments.add("other", { atMs: 7_000, rows: rows() });
  assert.deepEqual(
    moments.list.map(({ atMs }) => atMs),
    [7_000],
  );
});

test("a day costs what a quarter of an hour does", () => {
  const moments = new Moments();
  for (let second = 0; second < 5_000; second++) moments.add("q", { atMs: second * 1_000, rows: rows() });
  assert.equal(moments.list.length, 900);
  assert.equal(moments.list.at(-1)?.atMs, 4_999_000);
});
