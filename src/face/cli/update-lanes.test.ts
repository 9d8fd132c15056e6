import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpdateView } from "#/face/views/lanes/index.ts";
import { gateway, generation, instance, revision, site, update } from "#/model/index.ts";
import type { Answer, Client, ClientRequest } from "#/state/client/index.ts";
import { objectPath } from "./kubernetes.ts";
import { textWidth } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { drawUpdates } from "./update-lanes.ts";
import { loadUpdateView } from "./update-view.ts";

const NOW = Date.parse("2030-01-01T00:00:02Z");
const SINCE = "2030-01-01T00:00:00.000Z";
const terminal = (columns: number): Terminal =>
  ({ columns, isTerminal: true, command: "./orrery", dataOption: "", paint: (_: unknown, text: string) => text }) as unknown as Terminal;

const report = (held: number, edge: number): object => ({
  incarnation: 1,
  position: { version: 9 },
  counts: [{ generation: 5, edge, outbound: 0, inbound: 0 }],
  held: { now: held, total: held },
});

/** A site that hands auth over: generation 6 is held for. */
async function view(
  stamp: object,
  phases: readonly [string, string],
  gateways = ["main", "second", "third"],
  { moves = [], ready = ["auth-v1", "auth-v2", "portal-v1"] }: { readonly moves?: readonly object[]; readonly ready?: readonly string[] } = {},
): Promise<UpdateView> {
  const map = { auth: "auth-v1", portal: "portal-v1" };
  const lists = new Map<string, readonly object[]>([
    [
      objectPath(site),
      [
        {
          metadata: { name: "site" },
          spec: { hold: "5s" },
          status: {
            stamp,
            moves,
            generations: [
              { number: 5, phase: phases[0], since: SINCE },
              { number: 6, phase: phases[1], since: SINCE, update: "u" },
            ],
          },
        },
      ],
    ],
    [objectPath(generation), [{ spec: { number: 5, map } }, { spec: { number: 6, map: { ...map, auth: "auth-v2" } } }]],
    [objectPath(revision), ["v1", "v2"].map((version) => ({ metadata: { name: `auth-${version}` }, spec: { template: { version } } }))],
    [
      objectPath(instance),
      ["auth-v1", "auth-v2", "portal-v1"].map((name) => ({
        metadata: { name: `${name}-0` },
        spec: { service: name.slice(0, -3), revision: name },
        status: { ready: ready.includes(name) },
      })),
    ],
    [objectPath(gateway), gateways.map((name) => ({ metadata: { name } }))],
    [
      objectPath(update),
      [
        {
          metadata: { name: "u", creationTimestamp: SINCE },
          spec: { services: [{ name: "auth", to: "v2" }], strategy: "quiescence" },
          status: {
            phase: phases[1],
            generation: 6,
            by: "ann",
            conditions: [{ type: "Consistent", status: "False", reason: "CompatibleHandover", message: "one may meet two revisions" }],
          },
        },
      ],
    ],
    [
      "/live/gateways",
      [
        { key: "main", value: report(3, 2) },
        { key: "second", value: report(1, 0) },
      ],
    ],
  ]);
  const request = async (one: ClientRequest): Promise<Answer> => ({
    status: 200,
    headers: {},
    body: { items: lists.get(one.path) ?? assert.fail(one.path) },
  });
  return loadUpdateView({ request } as unknown as Client, undefined, NOW);
}

const shares = (seen: UpdateView, service: string): unknown =>
  seen.lanes.find((one) => one.service === service)?.bars.map((bar) => [bar.revision, bar.share, bar.isAwaited === true]);

test("while new transactions are held, nobody new meets the old revision, and the new one has a bar of its own", async () => {
  const seen = await view({ generation: 5, hold: { to: 6, services: ["auth"], since: SINCE } }, ["Active", "Holding"]);
  assert.deepEqual(seen.hold, { to: 6, services: ["auth"], since: SINCE, until: "2030-01-01T00:00:05.000Z", transactions: 4 });
  assert.deepEqual(shares(seen, "auth"), [
    ["auth-v1", 0, false],
    ["auth-v2", 0, true],
  ]);
  assert.deepEqual(shares(seen, "portal"), [["portal-v1", 1, false]]);
  assert.deepEqual(
    seen.gateways.map((one) => [one.name, one.held]),
    [
      ["main", 3],
      ["second", 1],
      ["third", undefined],
    ],
  );
  const lines = drawUpdates(terminal(100), seen, NOW);
  const text = lines.join("\n");
  assert.match(text, /^held: 4 new transactions that can reach auth wait for generation 6, 3s more at most$/m);
  assert.match(text, /^u +Holding +2s +ann +auth → v2 +quiescence/m);
  assert.match(text, /^not consistent: u: one may meet two revisions$/m);
  assert.match(text, / v2 +▒{20} +held +Holding /);
  assert.match(text, /^GATEWAY +STATUS +TABLE +START +HELD/m);
  for (const line of drawUpdates(terminal(80), seen, NOW)) assert.ok(textWidth(line) <= 80, line);
});

