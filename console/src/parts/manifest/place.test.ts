import assert from "node:assert/strict";
import { test } from "node:test";
import { parseField, pathOfLine } from "./place.ts";

const TEXT = `apiVersion: orrery.dev/v1
kind: Microservice
metadata:
  name: auth
spec:
  template:
    env:
      - name: A
        value: "1"
      # a remark
      - name: B
        value: "2"
    run:
      command: [node]
  other:
  - a: 1
    deep:
      - x: 1
      - y: 2
  "odd key": 1
  plain:
    - one
    - two
`;
const lines = TEXT.split("\n");
const of = (text: string, column?: number) =>
  pathOfLine(
    lines,
    lines.findIndex((line) => line.includes(text)),
    column,
  );

test("a line belongs to the keys above it, and items of lists are counted", () => {
  assert.deepEqual(of("kind:"), ["kind"]);
  assert.deepEqual(of("name: auth"), ["metadata", "name"]);
  assert.deepEqual(of("name: A"), ["spec", "template", "env", 0, "name"]);
  assert.deepEqual(of('value: "1"'), ["spec", "template", "env", 0, "value"]);
  assert.deepEqual(of("name: B"), ["spec", "template", "env", 1, "name"]);
  assert.deepEqual(of('value: "2"'), ["spec", "template", "env", 1, "value"]);
  assert.deepEqual(of("command:"), ["spec", "template", "run", "command"]);
  assert.deepEqual(of("- a: 1"), ["spec", "other", 0, "a"]);
  assert.deepEqual(of("deep:"), ["spec", "other", 0, "deep"]);
  assert.deepEqual(of("y: 2"), ["spec", "other", 0, "deep", 1, "y"]);
  assert.deepEqual(of("odd key"), ["spec", "odd key"]);
  assert.deepEqual(of("- two"), ["spec", "plain", 1]);
});

test("an empty line belongs to where the cursor stands", () => {
  const text = [...lines.slice(0, 9), "", ...lines.slice(9)];
  assert.deepEqual(pathOfLine(text, 9, 8), ["spec", "template", "env", 0]);
  assert.deepEqual(pathOfLine(text, 9, 4), ["spec", "template"]);
  assert.deepEqual(pathOfLine(text, 9, 2), ["spec"]);
  assert.deepEqual(pathOfLine(text, 9, 0), []);
});

test("a field of the API is read back as the keys that it is of", () => {
  assert.deepEqual(parseField("spec.template.env[3].name"), ["spec", "template", "env", 3, "name"]);
  assert.deepEqual(parseField('metadata.labels["a.b/c \\"d\\""]'), ["metadata", "labels", 'a.b/c "d"']);
  assert.deepEqual(parseField(""), []);
  assert.deepEqual(parseField("spec.a b"), ["spec", "a"]);
});
