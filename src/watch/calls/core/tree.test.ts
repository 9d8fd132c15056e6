import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildTree, type CallNode, chooseCalls, type GatheredCall } from "./tree.ts";

const START = Date.parse("2030-01-01T00:00:00Z");
const call = (service: string, from: string | undefined, startMs: number, durationMs: number, more: Partial<GatheredCall> = {}): GatheredCall => ({
  time: new Date(START + startMs).toISOString(),
  durationMs,
  role: from === undefined ? "edge" : "host",
  method: "GET",
  host: service,
  path: "/",
  status: 200,
  bytesOut: 0,
  caller: from ?? "",
  ...(from !== undefined && { callerInstance: `${from}-0` }),
  service,
  instance: `${service}-0`,
  gateway: "main",
  gatewayHost: "h1",
  ...more,
});
const draw = (nodes: readonly CallNode[]): unknown =>
  nodes.map(({ call: one, hole, skewMs, candidates, children }) => [
    one?.service ?? `hole: ${hole?.message}`,
    ...(skewMs === undefined ? [] : [`skew ${skewMs}`]),
    ...(candidates === undefined ? [] : [`of ${candidates}`]),
    ...(draw(children) as unknown[]),
  ]);

test("a request is a tree of its calls, by who called and when, whatever the order in which they come", () => {
  const calls = [
    call("portal", undefined, 0, 100),
    call("auth", "portal", 10, 30),
    call("store", "auth", 15, 5),
    call("predictor", "portal", 50, 40),
    call("store", "predictor", 60, 5),
  ];
  const expected = [["portal", ["auth", ["store"]], ["predictor", ["store"]]]];
  fc.assert(fc.property(fc.shuffledSubarray(calls, { minLength: calls.length }), (some) => assert.deepEqual(draw(buildTree(some)), expected)));
});

test("two calls that one instance serves one after the other have each their own; at the same time, the likeliest is shown and how many may be", () => {
  const first = [call("portal", undefined, 0, 100), call("auth", "portal", 10, 20), call("auth", "portal", 50, 20), call("store", "auth", 55, 5)];
  assert.deepEqual(draw(buildTree(first)), [["portal", ["auth"], ["auth", ["store"]]]]);
  const both = [call("portal", undefined, 0, 100), call("auth", "portal", 10, 50), call("auth", "portal", 20, 50), call("store", "auth", 30, 5)];
  assert.deepEqual(draw(buildTree(both)), [["portal", ["auth"], ["auth", ["store", "of 2"]]]]);
});

test("clocks that are apart are told and not corrected", () => {
  const there = { gateway: "other", gatewayHost: "h2" };
  const calls = [call("portal", undefined, 0, 20), call("auth", "portal", -300, 10, there), call("store", "auth", -297, 2, there)];
  assert.deepEqual(draw(buildTree(calls)), [["portal", ["auth", "skew 300", ["store"]]]]);
  assert.equal(buildTree(calls)[0]?.children[0]?.call?.time, calls[1]?.time);
});

test("what was not recorded is a hole, below the request where there is one", () => {
  assert.deepEqual(draw(buildTree([call("portal", undefined, 0, 100), call("store", "auth", 15, 5)])), [
    ["portal", ["hole: auth-0 served a call here that was not recorded, or not kept", ["store"]]],
  ]);
  const { callerInstance: _, ...unknown } = call("store", "?", 5, 5);
  assert.deepEqual(draw(buildTree([unknown])), [["hole: called by somebody who is not known", ["store"]]]);
  assert.deepEqual(buildTree([]), []);
});

test("every call stands in the tree once, also where services call themselves and clocks are wrong", () => {
  const some = fc.array(
    fc.record({
      service: fc.constantFrom("a", "b"),
      from: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
      start: fc.integer({ min: 0, max: 20 }),
      duration: fc.integer({ min: 0, max: 20 }),
      gateway: fc.constantFrom("g1", "g2"),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(some, (given) => {
      const calls = given.map(({ service, from, start, duration, gateway }) =>
        call(service, from, start, duration, { gateway, gatewayHost: gateway }),
      );
      const seen: (GatheredCall | undefined)[] = [];
      const walk = (nodes: readonly CallNode[]): void => {
        for (const node of nodes) {
          if (node.call !== undefined) seen.push(node.call);
          walk(node.children);
        }
      };
      walk(buildTree(calls));
      assert.equal(seen.length, calls.length);
      assert.equal(new Set(seen).size, calls.length);
    }),
  );
});

test("of a request with too many calls its begin and what failed in it are shown", () => {
  const many = Array.from({ length: 50 }, (_, index) => call("store", "portal", 10 + index, 1, index === 40 ? { status: 500 } : {}));
  const all = [...many.toReversed(), call("portal", undefined, 0, 100)];
  const chosen = chooseCalls(all, 10);
  assert.equal(chosen.length, 10);
  assert.deepEqual(
    chosen.slice(0, 3).map(({ service, status }) => [service, status]),
    [
      ["portal", 200],
      ["store", 500],
      ["store", 200],
    ],
  );
  assert.equal(chooseCalls(all, 100), all);
});
