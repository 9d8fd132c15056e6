import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { reasonOfEnd } from "./session-end.ts";

const ENDS: readonly (readonly [said: string, why: string | undefined])[] = [
  ["Unauthorized: your session was ended", undefined],
  ["Unauthorized: the session has ended, or never was; log in", undefined],
  ["Unauthorized: there is no such session; log in again", undefined],
  ["your session has ended: nobody has used it for 2 h; log in again", "nobody has used it for 2 h"],
  ["your session has ended: it was made 16 h ago; log in again", "it was made 16 h ago"],
  ["your session has ended: it was ended; log in again", undefined],
  ["this has ended: user vera is disabled", "user vera is disabled"],
  ["Unauthorized: user ops is no more", "user ops is no more"],
  ["the session was ended", undefined],
  ["", undefined],
  ["…", undefined],
];

test("why a session has ended is told without that it has, whoever tells it", () => {
  for (const [said, why] of ENDS) assert.equal(reasonOfEnd(said), why, said);
});

test("whatever is taken away once is not said a second time by the words of the page", () => {
  for (const language of ["en", "zh"]) {
    const texts = JSON.parse(readFileSync(new URL(`../texts/${language}/login.json`, import.meta.url), "utf8")) as Record<string, string>;
    assert.match(texts["endedBy"] ?? "", /\{\{why\}\}/);
    assert.doesNotMatch(texts["ended"] ?? "", /\{\{|[:：]$/);
  }
  for (const [said] of ENDS) assert.doesNotMatch(reasonOfEnd(said) ?? "", /session (?:has|was) ended/);
});
