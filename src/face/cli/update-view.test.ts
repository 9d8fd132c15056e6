import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpdateView, WaitView } from "#/face/views/lanes/index.ts";
import { gateway, generation, instance, revision, site, timestamp, update } from "#/model/index.ts";
import type { Answer, Client, ClientRequest } from "#/state/client/index.ts";
import { objectPath } from "./kubernetes.ts";
import { textWidth } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { drawUpdates } from "./update-lanes.ts";
import { loadUpdateView } from "./update-view.ts";

const NOW = Date.parse("2030-01-01T01:00:00Z");
const SINCE = timestamp(NOW - 5000);
const terminal = (columns: number): Terminal =>
  ({ columns, isTerminal: true, command: "./orrery", dataOption: "", paint: (_: unknown, text: string) => text }) as unknown as Terminal;
const drawn = (view: UpdateView, columns = 200): string => drawUpdates(terminal(columns), view, NOW).join("\n");

const wait = (reason: string, object: string, message: string): WaitView => ({ reason, object, since: SINCE, message });
const ended = (name: string, phase: string, minutesAgo: number, more: object = {}): object => ({
  metadata: { name, creationTimestamp: timestamp(NOW - (minutesAgo + 1) * 60_000) },
  spec: { services: [{ name: "auth", to: "v2" }], strategy: "consistent" },
  status: {
    phase,
    phases: [
      { phase: "Preparing", since: timestamp(NOW - (minutesAgo + 1) * 60_000) },
      { phase, since: timestamp(NOW - minutesAgo * 60_000), until: timestamp(NOW - minutesAgo * 60_000) },
    ],
    ...more,
  },
});
const underWay = (name: string, phase: string, more: object = {}): object => ({
  metadata: { name, creationTimestamp: timestamp(NOW - 3_600_000) },
  spec: { services: [{ name: "auth", to: "v2" }], strategy: "consistent" },
  status: { phase, ...more },
});

interface Seen {
  readonly status?: object;
  readonly waits?: readonly WaitView[];
  readonly updates?: readonly object[];
  readonly gateways?: readonly object[];
  readonly reports?: readonly object[];
  readonly instances?: readonly object[];
  readonly only?: string;
}

/** A site in which generation 5 is served and 6 is made. */
function view({ status = {}, waits = [], updates = [], gateways = [GATEWAY], reports = [REPORT], instances = [], only }: Seen): Promise<UpdateView> {
  const lists = new Map<string, readonly object[]>([
    [
      objectPath(site),
      [
        {
          metadata: { name: "site" },
          spec: { hold: "5s" },
          status: {
            stamp: { generation: 5 },
            generations: [
              { number: 5, phase: "Active", since: SINCE },
              { number: 6, phase: "Preparing", since: SINCE, update: "u" },
            ],
            ...status,
          },
        },
      ],
    ],
    [
      objectPath(generation),
      [
        { spec: { number: 5, map: { auth: "auth-v1" } }, status: { waits } },
        { spec: { number: 6, map: { auth: "auth-v2" } }, status: { waits: [wait("InstancesNotReady", "revision/auth-v2", "0 of 2 are ready")] } },
      ],
    ],
    [objectPath(revision), ["v1", "v2"].map((version) => ({ metadata: { name: `auth-${version}` }, spec: { template: { version } } }))],
    [objectPath(instance), instances],
    [objectPath(gateway), gateways],
    [objectPath(update), updates],
    ["/live/gateways", reports],
  ]);
  const request = async (one: ClientRequest): Promise<Answer> => {
    const body = one.path === objectPath(update, only ?? "") ? updates[0] : { items: lists.get(one.path) ?? assert.fail(one.path) };
    return { status: 200, headers: {}, body };
  };
  return loadUpdateView({ request } as unknown as Client, only, NOW);
}

const GATEWAY = { metadata: { name: "main" }, status: { incarnation: 2, conditions: [{ type: "Ready", status: "True", reason: "Ready" }] } };
const REPORT = {
  key: "main",
  value: { incarnation: 2, position: { version: 9 }, counts: [{ generation: 5, edge: 3, outbound: 1, inbound: 2 }], held: { now: 0, total: 0 } },
};

