import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyChange, type ClientCopy, takeWhole } from "./client-copy.ts";
import { LiveQuery, type QueryRules } from "./live-query.ts";
import { compareKeys, sortKeyOf } from "./sort-key.ts";
import { findChange, type Shown } from "./window-change.ts";

interface Row {
  readonly value: unknown;
  readonly isIn: boolean;
}

const rules: QueryRules<Row> = { matches: (row) => row.isIn, rankOf: (row) => sortKeyOf(row.value) };

/** The answer computed afresh: filtered, sorted as a whole, cut. */
function answer(rows: ReadonlyMap<string, Row>, isDescending: boolean, offset: number, limit: number): Shown[] {
  return [...rows]
    .filter(([, row]) => row.isIn)
    .sort(([a, one], [b, two]) => compareKeys(sortKeyOf(one.value), sortKeyOf(two.value), isDescending) || (a < b ? -1 : 1))
    .slice(offset, offset + limit)
    .map(([key, row]) => ({ key, text: JSON.stringify(row) }));
}

const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom("", "a", "A", "a2", "a10", "zz"), fc.boolean(), fc.constant(undefined));
const change = fc.record({
  key: fc.integer({ min: 0, max: 40 }).map((number) => `key-${number}`),
  row: fc.option(fc.record({ value, isIn: fc.boolean() }), { nil: undefined, freq: 5 }),
});

test("a client that applies the changes has what the whole query, computed afresh, answers", () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 80 }),
      fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 8 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 0, max: 15 }),
      (first, batches, isDescending, offset, limit) => {
        const rows = new Map<string, Row>();
        for (const { key, row } of first) row === undefined ? rows.delete(key) : rows.set(key, row);
        const query = new LiveQuery({ ...rules, isDescending }, rows);
        const shown = (): Shown[] => query.window(offset, limit).map(({ key, row }) => ({ key, text: JSON.stringify(row) }));
        let former = shown();
        const whole = former.map(({ key, text }, at) => ({ key, index: offset + at, row: text }));
        let copy: ClientCopy<string> = takeWhole({ id: "one", rev: 0, total: query.size, offset, rows: whole });
        for (const [rev, batch] of batches.entries()) {
          for (const { key, row } of batch) {
            row === undefined ? rows.delete(key) : rows.set(key, row);
            query.put(key, row);
          }
          const present = shown();
          const found = findChange(former, present);
          former = present;
          const put = (found?.put ?? []).map(({ key, at, ...more }) => ({
            key,
            index: offset + at,
            ...(more.text !== undefined && { row: more.text }),
          }));
          copy = applyChange(copy, { id: "one", rev: rev + 1, total: query.size, put, gone: found?.gone ?? [] });
          const wanted = answer(rows, isDescending, offset, limit);
          assert.deepEqual(
            copy.rows,
            wanted.map(({ key, text }, at) => ({ key, index: offset + at, row: text })),
          );
          assert.equal(copy.total, [...rows.values()].filter((row) => row.isIn).length);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a change of thousands of rows stays in order: blocks are cut and joined", () => {
  const rows = new Map<string, Row>();
  const query = new LiveQuery<Row>(rules, rows);
  const put = (key: string, row: Row | undefined): void => {
    row === undefined ? rows.delete(key) : rows.set(key, row);
    query.put(key, row);
  };
  for (let index = 0; index < 5_000; index++) put(`k${index}`, { value: (index * 7919) % 1_000, isIn: true });
  for (let index = 0; index < 5_000; index += 3) put(`k${index}`, { value: (index * 104_729) % 1_000, isIn: index % 2 === 0 });
  for (let index = 0; index < 4_900; index++) if (index % 50 !== 0) put(`k${index}`, undefined);
  const seen = query.window(0, 10_000).map(({ key, row }) => ({ key, text: JSON.stringify(row) }));
  assert.deepEqual(seen, answer(rows, false, 0, 10_000));
  assert.deepEqual(
    query.window(90, 20).map((one) => one.key),
    answer(rows, false, 90, 20).map((one) => one.key),
  );
});

