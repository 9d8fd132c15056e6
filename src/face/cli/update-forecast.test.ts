import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "#/model/all-kinds.ts";
import { type StoredObject, template } from "#/model/index.ts";
import type { Answer, Client, ClientRequest } from "#/state/client/index.ts";
import { foretellApplied } from "./apply-forecast.ts";
import { objectPath } from "./kubernetes.ts";
import { textWidth } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { drawForecast, type ToldForecast } from "./update-forecast.ts";

const terminal = (columns: number): Terminal =>
  ({ columns, command: "./orrery", dataOption: "", paint: (_: unknown, text: string) => text }) as unknown as Terminal;

const TOLD: ToldForecast = {
  services: [{ name: "auth", to: "v2" }],
  outcome: "waits",
  strategy: "quiescence",
  fromGeneration: 5,
  changes: [{ service: "auth", from: "auth-v1", fromVersion: "v1", toVersion: "v2" }],
  alongside: ["portal"],
  starts: [{ service: "auth", version: "v2", instances: 1, running: 1, readyWithin: "2m" }],
  stops: [{ service: "auth", version: "v1", revision: "auth-v1", instances: 2, when: "AfterHold", message: "at the switch" }],
  held: {
    services: ["auth"],
    upTo: "5s",
    routes: [
      { route: "site", path: ["portal", "auth"], isDeclared: true },
      { route: "dish", path: ["antenna"], isDeclared: false },
    ],
    otherRoutes: ["page"],
  },
  waits: [{ blocks: "begin", reason: "GatewayLost", object: "gateway/main", message: "bring it back, or run: orrery gateway forget main" }],
  notPromised: [{ reason: "X", message: "something may mix" }],
  refusals: [],
};

test("a forecast says in words what starts, switches, is held, stops and is waited for, with commands as they are called here", () => {
  const lines = drawForecast(terminal(400), TOLD);
  assert.deepEqual(lines, [
    "update of auth to v2 (quiescence): would wait (dry run)",
    "  starts    1 instance of auth v2 (a revision made then) beside 1 that run already; given up if not ready within 2m",
    "  switches  all new transactions at once from generation 5, with portal, whose templates have changed already",
    "  holds     new transactions that can reach auth, until the running ones are over, at most 5s: then it is given up",
    "            route site: portal → auth",
    "            route dish: antenna, which may call anything (its template declares no calls)",
    "            not held: route page",
    "  stops     2 instances of auth v1 (auth-v1) at the switch",
    "  waits for before it begins: bring it back, or run: ./orrery gateway forget main",
    "  beware    something may mix",
  ]);
});

test("a ramp is told with its times, what changes nothing and what is refused with the reason", () => {
  const ramp = {
    steps: [
      { share: 0.1, hold: "30s", afterMs: 0 },
      { share: 0.5, hold: "1m", afterMs: 30_000 },
    ],
    key: "client",
    allAfterMs: 90_000,
    gateRequests: 50,
  };
  const text = drawForecast(terminal(400), { ...TOLD, ramp }).join("\n");
  assert.match(text, /10 % first, 50 % after 30s, all after 1m30s at the earliest, by client; back by itself if a gate fails/);
  const nothing = drawForecast(terminal(400), { ...TOLD, outcome: "nothing", changes: [] });
  assert.deepEqual(nothing.slice(1), ["  because   it is served already"]);
  const refusals = [{ service: "auth", revision: "auth-v2", reason: "a gate failed", at: "2030-01-01T00:00:00Z" }];
  const refused = drawForecast(terminal(400), { ...TOLD, outcome: "refused", changes: [], refusals });
  assert.match(refused.join("\n"), /would be refused .*\n {2}refuses {3}auth-v2, refused at 2030-01-01T00:00:00Z: a gate failed\./);
});

test("its lines fit the terminal", () => {
  for (const columns of [60, 80, 100]) for (const line of drawForecast(terminal(columns), TOLD)) assert.ok(textWidth(line) <= columns, line);
});

const SITE = { metadata: { name: "site" }, spec: { hold: "5s", maxOpen: 64, linger: "500ms", maxTransaction: "10m", readyWithin: "2m" } };
const MAP = { auth: "auth-v1" };
const STATUS = {
  history: "h",
  epoch: 1,
  counter: 1,
  stamp: { generation: 1 },
  generations: [{ number: 1, phase: "Active", since: "2030-01-01T00:00:00Z" }],
};

/** A service as it is before and after an `apply`. */
function applied(generation: number, version: string): StoredObject {
  const spec = { replicas: 2, template: template.parse({ version, run: { command: ["node"] } }) };
  return { kind: "Microservice", metadata: { name: "auth", generation }, spec, status: { revision: "auth-v1" } } as unknown as StoredObject;
}

async function foretold(before: StoredObject, after: StoredObject): Promise<readonly ToldForecast[]> {
  const lists: Readonly<Record<string, readonly unknown[]>> = {
    Site: [{ ...SITE, status: STATUS }],
    Generation: [{ metadata: { name: "g1" }, spec: { number: 1, map: MAP } }],
    Microservice: [before],
  };
  const request = async ({ path }: ClientRequest): Promise<Answer> => {
    const kind = kinds.find((one) => objectPath(one) === path);
    return { status: 200, headers: {}, body: { items: lists[kind?.kind ?? ""] ?? [] } };
  };
  return foretellApplied({ request } as unknown as Client, [{ before, after }], 0);
}

test("an apply makes an update only where a template changes; a secret that changes shows in nothing but the generation of the spec", async () => {
  assert.deepEqual(await foretold(applied(1, "v1"), applied(1, "v1")), []);
  for (const after of [applied(2, "v2"), applied(2, "v1")]) {
    const [told] = await foretold(applied(1, "v1"), after);
    assert.deepEqual([told?.changes.length, told?.changes[0]?.from, told?.changes[0]?.to], [1, "auth-v1", undefined]);
  }
  const scaled = applied(2, "v1");
  const more = { ...scaled, spec: { ...(scaled.spec as object), replicas: 3 } } as StoredObject;
  assert.deepEqual(await foretold(applied(1, "v1"), more), []);
});
