import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf } from "./csv.ts";

test("commas, quotes and line ends stay in their cell; nothing is there for what is not known", () => {
  assert.equal(csvOf([["a,b", 'say "no"', "two\nlines", undefined, null, 0.5, true]]), '"a,b","say ""no""","two\nlines",,,0.5,true\r\n');
});

test("no text becomes a formula of a spreadsheet", () => {
  for (const text of ["=1+1", "+1", "-1", "@x", "\t=1"])
    assert.ok(
      csvOf([[text]])
        .replace(/^"/, "")
        .startsWith("'"),
      text,
    );
  assert.equal(csvOf([[-1]]), "-1\r\n");
});
