import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { isOrreryError, seededRandom } from "#/base/index.ts";
import {
  formatB3,
  formatGenerationHeader,
  formatLink,
  formatTraceparent,
  makeSpanId,
  makeTraceId,
  parseLink,
  parseTraceKey,
  parseTraceparent,
  readContext,
  readGenerationHeader,
  readTraceId,
} from "./index.ts";

const key = parseTraceKey("00112233445566778899aabbccddeeff");
const mark = fc.record(
  { generation: fc.integer({ min: 1, max: 0xffffffff }), incarnation: fc.integer({ min: 0, max: 0xffff }) },
  { noNullPrototype: true },
);
const seed = fc.integer();
const hexDigits = (length: number) => fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });

test("a trace id tells the generation and incarnation that it was made with, through every carrier", () => {
  fc.assert(
    fc.property(mark, seed, (made, start) => {
      const random = seededRandom(start);
      const ids = { traceId: makeTraceId(key, made, random), spanId: makeSpanId(random), isSampled: true };
      assert.match(ids.traceId, /^6f72[0-9a-f]{28}$/);
      assert.match(ids.spanId, /^[0-9a-f]{16}$/);
      assert.deepEqual(readTraceId(key, ids.traceId), made);
      assert.deepEqual(readGenerationHeader(key, formatGenerationHeader(key, made)), made);
      for (const carriers of [
        { traceparent: formatTraceparent(ids) },
        { b3: formatB3(ids) },
        { b3TraceId: ids.traceId, b3SpanId: ids.spanId, b3Sampled: "1" },
      ]) {
        const context = readContext(key, carriers);
        assert.equal(context.kind, "labelled");
        assert.deepEqual(context.kind === "labelled" && [context.generation, context.incarnation, context.ids?.traceId, context.ids?.spanId], [
          made.generation,
          made.incarnation,
          ids.traceId,
          ids.spanId,
        ]);
      }
    }),
  );
});

test("the bytes stand where they are promised", () => {
  const id = makeTraceId(key, { generation: 0x01020304, incarnation: 0xaabb }, seededRandom(1));
  assert.equal(id.slice(0, 16), "6f7201020304aabb");
});

test("any change of mark, generation, incarnation or check is caught with the chance that one byte gives", () => {
  let caught = 0;
  const tries = 20_000;
  const random = seededRandom(7);
  for (let index = 0; index < tries; index++) {
    const id = makeTraceId(key, { generation: 1 + Math.floor(random.next() * 1e6), incarnation: index & 0xffff }, random);
    const at = 4 + Math.floor(random.next() * 14);
    const digit = ((Number.parseInt(id[at] ?? "", 16) + 1 + Math.floor(random.next() * 15)) % 16).toString(16);
    if (typeof readTraceId(key, id.slice(0, at) + digit + id.slice(at + 1)) === "string") caught++;
  }
  assert.ok(caught / tries > 0.985, `${caught} of ${tries}`);
});

test("an id made with another key is refused but by chance", () => {
  const other = parseTraceKey("ffffffffffffffff0000000000000000");
  const random = seededRandom(3);
  let passed = 0;
  for (let generation = 1; generation <= 5000; generation++)
    if (typeof readTraceId(key, makeTraceId(other, { generation, incarnation: 1 }, random)) !== "string") passed++;
  assert.ok(passed < 60, `${passed} of 5000`);
});

test("foreign, truncated, malformed and forged contexts are none, with the reason", () => {
  const span = "b7ad6b7169203331";
  const ours = makeTraceId(key, { generation: 5, incarnation: 1 }, seededRandom(1));
  const flipped = ours.slice(0, 17) + (ours[17] === "0" ? "1" : "0") + ours.slice(18);
  const reasonOf = (carriers: Parameters<typeof readContext>[1]): string => {
    const context = readContext(key, carriers);
    return context.kind === "none" ? context.reason : context.kind;
  };
  assert.equal(reasonOf({}), "absent");
  assert.equal(reasonOf({ b3: "0" }), "absent");
  assert.equal(reasonOf({ traceparent: `00-0af7651916cd43dd8448eb211c80319c-${span}-01` }), "foreign");
  assert.equal(reasonOf({ b3TraceId: ours.slice(16), b3SpanId: span }), "truncated");
  assert.equal(reasonOf({ b3: `${ours.slice(16)}-${span}-1` }), "truncated");
  assert.equal(reasonOf({ traceparent: `00-${flipped}-${span}-01` }), "forged");
  assert.equal(reasonOf({ traceparent: `00-${ours.slice(0, 30)}-${span}-01` }), "malformed");
  assert.equal(reasonOf({ traceparent: `00-${ours.toUpperCase()}-${span}-01` }), "malformed");
  assert.equal(reasonOf({ traceparent: `ff-${ours}-${span}-01` }), "malformed");
  assert.equal(reasonOf({ traceparent: `00-${ours}-${span}-01-extra` }), "malformed");
  assert.equal(reasonOf({ traceparent: `00-${ours}-0000000000000000-01` }), "malformed");
  assert.equal(reasonOf({ traceparent: `00-${"0".repeat(32)}-${span}-01` }), "malformed");
  assert.equal(reasonOf({ b3: `${ours}-${span}-1-${span}-x` }), "malformed");
  assert.equal(reasonOf({ b3TraceId: ours }), "malformed");
  assert.equal(reasonOf({ generation: "0-0001-00" }), "malformed");
  assert.equal(reasonOf({ generation: "99999999999-0001-00" }), "malformed");
  assert.equal(reasonOf({ traceparent: `01-${ours}-${span}-01-future` }), "labelled");
});

