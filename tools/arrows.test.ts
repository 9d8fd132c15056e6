import assert from "node:assert/strict";
import { test } from "node:test";
import { findForbiddenArrows, findUnknownRooms, isPure } from "./arrows.ts";
import { ENGINE_FACES, ROOMS } from "./rooms.ts";
import { findEffects } from "./scans.ts";

const judge = (from: string, to: string): string => findForbiddenArrows([{ from, to }]).join();

test("an arrow that the list names is allowed through the index and through another face", () => {
  assert.equal(judge("src/store/object.ts", "src/tree/index.ts"), "");
  assert.equal(judge("src/gateway/proxy.ts", "src/traffic/table/index.ts"), "");
  assert.equal(judge("src/gateway/proxy.ts", "src/update/core.ts"), "");
});

test("a room is not entered beside its faces", () => {
  assert.match(judge("src/store/object.ts", "src/tree/path.ts"), /not a face: import #\/tree\/index.ts or tree\/sqlite/);
  assert.match(judge("test/up.test.ts", "src/tree/path.ts"), /not a face/);
});

test("a room never imports one that lies above it, not even in its tests", () => {
  assert.match(judge("src/tree/path.ts", "src/store/index.ts"), /store lies above tree/);
  assert.match(judge("src/tree/path.test.ts", "src/store/index.ts"), /store lies above tree/);
});

test("gateway, agent and cli keep away from the tree, the controllers, the API and update outside its core", () => {
  for (const room of ["gateway", "agent", "cli"]) {
    for (const other of ["tree", "controllers", "api", "update"]) {
      assert.notEqual(judge(`src/${room}/a.ts`, `src/${other}/index.ts`), "", `${room} → ${other}`);
    }
  }
});

test("only apps and tests name an engine", () => {
  assert.equal(judge("src/apps/centre.ts", "src/tree/sqlite/index.ts"), "");
  assert.equal(judge("src/store/a.test.ts", "src/tree/sqlite/index.ts"), "");
  assert.equal(judge("test/up.test.ts", "src/store/tree/index.ts"), "");
  assert.match(judge("src/store/a.ts", "src/tree/sqlite/index.ts"), /chosen in apps/);
});

test("a conformance suite is for tests and for other suites", () => {
  assert.equal(judge("src/store/conformance/list.ts", "src/tree/conformance/index.ts"), "");
  assert.match(judge("src/apps/up.ts", "src/tree/conformance/index.ts"), /for tests/);
});

test("a pure part imports neither effects nor impure code, but may hash and assert", () => {
  assert.match(judge("src/model/names.ts", "fs"), /pure/);
  assert.match(judge("src/traffic/table/compile.ts", "node:http"), /pure/);
  assert.match(judge("src/update/core/step.ts", "src/update/controller.ts"), /pure/);
  assert.match(judge("src/traffic/table/compile.ts", "src/store/index.ts"), /pure/);
  assert.deepEqual(findForbiddenArrows([{ from: "src/traffic/table/compile.ts", to: "src/traffic/contract.ts", isTypeOnly: true }]), []);
  assert.equal(judge("src/traffic/feed.ts", "src/traffic/table/index.ts"), "");
  assert.equal(judge("src/model/names.ts", "crypto"), "");
  assert.equal(judge("src/model/names.test.ts", "fs"), "");
  assert.ok(isPure("src/update/core/step.ts") && isPure("src/update/core.ts") && !isPure("src/update/controller.ts"));
});

test("src stands alone, and a site's services know nothing of it", () => {
  assert.match(judge("src/api/a.test.ts", "tools/kubectl.ts"), /stands alone/);
  assert.match(judge("sites/ground-station/services/portal/server.ts", "src/base/index.ts"), /know nothing/);
  assert.equal(judge("src/api/a.ts", "node_modules/zod/index.d.cts"), "");
});

test("a folder that is no listed room is told", () => {
  assert.deepEqual(findUnknownRooms(["src/utils/a.ts", "src/base/a.ts", "tools/b.ts"]), ["src/utils/ is no known room: list it in tools/rooms.ts"]);
});

test("the list itself names only rooms and faces that it has, each after what it imports", () => {
  const seen = new Set<string>();
  for (const room of ROOMS) {
    for (const name of room.imports) assert.ok(seen.has(name), `${room.name} imports ${name}, which is not listed before it`);
    seen.add(room.name);
    for (const face of room.faces ?? []) seen.add(`${room.name}/${face}`);
  }
  for (const face of ENGINE_FACES) assert.ok(seen.has(face), face);
});

test("clock, randomness and timers are found in code, not in comments and strings", () => {
  const code = [
    "const a = Date.now(); // Date.now",
    "/* Math.random */ const b = 'setTimeout';",
    "return new Date(ms).getTime() + Math.random();",
  ].join("\n");
  assert.deepEqual(findEffects("src/model/a.ts", code), [
    "src/model/a.ts:1: Date.now in a pure part: take it as an argument",
    "src/model/a.ts:3: Math.random in a pure part: take it as an argument",
  ]);
});
