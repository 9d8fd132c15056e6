import assert from "node:assert/strict";
import { test } from "node:test";
import { groupFiles, laneOf } from "./test-lanes.ts";

test("a file's place tells its lane", () => {
  assert.equal(laneOf("src/model/names.test.ts", ""), "pure");
  assert.equal(laneOf("src/apps/centre/updates.test.ts", ""), "rooms");
  assert.equal(laneOf("tools/arrows.test.ts", ""), "rooms");
  assert.equal(laneOf("test/up.test.ts", ""), "whole");
});

test("one word in the file says otherwise, wherever the file is", () => {
  const code = (word: string): string => `import { test } from "node:test";\n\n// lane: ${word}\ntest("a", () => {});\n`;
  assert.equal(laneOf("src/model/names.test.ts", code("whole")), "whole");
  assert.equal(laneOf("test/up.test.ts", code("alone")), "alone");
  assert.equal(laneOf("test/up.test.ts", 'const text = "// lane: alone";'), "whole");
});

test("a word that names no lane is told with the file", () => {
  assert.throws(() => laneOf("test/up.test.ts", "// lane: alnoe"), /test\/up\.test\.ts: "\/\/ lane: alnoe" is none; write whole or alone/);
});

test("a few files of one folder share a process, where they start none of the platform", () => {
  const files = ["src/a/1.test.ts", "src/a/2.test.ts", "src/a/3.test.ts", "src/a/4.test.ts", "src/a/5.test.ts", "src/b/1.test.ts", "src/a/6.test.ts"];
  assert.deepEqual(
    groupFiles("rooms", files).map((group) => group.length),
    [4, 1, 1, 1],
  );
  assert.deepEqual(groupFiles("rooms", files).flat(), files);
  assert.deepEqual(groupFiles("pure", files), [files]);
  assert.equal(groupFiles("whole", files).length, files.length);
  assert.deepEqual(groupFiles("pure", []), []);
});