test("where nothing is held, nothing is said of it", async () => {
  const seen = await view({ generation: 5, ramp: { to: 6, share: 0.25 } }, ["Active", "Ramping"]);
  assert.equal(seen.hold, undefined);
  assert.deepEqual(shares(seen, "auth"), [
    ["auth-v1", 0.75, false],
    ["auth-v2", 0.25, false],
  ]);
  assert.doesNotMatch(drawUpdates(terminal(100), seen, NOW).join("\n"), /^held|▒/m);
});

test("what is prepared has an empty bar beside the full one, and what drains keeps its own until it is withdrawn, with what is open there", async () => {
  const preparing = await view({ generation: 5 }, ["Active", "Preparing"], ["main", "second"]);
  assert.deepEqual(
    preparing.lanes.find((one) => one.service === "auth")?.bars.map((bar) => [bar.revision, bar.phase, bar.share, bar.open]),
    [
      ["auth-v1", "Active", 1, 2],
      ["auth-v2", "Preparing", 0, 0],
    ],
  );
  const before = drawUpdates(terminal(100), preparing, NOW).join("\n");
  assert.match(before, /^auth +v1 +█{20} +100 % +Active +1\/1 +2 +5$/m);
  assert.match(before, /^ +v2 +·{20} +0 % +Preparing +1\/1 +0 +6$/m);
  const draining = await view({ generation: 6 }, ["Draining", "Active"], ["main", "second"]);
  const after = drawUpdates(terminal(100), draining, NOW).join("\n");
  assert.match(after, /^auth +v1 +·{20} +0 % +Draining +1\/1 +2 +5$/m);
  assert.match(after, /^ +v2 +█{20} +100 % +Active +1\/1 +0 +6$/m);
  // The same revision in both generations is one bar, in service.
  assert.match(after, /^portal +\? +█{20} +100 % +Active +1\/1 +2 +5, 6$/m);
});

test("a narrow terminal gets short bars, without what the generations below tell, and no line is too long", async () => {
  const seen = await view({ generation: 5, ramp: { to: 6, share: 0.01 } }, ["Active", "Ramping"], ["main", "second"]);
  const lines = drawUpdates(terminal(60), seen, NOW);
  for (const line of lines) assert.ok(textWidth(line) <= 60, line);
  const text = lines.join("\n");
  assert.match(text, /^SERVICE +VERSION +NEW +PHASE +READY +GEN$/m);
  assert.match(text, /^auth +v1 +█{7}· +99 % +Active +1\/1 +5$/m);
  assert.match(text, /^ +v2 +█·{7} +1 % +Ramping +1\/1 +6$/m);
});

test("what new transactions would meet and cannot be called has no full bar: before a recreated version is ready, and after it has been given up", async () => {
  const barsOf = (seen: UpdateView) => seen.lanes.find((one) => one.service === "auth")?.bars.map((bar) => [bar.revision, bar.isDown === true]);
  const moves = [{ service: "auth", from: "auth-v1", to: "auth-v2", before: 6 }];
  const recreated = await view({ generation: 5 }, ["Active", "Preparing"], ["main"], { moves, ready: ["portal-v1"] });
  assert.deepEqual(barsOf(recreated), [
    ["auth-v1", false],
    ["auth-v2", true],
  ]);
  const text = drawUpdates(terminal(100), recreated, NOW).join("\n");
  assert.match(text, /^ +v2 +·{20} +down +Preparing +0\/1/m);
  assert.doesNotMatch(text, /^.* v[12] +█/m);
  const back = await view({ generation: 5 }, ["Active", "Draining"], ["main"], { ready: ["auth-v2", "portal-v1"] });
  assert.deepEqual(barsOf(back), [
    ["auth-v1", true],
    ["auth-v2", false],
  ]);
});
