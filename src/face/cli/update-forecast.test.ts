import assert from "node:assert/strict";
import { test } from "node:test";
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
