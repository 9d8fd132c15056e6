import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sketchTable, type TableSketch } from "#/traffic/gateway/feed/table-sketch.ts";
import type { TryRow, TryView } from "../protocol.ts";
import { RequestTrial } from "./try-request.ts";

const SITE: TableSketch = {
  generations: { 1: { portal: "portal-v1", auth: "auth-v1" }, 2: { portal: "portal-v1", auth: "auth-v2" } },
  stamp: { generation: 1 },
  revisions: {
    "portal-v1": [{ instance: "portal-v1-0", port: 2_000, caller: "127.20.0.1" }],
    "auth-v1": [
      { instance: "auth-v1-0", port: 2_001, ready: false },
      { instance: "auth-v1-1", port: 2_002 },
    ],
    "auth-v2": [{ instance: "auth-v2-0", port: 2_003 }],
  },
  services: { portal: { port: 20_000 }, auth: { port: 20_001 } },
  routes: [
    { name: "auth", service: "auth", path: { prefix: "/auth" } },
    { name: "portal", service: "portal", path: { prefix: "/" } },
  ],
};
const gateway = { name: "edge", host: "h" };
const view = (more: Partial<TryView>): TryView => ({ of: "try", method: "GET", path: "/", ...more });
const codes = (row: TryRow | undefined): string[] => row?.why.map((one) => one.code) ?? [];

test("a request from outside: route, generation, revision, instance, and why", () => {
  const [row, ...more] = new RequestTrial(sketchTable(SITE), { gateway }).try(view({ path: "/auth/login?x=1" }));
  assert.deepEqual(more, []);
  assert.deepEqual(
    [row?.kind, row?.route?.name, row?.service, row?.generation, row?.revision, row?.instance],
    ["admitted", "auth", "auth", 1, "auth-v1", "auth-v1-1"],
  );
  assert.deepEqual(
    row?.candidates?.map((one) => [one.instance, one.isReady]),
    [
      ["auth-v1-0", false],
      ["auth-v1-1", true],
    ],
  );
  assert.deepEqual(codes(row), ["route", "stamped", "mapped", "balanced"]);
});

test("during a ramp both outcomes are told, with their shares; a key decides", () => {
  const ramped = { ...SITE, stamp: { generation: 1, ramp: { to: 2, share: 0.25 } } };
  const rows = new RequestTrial(sketchTable(ramped), { gateway }).try(view({ path: "/auth" }));
  assert.deepEqual(
    rows.map((one) => [one.share, one.generation, one.revision]),
    [
      [0.75, 1, "auth-v1"],
      [0.25, 2, "auth-v2"],
    ],
  );
  const keyed = { ...SITE, stamp: { generation: 1, ramp: { to: 2, share: 0.5, key: "header:X-User" } } };
  const trial = new RequestTrial(sketchTable(keyed), { gateway });
  const users = Array.from({ length: 40 }, (_, index) => trial.try(view({ path: "/auth", headers: { "X-User": `u${index}` } })));
  assert.ok(users.every((one) => one.length === 1));
  assert.equal(new Set(users.map(([one]) => one?.generation)).size, 2);
});

test("what is refused says what the client would be told", () => {
  const bare: TableSketch = { ...SITE, routes: [] };
  const [row] = new RequestTrial(sketchTable(bare), { gateway }).try(view({ path: "/auth" }));
  assert.deepEqual([row?.kind, row?.status, row?.code], ["refused", 404, "gateway/no-route"]);
  const [odd] = new RequestTrial(sketchTable(SITE), { gateway }).try(view({ path: "/a/../../b" }));
  assert.equal(odd?.code, "gateway/bad-request");
});

test("a call of a service: of its own generation, of one that is named, or of nobody", () => {
  const trial = new RequestTrial(sketchTable(SITE), { gateway });
  const [own] = trial.try(view({ caller: "portal", service: "auth", path: "/x" }));
  assert.deepEqual([own?.kind, own?.generation, own?.revision, codes(own)[0]], ["admitted", 1, "auth-v1", "caller"]);
  const [named] = trial.try(view({ caller: "portal", service: "auth", generation: 2 }));
  assert.deepEqual([named?.generation, named?.revision], [2, "auth-v2"]);
  assert.deepEqual(codes(trial.try(view({ caller: "portal", service: "auth", generation: 9 }))[0]), ["generation-not-open"]);
  assert.deepEqual(codes(trial.try(view({ caller: "nobody", service: "auth" }))[0]), ["no-caller"]);
  assert.deepEqual(codes(trial.try(view({ caller: "portal", service: "example.org" }))[0]), ["outside"]);
});

test("whatever is tried, the trial goes on, and leaves nothing behind", () => {
  const trial = new RequestTrial(sketchTable(SITE), { gateway });
  const text = fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom("/auth", "*", "http://auth/x", "auth", "portal", ""));
  const wish = fc.record(
    {
      method: fc.constantFrom("GET", "OPTIONS", "CONNECT", "PRI"),
      host: text,
      path: text,
      headers: fc.dictionary(text, text, { maxKeys: 3 }),
      caller: text,
      service: text,
      client: text,
      generation: fc.integer({ min: 0, max: 3 }),
    },
    { requiredKeys: ["method", "path"] },
  );
  fc.assert(
    fc.property(wish, (more) => {
      const rows = trial.try(view(more));
      assert.ok(rows.length >= 1 && rows.length <= 2);
      const [row] = trial.try(view({ path: "/auth" }));
      assert.equal(row?.instance, "auth-v1-1");
    }),
    { numRuns: 300 },
  );
});
