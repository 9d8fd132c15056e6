import assert from "node:assert/strict";
import { test } from "node:test";
import { type Update, update } from "#/model/index.ts";
import { textWidth } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { buildHistory, drawHistory } from "./update-history.ts";

const at = (second: number): string => `2030-01-01T00:00:${String(second).padStart(2, "0")}.000Z`;

function made(name: string, begun: number, spec: object, status: object): Update {
  return {
    apiVersion: "orrery.dev/v1",
    kind: "Update",
    metadata: { name, uid: name, resourceVersion: "1", generation: 1, creationTimestamp: at(begun) },
    spec: update.spec.parse({ services: [{ name: "auth", to: "v2" }], ...spec }),
    status,
  } as Update;
}

const phases = (...list: [string, number, number][]): object[] =>
  list.map(([phase, since, until]) => ({ phase, since: at(since), until: at(until) }));

const ALL = [
  made(
    "auth-abcde",
    1,
    { message: "tokens signed with Ed25519, which nobody can forge", strategy: "quiescence" },
    {
      phase: "Complete",
      by: "orrery-admin",
      transactions: 1234,
      revisions: [{ service: "auth", from: "auth-v1-0a1b2c3d", to: "auth-v2-1a2b3c4d" }],
      phases: phases(["Preparing", 1, 9], ["Distributing", 9, 9], ["Holding", 9, 11], ["Draining", 11, 14], ["Complete", 14, 14]),
    },
  ),
  made("auth-fghij", 20, {}, { phase: "Preparing", phases: [{ phase: "Preparing", since: at(20) }] }),
  { ...made("other", 3, {}, {}), spec: update.spec.parse({ services: [{ name: "portal", to: "v2" }] }) },
];

const NARROW = { isWide: false, nowMs: Date.parse("2030-01-01T02:00:30Z") };
const terminal = (columns: number): Terminal => ({ columns, paint: (_: unknown, text: string) => text }) as unknown as Terminal;

test("the history has who, why, how, how long each phase took, and what was served; newest first", () => {
  const [open, done] = buildHistory(ALL, "auth");
  assert.deepEqual(
    [open?.metadata.name, open?.summary],
    ["auth-fghij", { begun: at(20), service: "auth", phase: "Preparing", to: "v2", strategy: "consistent", phaseMs: {} }],
  );
  assert.deepEqual(done?.summary, {
    service: "auth",
    begun: at(1),
    tookMs: 13_000,
    phase: "Complete",
    from: "auth-v1-0a1b2c3d",
    to: "auth-v2-1a2b3c4d",
    by: "orrery-admin",
    why: "tokens signed with Ed25519, which nobody can forge",
    strategy: "quiescence",
    phaseMs: { Preparing: 8000, Distributing: 0, Holding: 2000, Draining: 3000 },
    served: 1234,
  });
});

test("what came with the generation of an update of others, and what was taken away, are told, by whom and why", () => {
  const others = made(
    "tokens",
    1,
    { message: "new tokens", strategy: "rolling" },
    {
      phase: "Complete",
      by: "ann",
      revisions: [{ service: "auth", to: "auth-v2-1a2b3c4d" }],
      alongside: [{ service: "portal", from: "portal-v1-0a1b2c3d", to: "portal-v2-1a2b3c4d", by: "ben" }],
    },
  );
  const removal = {
    ...made(
      "g9",
      2,
      { message: "portal was deleted" },
      { phase: "Complete", by: "cleo", revisions: [{ service: "portal", from: "portal-v2-1a2b3c4d" }] },
    ),
    spec: update.spec.parse({ services: [{ name: "portal", to: "(removed)" }], message: "portal was deleted" }),
  };
  assert.deepEqual(
    buildHistory([others, removal], "portal").map(({ summary: { from, to, by, why, strategy } }) => [from, to, by, why, strategy]),
    [
      ["portal-v2-1a2b3c4d", "(removed)", "cleo", "portal was deleted", "consistent"],
      ["portal-v1-0a1b2c3d", "portal-v2-1a2b3c4d", "ben", "its template was changed; came with update tokens: new tokens", "consistent"],
    ],
  );
});

test("the table fits 80 columns with all of it; wide, nothing is cut or left out", () => {
  const entries = buildHistory(ALL, "auth");
  const lines = drawHistory(terminal(80), entries, NARROW);
  for (const line of lines) assert.ok(textWidth(line) <= 80, line);
  assert.match(lines[0] ?? "", /^UPDATE +AGE +PHASE +TO +STRATEGY +TIMES +SERVED +BY +WHY$/);
  assert.match(lines[2] ?? "", / 2h +Complete +v2 +quiesce… +P8s H2s D3s +1234 +orrery-… +tokens s…$/);
  const wide = drawHistory(terminal(80), entries, { ...NARROW, isWide: true });
  assert.match(wide[0] ?? "", /FROM +TO +STRATEGY +TOOK +TURN +PREPARE +SPREAD +HOLD +RAMP +DRAIN +SERVED +BY +WHY/);
  assert.match(wide[2] ?? "", /auth-v1-0a1b2c3d +auth-v2-1a2b3c4d +quiescence +13s +- +8s +0s +2s +- +3s +1234 +orrery-admin +tokens .* forge$/);
});

test("where all were consistent, there is room for more", () => {
  const quick = made(
    "auth-q",
    1,
    {},
    { phase: "Complete", by: "ann", phases: phases(["Preparing", 1, 3], ["Distributing", 3, 3], ["Complete", 3, 3]) },
  );
  assert.match(
    drawHistory(terminal(80), buildHistory([quick], "auth"), NARROW)[0] ?? "",
    /^UPDATE +AGE +PHASE +FROM +TO +TOOK +TIMES +SERVED +BY +WHY$/,
  );
});

test("one that came to nothing says why: in place of what it was for where there is little room, and beside it where there is more", () => {
  const waits = [{ reason: "Refused", object: "revision/auth-v2", since: at(9), message: "not ready within 60 s: exit status 1" }];
  for (const phase of ["Aborted", "RolledBack", "Superseded"]) {
    const entries = buildHistory([made("auth-r", 1, { message: "new keys" }, { phase, waits, phases: phases([phase, 9, 9]) })], "auth");
    assert.equal(entries[0]?.summary.failure, "not ready within 60 s: exit status 1");
    assert.match(drawHistory(terminal(200), entries, NARROW)[1] ?? "", / not ready within 60 s: exit status 1$/);
    const wide = drawHistory(terminal(80), entries, { ...NARROW, isWide: true });
    assert.match(wide[1] ?? "", / new keys; it came to nothing: not ready within 60 s: exit status 1$/);
  }
  const going = buildHistory([made("auth-g", 1, { message: "new keys" }, { phase: "Draining", waits, phases: [] })], "auth");
  assert.equal(going[0]?.summary.failure, undefined);
});