test("shown are the updates under way, and those that ended a moment ago, whatever came of them; newest first", async () => {
  const updates = [
    ended("complete", "Complete", 3, { generation: 5 }),
    ended("back", "RolledBack", 2, { generation: 4 }),
    ended("refused", "Aborted", 1),
    ended("long-ago", "Aborted", 30),
    underWay("waiting", "Pending"),
    underWay("u", "Preparing", { generation: 6 }),
  ];
  const names = (await view({ updates })).updates.map((one) => one.metadata.name);
  assert.deepEqual(names, ["refused", "back", "complete", "u", "waiting"]);
  const many = Array.from({ length: 30 }, (_, index) => ended(`u${index}`, "Aborted", index / 10));
  assert.deepEqual(
    (await view({ updates: many })).updates.map((one) => one.metadata.name),
    Array.from({ length: 10 }, (_, index) => `u${index}`),
  );
});

test("one that is asked for by name is shown however long ago it ended", async () => {
  const seen = await view({ updates: [ended("long-ago", "Aborted", 600)], only: "long-ago" });
  assert.deepEqual(
    seen.updates.map((one) => one.metadata.name),
    ["long-ago"],
  );
});

test("what is open is told where every gateway has counted it", async () => {
  const seen = await view({});
  assert.deepEqual(
    seen.generations.map(({ transactions, calls }) => [transactions, calls]),
    [
      [3, 2],
      [0, 0],
    ],
  );
  assert.deepEqual(
    seen.lanes[0]?.bars.map((bar) => bar.open),
    [3, 0],
  );
});

test("what is not known is no zero: a gateway is lost, was restarted, or has not told", async () => {
  const lost = { ...GATEWAY, status: { incarnation: 2, conditions: [{ type: "Ready", status: "False", reason: "NotConnected" }] } };
  const other = { metadata: { name: "second" } };
  const cases: readonly Seen[] = [
    { gateways: [lost] },
    { gateways: [GATEWAY, other] },
    { gateways: [{ ...GATEWAY, status: { incarnation: 3 } }] },
    { gateways: [] },
    { waits: [wait("FormerIncarnation", "gateway/main", "it was restarted")] },
    { waits: [wait("GatewayLost", "gateway/main", "it is not connected")] },
  ];
  for (const one of cases) {
    const seen = await view(one);
    assert.deepEqual([seen.generations[0]?.transactions, seen.generations[0]?.calls, seen.lanes[0]?.bars[0]?.open], [null, null, null]);
    assert.match(drawn(seen), /^auth +v1 .* Active +0\/0 +\? +5$/m);
    assert.match(drawn(seen), /^ +5 +Active +5s +\? +\?$/m);
  }
  // What the restarted gateway had is of older generations only.
  assert.equal((await view({ waits: [wait("FormerIncarnation", "gateway/main", "it was restarted")] })).generations[1]?.transactions, 0);
});

test("while instances are replaced one by one, both versions have the share that their ready instances have", async () => {
  const one = (version: string, slot: number, ready = true): object => ({
    metadata: { name: `auth-${version}-${slot}` },
    spec: { service: "auth", revision: `auth-${version}`, version },
    status: { ready },
  });
  const moves = [{ service: "auth", before: 6, from: "auth-v1", to: "auth-v2", isPartial: true }];
  const seen = await view({ status: { moves }, instances: [one("v1", 0), one("v2", 1), one("v2", 2), one("v2", 3), one("v1", 1, false)] });
  assert.deepEqual(
    seen.lanes[0]?.bars.map((bar) => [bar.version, bar.share, bar.isMixed]),
    [
      ["v1", 0.25, true],
      ["v2", 0.75, true],
    ],
  );
  assert.match(drawn(seen), /^ +v2 +█+·+ +75 % +Replacing +3\/3/m);
  const back = [
    { service: "auth", before: 6, from: "auth-v1", to: "auth-v2" },
    { service: "auth", before: 7, from: "auth-v2", to: "auth-v1", isPartial: true },
  ];
  const returning = await view({
    status: { moves: back, generations: [{ number: 5, phase: "Active", since: SINCE }] },
    instances: [one("v1", 0), one("v2", 1)],
  });
  assert.deepEqual(
    returning.lanes[0]?.bars.map((bar) => [bar.version, bar.share, bar.phase]),
    [
      ["v1", 0.5, "Active"],
      ["v2", 0.5, "Withdrawn"],
    ],
  );
});