test("a restarted or shortened trace keeps its generation by the second carrier, and the other trace as a link", () => {
  const foreign = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", isSampled: true };
  const context = readContext(key, {
    traceparent: formatTraceparent(foreign),
    generation: formatGenerationHeader(key, { generation: 9, incarnation: 2 }),
  });
  assert.deepEqual(context, {
    kind: "labelled",
    generation: 9,
    incarnation: 2,
    ids: undefined,
    link: foreign,
    held: { traceparent: false, b3: false, b3Multi: false, generation: true },
  });
});

test("carriers that name different generations are a conflict, not a guess", () => {
  const random = seededRandom(5);
  const seven = { traceId: makeTraceId(key, { generation: 7, incarnation: 1 }, random), spanId: makeSpanId(random) };
  const eight = { traceId: makeTraceId(key, { generation: 8, incarnation: 1 }, random), spanId: makeSpanId(random) };
  assert.deepEqual(readContext(key, { traceparent: formatTraceparent(seven), b3: formatB3(eight) }), { kind: "conflict", generations: [7, 8] });
});

test("a carrier that is given more than once counts as long as no two values name different generations", () => {
  const values = fc.array(
    fc.record({
      carrier: fc.constantFrom("traceparent", "b3", "b3TraceId", "generation"),
      which: fc.constantFrom("seven", "eight", "foreign", "nonsense"),
    } as const),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(values, seed, (given, start) => {
      const random = seededRandom(start);
      const make = (generation: number) => ({ traceId: makeTraceId(key, { generation, incarnation: 1 }, random), spanId: makeSpanId(random) });
      const foreign = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
      const repeated = given.map(({ carrier, which }) => {
        if (which === "nonsense") return { carrier, value: which };
        const ids = which === "foreign" ? foreign : make(which === "seven" ? 7 : 8);
        if (carrier === "generation")
          return {
            carrier,
            value: which === "foreign" ? "7-0001" : formatGenerationHeader(key, { generation: which === "seven" ? 7 : 8, incarnation: 1 }),
          };
        return { carrier, value: carrier === "traceparent" ? formatTraceparent(ids) : carrier === "b3" ? formatB3(ids) : ids.traceId };
      });
      const named = new Set(given.map((one) => one.which));
      const last = readContext(key, { traceparent: formatTraceparent(make(7)), repeated });
      if (named.has("eight")) assert.deepEqual(last, { kind: "conflict", generations: [7, 8] });
      else assert.equal(last.kind === "labelled" && last.generation, 7);
      const before = readContext(key, { traceparent: formatTraceparent(foreign), repeated });
      const kind = named.has("seven") && named.has("eight") ? "conflict" : named.has("seven") || named.has("eight") ? "labelled" : "none";
      assert.equal(before.kind, kind);
    }),
  );
});

test("two traces of one generation: the first is followed, the other carrier counts as not held", () => {
  const random = seededRandom(6);
  const make = () => ({ traceId: makeTraceId(key, { generation: 7, incarnation: 1 }, random), spanId: makeSpanId(random) });
  const [first, second] = [make(), make()];
  const context = readContext(key, { traceparent: formatTraceparent(first), b3: formatB3(second) });
  assert.equal(context.kind === "labelled" && context.ids?.traceId, first.traceId);
  assert.deepEqual(context.kind === "labelled" && context.held, { traceparent: true, b3: false, b3Multi: false, generation: false });
});

test("the caller's trace is found again in tracestate", () => {
  fc.assert(
    fc.property(hexDigits(32), hexDigits(16), (traceId, spanId) => {
      fc.pre(!/^0+$/.test(traceId) && !/^0+$/.test(spanId));
      assert.deepEqual(parseLink(`vendor=x, ${formatLink({ traceId, spanId })} ,other=y`), { traceId, spanId });
    }),
  );
  assert.equal(parseLink("vendor=orrery"), undefined);
});

test("random text never throws and hardly ever is a context", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (traceparent, b3, b3TraceId, generation) => {
      const context = readContext(key, { traceparent, b3, b3TraceId, b3SpanId: b3, generation });
      assert.equal(context.kind, "none");
      assert.equal(parseTraceparent(traceparent), undefined);
    }),
  );
});

test("a key that is not 32 hex digits is refused", () => {
  assert.throws(
    () => parseTraceKey("abc"),
    (error) => isOrreryError(error, "trace/key"),
  );
});
