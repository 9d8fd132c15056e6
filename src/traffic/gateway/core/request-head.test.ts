import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RequestHead } from "./request-head.ts";

const passed = (...raw: readonly string[]): readonly string[] => new RequestHead("GET", "/", raw).passed;

test("the console's cookies and its half of a session end at the gateway, all other cookies pass as they were written", () => {
  const own = "orrery-0a1b2c3d-7480";
  assert.deepEqual(passed("Cookie", `a=1; ${own}=x.y; b=2`), ["Cookie", "a=1; b=2"]);
  assert.deepEqual(passed("cookie", `${own}=x.y;${own}-known=z; orrery-ffffffff-1=q`), []);
  assert.deepEqual(passed("Cookie", "orrery-theme=dark; my-orrery-0a1b2c3d-7480=1"), ["Cookie", "orrery-theme=dark; my-orrery-0a1b2c3d-7480=1"]);
  assert.deepEqual(passed("Cookie", `${own}=a`, "Cookie", "b=2"), ["Cookie", "b=2"]);
  assert.deepEqual(passed("Orrery-Session", "secret", "X-Kept", "1"), ["X-Kept", "1"]);
});

test("among whatever other cookies it stands, and in whichever spelling of its header, its value goes no further", () => {
  const other = fc.string({ unit: "grapheme-ascii", maxLength: 12 }).filter((text) => !text.includes(";"));
  const spelling = fc.constantFrom("cookie", "Cookie", "COOKIE", "cOOkie");
  const own = fc.constantFrom("orrery-0a1b2c3d-7480", "orrery-00000000-0", "orrery-0a1b2c3d-7480-known", "orrery-0a1b2c3d-7480-state");
  fc.assert(
    fc.property(
      spelling,
      fc.array(other, { maxLength: 5 }),
      own,
      fc.array(other, { maxLength: 5 }),
      fc.constantFrom("", " ", "\t"),
      (name, before, cookie, after, space) => {
        const sent = [...before, `${space}${cookie}${space}=SECRET.HALF`, ...after].join(";");
        const kept = passed(name, sent).join(" ");
        assert.ok(!kept.includes("SECRET"), kept);
        for (const one of [...before, ...after]) assert.ok(one.trim() === "" || kept.includes(one.trim()));
      },
    ),
  );
});
