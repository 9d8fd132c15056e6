import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { drawLanes, type LaneBar, type LanesRow, type LanesView, placeOfWait, readLanes } from "./model.ts";

const NONE: LanesView = {
  generation: 42,
  waits: [],
  settled: { reason: "Settled", message: "" },
  quietLanes: 0,
  generations: [],
  lanes: [],
  updates: [],
};
const open = (number: number, phase: string): LanesView["generations"][number] => ({
  type: "generation",
  number,
  phase,
  since: "2026-11-30T18:00:00Z",
  transactions: 1,
  calls: 1,
});
const bar = (version: string, phase: LaneBar["phase"], generations: readonly number[], share: number): LaneBar => ({
  revision: `auth-${version}-0a1b`,
  version,
  phase,
  generations,
  ready: 1,
  instances: 1,
  open: 1,
  share,
});

function ramp(share: number): LanesView {
  return {
    ...NONE,
    ramp: { to: 43, share },
    generations: [open(42, "Active"), open(43, "Ramping")],
    lanes: [
      { service: "zebra", bars: [bar("v9", "Active", [42, 43], 1)] },
      { service: "auth", bars: [bar("v2", "Ramping", [43], share), bar("v1", "Active", [42], 1 - share)] },
    ],
  };
}

test("what comes grows from the left up to the line, what it replaces stands right of it: at no share do they overlap or leave a gap", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const { lanes, line } = drawLanes(ramp(share));
      const [first] = lanes;
      const [old, coming] = first?.bars ?? [];
      assert.deepEqual([first?.service, line?.to, line?.share], ["auth", 43, share]);
      assert.deepEqual([coming?.version, coming?.role, coming?.at, coming?.length], ["v2", "coming", 0, share]);
      assert.equal(old?.version, "v1");
      if (share < 1) assert.ok(Math.abs((old?.at ?? 0) - share) < 1e-9 && Math.abs((old?.at ?? 0) + (old?.length ?? 0) - 1) < 1e-9);
      else assert.equal(old?.role, "leaving");
    }),
  );
});

test("while nothing has the new version it is coming all the same; after the switch the old one leaves", () => {
  const preparing = { ...ramp(0), lanes: [{ service: "auth", bars: [bar("v1", "Active", [42], 1), bar("v2", "Preparing", [43], 0)] }] };
  assert.deepEqual(
    drawLanes(preparing).lanes[0]?.bars.map(({ version, role }) => [version, role]),
    [
      ["v1", "served"],
      ["v2", "coming"],
    ],
  );
  const { ramp: _, ...settled } = ramp(1);
  const draining: LanesView = {
    ...settled,
    generation: 43,
    lanes: [{ service: "auth", bars: [bar("v1", "Draining", [42], 0), bar("v2", "Active", [43], 1)] }],
  };
  const { lanes, line } = drawLanes(draining);
  assert.equal(line?.share, 1);
  assert.deepEqual(
    lanes[0]?.bars.map(({ version, role }) => [version, role]),
    [
      ["v1", "leaving"],
      ["v2", "coming"],
    ],
  );
});

test("where nothing changes there is no line", () => {
  const view: LanesView = { ...NONE, generations: [open(42, "Active")], lanes: [{ service: "auth", bars: [bar("v1", "Active", [42], 1)] }] };
  assert.equal(drawLanes(view).line, undefined);
  assert.equal(drawLanes(NONE).line, undefined);
});

test("each wait stands at its lane where it is about one, those for people first", () => {
  const wait = (reason: string, object: string): LanesView["waits"][number] => ({
    who: "u",
    reason,
    object,
    since: "2026-11-30T18:00:00Z",
    message: "",
  });
  const view: LanesView = {
    ...ramp(0.1),
    waits: [
      wait("RampRunning", "step 10 %"),
      wait("InstancesNotReady", "auth-v2-0a1b-1"),
      wait("GatewayLost", "gateway ops-2"),
      wait("GateUndecided", "auth v2"),
    ],
  };
  const { lanes, waits } = drawLanes(view);
  assert.deepEqual(
    lanes[0]?.waits.map(({ reason, needsPerson }) => [reason, needsPerson]),
    [
      ["GateUndecided", true],
      ["InstancesNotReady", false],
    ],
  );
  assert.deepEqual(
    waits.map(({ reason }) => reason),
    ["GatewayLost", "RampRunning"],
  );
});

test("rows of the view are put together, whatever order they come in", () => {
  const rows: readonly { readonly row: LanesRow }[] = [
    { row: { type: "lane", service: "auth", bars: [] } },
    { row: { type: "site", generation: 42, settled: { reason: "Settled", message: "" }, lanes: 3, quietLanes: 2 } },
    { row: { type: "gateway", name: "ops-1", status: "Ready", message: "" } },
    { row: { type: "update", name: "u", namespace: "default", createdAt: "2026-11-30T18:00:00Z", spec: { services: [] } } },
  ];
  const view = readLanes(rows);
  assert.deepEqual([view?.generation, view?.quietLanes, view?.lanes.length, view?.updates[0]?.metadata.name], [42, 2, 1, "u"]);
  assert.equal(readLanes(rows.slice(2)), undefined, "before the site is told, nothing is");
});

test("what is waited for leads to its page, as far as it has one", () => {
  const of = (object: string): string | undefined => placeOfWait({ object });
  assert.deepEqual(["gateway/ops-1", "gateway ops-1", "resource/antenna-15m", "host/a b", "generation/g42", "update", "<img>"].map(of), [
    "/gateways?open=ops-1",
    "/gateways?open=ops-1",
    "/resources?open=default/antenna-15m",
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
