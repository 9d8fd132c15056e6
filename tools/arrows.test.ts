import assert from "node:assert/strict";
import { test } from "node:test";
import { findForbiddenArrows, findUnknownRooms, isPure } from "./arrows.ts";
import { ENGINE_FACES, ROOMS } from "./rooms.ts";
import { findEffects } from "./scans.ts";

const judge = (from: string, to: string): string => findForbiddenArrows([{ from, to }]).join();
const pathOf = (name: string): string => ROOMS.find((room) => room.name === name)?.path ?? assert.fail(`there is no room ${name}`);

test("an arrow that the list names is allowed through the index and through another face", () => {
  assert.equal(judge("src/state/store/object.ts", "src/state/tree/index.ts"), "");
  assert.equal(judge("src/traffic/gateway/proxy.ts", "src/traffic/routing/table/index.ts"), "");
  assert.equal(judge("src/traffic/gateway/proxy.ts", "src/traffic/update/core.ts"), "");
});

test("a room is not entered beside its faces", () => {
  assert.match(judge("src/state/store/object.ts", "src/state/tree/path.ts"), /not a face: import #\/state\/tree\/index.ts or tree\/sqlite/);
  assert.match(judge("test/up.test.ts", "src/state/tree/path.ts"), /not a face/);
});

test("a room never imports one that lies above it, not even in its tests", () => {
  assert.match(judge("src/state/tree/path.ts", "src/state/store/index.ts"), /store lies above tree/);
  assert.match(judge("src/state/tree/path.test.ts", "src/state/store/index.ts"), /store lies above tree/);
});

test("gateway, agent and cli keep away from the tree, the controllers, the API and update outside its core", () => {
  for (const room of ["gateway", "agent", "cli"]) {
    for (const other of ["tree", "controllers", "api", "update"]) {
      assert.notEqual(judge(`${pathOf(room)}/a.ts`, `${pathOf(other)}/index.ts`), "", `${room} → ${other}`);
    }
  }
});

test("only apps and tests name an engine", () => {
  assert.equal(judge("src/apps/centre.ts", "src/state/tree/sqlite/index.ts"), "");
  assert.equal(judge("src/state/store/a.test.ts", "src/state/tree/sqlite/index.ts"), "");
  assert.equal(judge("test/up.test.ts", "src/state/store/tree/index.ts"), "");
  assert.match(judge("src/state/store/a.ts", "src/state/tree/sqlite/index.ts"), /chosen in apps/);
});

test("a conformance suite is for tests and for other suites", () => {
  assert.equal(judge("src/state/store/conformance/list.ts", "src/state/tree/conformance/index.ts"), "");
  assert.match(judge("src/apps/up.ts", "src/state/tree/conformance/index.ts"), /for tests/);
});

test("a pure part imports neither effects nor impure code, but may hash and assert", () => {
  assert.match(judge("src/model/names.ts", "fs"), /pure/);
  assert.match(judge("src/traffic/routing/table/compile.ts", "node:http"), /pure/);
  assert.match(judge("src/traffic/update/core/step.ts", "src/traffic/update/controller.ts"), /pure/);
  assert.match(judge("src/traffic/routing/table/compile.ts", "src/state/store/index.ts"), /pure/);
  assert.deepEqual(
    findForbiddenArrows([{ from: "src/traffic/routing/table/compile.ts", to: "src/traffic/routing/contract.ts", isTypeOnly: true }]),
    [],
  );
  assert.equal(judge("src/traffic/routing/feed.ts", "src/traffic/routing/table/index.ts"), "");
  assert.equal(judge("src/model/names.ts", "crypto"), "");
  assert.equal(judge("src/model/names.test.ts", "fs"), "");
  assert.ok(isPure("src/traffic/update/core/step.ts") && isPure("src/traffic/update/core.ts") && !isPure("src/traffic/update/controller.ts"));
});

test("src stands alone, and a site's services know nothing of it", () => {
  assert.match(judge("src/face/api/a.test.ts", "tools/kubectl.ts"), /stands alone/);
  assert.match(judge("sites/ground-station/services/portal/server.ts", "src/base/index.ts"), /know nothing/);
  assert.equal(judge("src/face/api/a.ts", "node_modules/zod/index.d.cts"), "");
});

test("a folder that is no listed room is told", () => {
  assert.deepEqual(findUnknownRooms(["src/utils/a.ts", "src/base/a.ts", "src/state/utils/a.ts", "src/state/tree/a.ts", "tools/b.ts"]), [
    "src/state/utils/ is no known room: list it in tools/rooms.ts",
    "src/utils/ is no known room: list it in tools/rooms.ts",
  ]);
});

test("a room never imports from a wing above its own, and a wing holds a handful of rooms", () => {
  assert.match(judge("src/state/store/object.ts", "src/traffic/trace/index.ts"), /trace lies above store/);
  const crowd = Array.from({ length: 9 }, (_, index) => ({ name: `room${index}`, imports: [], wing: "work", path: `src/work/room${index}` }));
  assert.match(findUnknownRooms([], crowd).join(), /the wing work has 9 rooms, at most 8/);
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
