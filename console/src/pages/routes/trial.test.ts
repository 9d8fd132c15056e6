import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { view } from "../../../../src/face/views/protocol.ts";
import { readHeaders, splitAddress, type TrialForm, wishOf } from "./trial.ts";

const FORM: TrialForm = { method: "GET", path: "/", host: "", headers: "", caller: "", service: "" };

test("headers are read line by line, and what is none is told", () => {
  assert.deepEqual(readHeaders("X-User: anna\n\nCookie: a=b; c=d:e\nno header\n: empty"), {
    headers: { "X-User": "anna", Cookie: "a=b; c=d:e" },
    wrong: ["no header", ": empty"],
  });
});

test("an address is pasted as it stands in the browser", () => {
  assert.deepEqual(splitAddress("https://portal.example.org:8443/passes?x=1#top"), { host: "portal.example.org:8443", path: "/passes?x=1" });
  assert.deepEqual(splitAddress("http://portal?x"), { host: "portal", path: "/?x" });
  assert.deepEqual(splitAddress("passes"), { path: "/passes" });
});

test("between services nothing is asked before it is known whom", () => {
  assert.equal(wishOf({ ...FORM, caller: "portal" }), undefined);
  assert.deepEqual(wishOf({ ...FORM, caller: "portal", service: "auth" }), {
    of: "try",
    method: "GET",
    path: "/",
    caller: "portal",
    service: "auth",
  });
});

test("whatever is written, the server takes the question", () => {
  const text = fc.oneof(fc.string(), fc.string({ minLength: 8_500, maxLength: 9_000 }), fc.constantFrom("https://a/b", "X: y\nZ: w"));
  const name = fc.constantFrom("", "portal", "auth");
  fc.assert(
    fc.property(
      fc.record({ method: text, path: text, host: text, headers: fc.oneof(fc.string(), fc.constant("X: y")), caller: name, service: name }),
      (form) => {
        const wish = wishOf(form);
        if (wish !== undefined) assert.ok(view.safeParse(wish).success, JSON.stringify(wish).slice(0, 300));
      },
    ),
  );
});
