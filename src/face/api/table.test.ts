import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "#/model/all-kinds.ts";
import { compileJsonPath } from "#/model/index.ts";
import { tableMaker } from "./table.ts";

const nowMs = Date.parse("2030-01-01T00:00:00Z");
const object = {
  metadata: { name: "one", creationTimestamp: "2029-12-31T22:57:00Z", resourceVersion: "7" },
  spec: { tags: ["a", "b"], steps: [{ name: "x" }, { name: "y" }], nested: { a: 1 }, empty: [] },
  status: {
    conditions: [
      { type: "Other", status: "True" },
      { type: "Ready", status: "False", reason: "Slow" },
    ],
    since: "2030-01-01T00:00:00Z",
    bad: "yesterday",
  },
};

test("JSON paths read what columns of CRDs name", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    [".metadata.name", "one"],
    [".spec.steps[1].name", "y"],
    [".spec.steps[*].name", ["x", "y"]],
    ['.status.conditions[?(@.type=="Ready")].reason', "Slow"],
    [".status.conditions[?(@.type=='Gone')].reason", undefined],
    [".spec.nothing.at.all", undefined],
    [".spec.tags[9]", undefined],
    [".metadata.constructor", undefined],
  ];
  for (const [path, expected] of cases) assert.deepEqual(compileJsonPath(path)(object), expected, path);
  assert.throws(() => compileJsonPath(".a[?(@.b>1)]"), SyntaxError);
});

test("rows begin with the name, the age stands before the wide columns, and cells are readable", () => {
  const column = (name: string, type: "string" | "integer" | "date", jsonPath: string, priority: 0 | 1 = 0) => ({
    name,
    type,
    jsonPath,
    description: name,
    priority,
  });
  const maker = tableMaker(
    [
      column("Tags", "string", ".spec.tags"),
      column("Wide", "string", ".spec.nested", 1),
      column("Since", "date", ".status.since"),
      column("Bad", "date", ".status.bad"),
      column("None", "integer", ".spec.none"),
      column("Empty", "string", ".spec.empty"),
    ],
    () => nowMs,
  );
  const table = JSON.parse(maker.table([maker.row(object, "None", () => "")], { columns: true, metadata: { resourceVersion: "7" } }));
  assert.deepEqual(
    table.columnDefinitions.map((one: { name: string }) => one.name),
    ["Name", "Tags", "Since", "Bad", "None", "Empty", "Age", "Wide"],
  );
  assert.deepEqual(table.rows[0].cells, ["one", "a,b", "0s", "<invalid>", null, null, "1h3m", '{"a":1}']);
  assert.equal(table.rows[0].object, undefined);
  assert.equal(JSON.parse(maker.row(object, "Metadata", () => "")).object.kind, "PartialObjectMetadata");
  assert.deepEqual(JSON.parse(maker.row(object, "Object", () => '{"whole":1}')).object, { whole: 1 });
});

test("the columns of every kind can be shown", () => {
  for (const kind of kinds) JSON.parse(tableMaker(kind.columns, () => nowMs).row({ metadata: { name: "x" } }, "None", () => ""));
});
