import assert from "node:assert/strict";
import { test } from "node:test";
import { ownControl } from "./printable.ts";
import { cut, formatTable, textWidth } from "./table.ts";

const red = (text: string): string => `${ownControl("31m")}${text}${ownControl("39m")}`;

test("columns are aligned, numbers to the right, and no line ends with spaces", () => {
  assert.deepEqual(
    formatTable(
      [{ title: "NAME" }, { title: "CALLS", align: "right" }, { title: "STATUS" }],
      [
        ["auth", "12", "Ready"],
        ["predictor", "1200", ""],
      ],
    ),
    ["NAME       CALLS  STATUS", "auth          12  Ready", "predictor   1200"],
  );
});

test("wide characters count two, colours none", () => {
  assert.equal(textWidth("值班员"), 6);
  assert.equal(textWidth(red("ab")), 2);
  const [head, first, second] = formatTable(
    [{ title: "A" }, { title: "B" }],
    [
      ["值班", "x"],
      [red("ab"), "y"],
    ],
  );
  assert.deepEqual([head, first, second], ["A     B", "值班  x", `${red("ab")}    y`]);
});

test("the widest column that may be cut gives way to a narrow terminal", () => {
  const lines = formatTable(
    [{ title: "NAME" }, { title: "REASON", shrinks: true }],
    [["auth", "a very long reason that nobody can read in one line"]],
    30,
  );
  assert.deepEqual(lines, ["NAME  REASON", "auth  a very long reason that…"]);
  assert.ok(lines.every((line) => textWidth(line) <= 30));
});

test("columns that may go are left out from the right, if cutting is not enough", () => {
  const columns = [
    { title: "NAME" },
    { title: "REASON", shrinks: true },
    { title: "SINCE", goes: true },
    { title: "SHARE", goes: true },
    { title: "AGE" },
  ];
  const row = ["auth", "a very long reason", "3s", "1", "5s"];
  const at = (width: number): string[] => formatTable(columns, [row], width);
  assert.deepEqual(at(33), ["NAME  REASON    SINCE  SHARE  AGE", "auth  a very …  3s     1      5s"]);
  assert.deepEqual(at(32), ["NAME  REASON          SINCE  AGE", "auth  a very long r…  3s     5s"]);
  assert.deepEqual(at(24), ["NAME  REASON         AGE", "auth  a very long …  5s"]);
});

test("a cut never splits a wide character", () => {
  assert.equal(cut("值班员甲", 6), "值班…");
});