test("a change of a window says no more than is needed", () => {
  const shown = (keys: string): Shown[] => [...keys].map((key) => ({ key, text: `"${key}"` }));
  assert.equal(findChange(shown("abc"), shown("abc")), undefined);
  assert.deepEqual(findChange(shown("abcd"), shown("xabc")), { put: [{ key: "x", at: 0, text: '"x"' }], gone: ["d"] });
  assert.deepEqual(findChange(shown("abcd"), shown("bcda")), { put: [{ key: "a", at: 3 }], gone: [] });
  assert.deepEqual(findChange(shown("ab"), [shown("a")[0] as Shown, { key: "b", text: '"B"' }]), {
    put: [{ key: "b", at: 1, text: '"B"' }],
    gone: [],
  });
  assert.deepEqual(findChange([], shown("a")), { put: [{ key: "a", at: 0, text: '"a"' }], gone: [] });
});

test("numbers within texts count as numbers, and what is missing comes last whichever way", () => {
  const order = (isDescending: boolean): unknown[] =>
    ["v10", undefined, "V2", 7, "", "v1", [], ["v3"], { a: 1 }, [{}]].toSorted((a, b) => compareKeys(sortKeyOf(a), sortKeyOf(b), isDescending));
  assert.deepEqual(order(false).slice(0, 5), [7, "v1", "V2", ["v3"], "v10"]);
  assert.deepEqual(order(true).slice(0, 5), ["v10", ["v3"], "V2", "v1", 7]);
});

const LONG = 3_000;

test("of a long list, whatever part is looked at in whatever order, while it changes, is what sorting all of it gives", () => {
  const step = fc.record({
    offset: fc.nat(LONG),
    limit: fc.nat(80),
    changes: fc.array(fc.record({ number: fc.nat(LONG + 50), value: fc.nat(500), isIn: fc.boolean() }), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(
      fc.constantFrom("rising", "falling", "mixed", "few", "comb"),
      fc.boolean(),
      fc.array(step, { maxLength: 12 }),
      (order, isDescending, steps) => {
        const rankOf = (index: number): number =>
          ({ rising: index, falling: -index, mixed: (index * 7_919) % LONG, few: index % 3, comb: index % 333 === 0 ? 0 : LONG - index })[order];
        const rows = new Map(Array.from({ length: LONG }, (_, index): [string, Row] => [`key-${index}`, { value: rankOf(index), isIn: true }]));
        const query = new LiveQuery({ ...rules, isDescending }, rows);
        for (const { offset, limit, changes } of steps) {
          const found = query.window(offset, limit).map(({ key, row }) => ({ key, text: JSON.stringify(row) }));
          assert.deepEqual(found, answer(rows, isDescending, offset, limit));
          for (const { number, ...row } of changes) {
            rows.set(`key-${number}`, row);
            query.put(`key-${number}`, row);
          }
        }
        assert.deepEqual(
          query.window(0, LONG * 2).map(({ key }) => key),
          answer(rows, isDescending, 0, LONG * 2).map(({ key }) => key),
        );
        assert.equal(query.size, answer(rows, isDescending, 0, LONG * 2).length);
      },
    ),
    { numRuns: 40 },
  );
});

test("the first page of a long list costs a few looks at each row, not the sorting of all", () => {
  let looks = 0;
  class Rank {
    readonly #value: number;
    constructor(value: number) {
      this.#value = value;
    }
    [Symbol.toPrimitive](): number {
      looks += 1;
      return this.#value;
    }
  }
  const rows = Array.from({ length: 10_000 }, (_, index): [string, Rank] => [`key-${index}`, new Rank((index * 7_919) % 10_000)]);
  const query = new LiveQuery<Rank>({ rankOf: (row) => row as unknown as number }, rows);
  assert.equal(query.window(0, 60).length, 60);
  assert.ok(looks / 2 < 6 * rows.length, `${looks / 2} comparisons`);
});
