import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { loadManifests, parseManifests } from "./manifests.ts";

const TEXT = `# a comment
apiVersion: orrery.dev/v1
kind: Microservice
metadata:
  name: auth
spec:
  replicas: 2
---
# nothing here
---
kind: Route
spec: {filters: [{a: 1}, {b: 2}]}
`;

test("each document knows the lines of its fields", () => {
  const { manifests, faults } = parseManifests("a.yaml", TEXT);
  assert.deepEqual(faults, []);
  assert.deepEqual(
    manifests.map((one) => one.line),
    [2, 11],
  );
  assert.equal(manifests[0]?.lineOf(["spec", "replicas"]), 7);
  assert.equal(manifests[1]?.lineOf(["spec", "filters", 1, "b"]), 12);
});

test("a field that is missing has the line of what is around it", () => {
  assert.equal(parseManifests("a.yaml", TEXT).manifests[0]?.lineOf(["spec", "template", "version"]), 6);
});

test("a List counts as its items", () => {
  const { manifests } = parseManifests("list.yaml", "kind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: B\n  spec: 1\n");
  assert.deepEqual(
    manifests.map((one) => [one.object, one.line, one.lineOf(["spec"])]),
    [
      [{ kind: "A" }, 4, 4],
      [{ kind: "B", spec: 1 }, 5, 6],
    ],
  );
});

test("bad YAML, a repeated field and a bomb of aliases are faults with their line", () => {
  const fault = (text: string) => parseManifests("x.yaml", text).faults[0];
  assert.equal(fault("a: 1\nb: [1, 2\nc: 3\n")?.line, 3);
  assert.deepEqual(
    [fault("a: 1\na: 2\n")?.line, fault("a: 1\na: 2\n")?.message],
    [2, 'the key "a" stands in this map a second time; each may stand once'],
  );
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f"].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcde"[index]}`).join(",")}]`).join("\n")}\n`;
  assert.match(fault(bomb)?.message ?? "", /alias/i);
});

test("no text at all makes the parser throw", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", ":", " ", "\n", "-", "[", "]", "{", "}", "&", "*", "!", "|", ">", "'", '"', "#", "\t", "%", "?") }),
      (text) => {
        const { manifests } = parseManifests("x", text);
        for (const one of manifests) assert.ok(one.line >= 1);
      },
    ),
    { numRuns: 300 },
  );
});

test("a folder gives its own YAML files by name, not those of its subfolders", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(path.join(folder, "versions"));
  for (const [name, kind] of [
    ["b.yaml", "B"],
    ["a.yml", "A"],
    ["versions/c.yaml", "C"],
    ["package.json", "P"],
  ] as const)
    writeFileSync(path.join(folder, name), `kind: ${kind}\n`);
  assert.deepEqual(
    loadManifests(folder, () => "").manifests.map((one) => one.object),
    [{ kind: "A" }, { kind: "B" }],
  );
  assert.throws(
    () => loadManifests(path.join(folder, "none"), () => ""),
    (error) => isOrreryError(error, "cli/unreadable") && /there is no such file or folder/.test(error.message),
  );
});

test("standard input is read for -, and an empty one refused", () => {
  assert.equal(loadManifests("-", () => "kind: A").manifests.length, 1);
  assert.throws(() => loadManifests("-", () => "# nothing\n"), /standard input holds no manifest/);
});