test("each wait is told once, with all who have it", async () => {
  const turn = wait("OtherUpdateFirst", "generation/g6", "updates are made one after the other");
  const updates = [
    underWay("u", "Preparing", { generation: 6, waits: [wait("InstancesNotReady", "revision/auth-v2", "1 of 2 are ready")] }),
    underWay("v", "Pending", { waits: [turn] }),
    underWay("w", "Pending", { waits: [turn] }),
  ];
  const seen = await view({ updates, waits: [wait("TransactionsOpen", "gateway/main", "3 calls are open")] });
  const lines = drawUpdates(terminal(200), seen, NOW);
  assert.deepEqual(lines.slice(lines.indexOf("WAITS FOR") + 1), [
    "  generation 5: gateway/main (TransactionsOpen, 5s): 3 calls are open",
    "  u (generation 6): revision/auth-v2 (InstancesNotReady, 5s): 0 of 2 are ready",
    "  w, v: generation/g6 (OtherUpdateFirst, 5s): updates are made one after the other",
  ]);
});

test("every line fits a terminal of 80 columns; elsewhere sentences are not broken; commands are named as they are called", async () => {
  const message = "update u is paused; go on with: orrery update pause u --off, or end it with: orrery update promote|abort u, as you wish";
  const seen = await view({ updates: [underWay("u", "Preparing", { waits: [wait("Paused", "update/u", message)] })] });
  const settled = { ...seen, settled: { reason: "Paused", message } };
  for (const line of drawUpdates(terminal(80), settled, NOW)) assert.ok(textWidth(line) <= 80, line);
  assert.match(drawn(settled, 80), /^site {2}generation 5: update u .*\n {6}\S/m);
  const piped = drawUpdates({ ...terminal(80), isTerminal: false }, settled, NOW).join("\n");
  assert.match(piped, /^ {2}u: update\/u \(Paused, 5s\): update u is paused; go on with: \.\/orrery update pause u --off, .*, as you wish$/m);
});

test("at 80 columns the strategy is cut before what changes", async () => {
  const mixed = underWay("portal-abcdefgh", "Distributing", { by: "system:orrery-admin" }) as { spec: object };
  const spec = { services: [{ name: "predictor", to: "v2026.11" }], strategy: "quiescence", message: "ephemerides from the new catalogue" };
  const text = drawn(await view({ updates: [{ ...mixed, spec }] }), 80);
  assert.match(text, /quiesce…/);
  assert.match(text, /predictor/);
});

test("what starts on while others go first is told as prepared, not as withdrawn", async () => {
  const starting = {
    metadata: { name: "auth-v3-0" },
    spec: { service: "auth", revision: "auth-v3", version: "v3" },
    status: { ready: false },
  };
  const phases = async (status: object): Promise<unknown> =>
    (await view({ status, instances: [starting] })).lanes[0]?.bars.filter((bar) => bar.version === "v3").map((bar) => [bar.phase, bar.share]);
  const preparing = [{ service: "auth", revision: "auth-v3", since: SINCE, by: 4, aside: 4 }];
  assert.deepEqual(await phases({ preparing }), [["Preparing", 0]]);
  assert.deepEqual(await phases({}), [["Withdrawn", 0]]);
});

test("while a service is recreated its former revision serves nobody, and instances that leave are not ready", async () => {
  const leaving = {
    metadata: { name: "auth-v1-0", deletionTimestamp: SINCE },
    spec: { service: "auth", revision: "auth-v1", version: "v1" },
    status: { ready: true },
  };
  const moves = [{ service: "auth", before: 6, from: "auth-v1", to: "auth-v2" }];
  const seen = await view({ status: { moves }, instances: [leaving] });
  assert.deepEqual(
    seen.lanes[0]?.bars.map((bar) => [bar.version, bar.phase, bar.share, bar.ready, bar.instances]),
    [
      ["v1", "Withdrawn", 0, 0, 1],
      ["v2", "Preparing", 1, 0, 0],
    ],
  );
});
