import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AuditEntry, auditPath, changesOf, endingOf, type Filters } from "./entry.ts";

const NONE: Filters = { text: "", user: "", action: "", object: "", since: "", until: "" };
const NOW_MS = Date.parse("2027-01-15T08:00:42.500Z");
const ENTRY: AuditEntry = { seq: 1, at: "2027-01-15T08:00:00.000Z", is: "record" };

test("what is asked for is what was typed; a span counts from the minute, so that the question stays the same", () => {
  const path = (filters: Partial<Filters>, before = ""): string => auditPath({ ...NONE, ...filters }, { nowMs: NOW_MS, before, limit: 100 });
  assert.equal(path({}), "/audit?limit=100");
  assert.equal(path({ user: " eva ", object: "Microservice/auth" }, "17"), "/audit?user=eva&object=Microservice%2Fauth&before=17&limit=100");
  assert.equal(path({ since: "1h" }), "/audit?since=2027-01-15T07%3A00%3A00.000Z&limit=100");
  assert.equal(
    path({ since: "2027-01-14", until: "2027-01-14T06:30" }),
    "/audit?since=2027-01-14T00%3A00%3A00.000Z&until=2027-01-14T06%3A30%3A00.000Z&limit=100",
  );
  assert.equal(path({ since: "nonsense", until: "2027-13-99" }, "1; drop"), "/audit?limit=100");
});

test("whatever is typed, the path is one of the audit and asks for nothing else", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(fc.record({ text, user: text, action: text, object: text, since: text, until: text }), text, (filters, before) => {
      const url = new URL(auditPath(filters, { nowMs: NOW_MS, before, limit: 100 }), "http://x");
      assert.equal(url.pathname, "/audit");
      for (const key of url.searchParams.keys())
        assert.ok(["text", "user", "action", "object", "since", "until", "before", "limit"].includes(key), key);
      assert.equal(url.searchParams.get("limit"), "100");
    }),
  );
});

test("what came of it: of what was begun and never ended nobody knows it", () => {
  const of = (entry: Partial<AuditEntry>): string => endingOf({ ...ENTRY, ...entry });
  assert.equal(of({ is: "intent" }), "unknown");
  assert.equal(of({ is: "chain" }), "said");
  const codes = [0, 200, 201, 202, 403, 409, 503].map((code) => of({ is: "intent", outcome: { code } }));
  assert.deepEqual(codes, ["unknown", "done", "done", "waits", "refused", "refused", "failed"]);
});

test("a field that was not there, and one that goes, are told apart from empty ones", () => {
  const change = { before: { "spec.a": 1, "spec.c": "" }, after: { "spec.b": { x: "<b>" }, "spec.c": null } };
  assert.deepEqual(changesOf({ ...ENTRY, change }), [
    { field: "spec.a", before: "1" },
    { field: "spec.b", after: '{\n "x": "<b>"\n}' },
    { field: "spec.c", before: "", after: "null" },
  ]);
  assert.deepEqual(changesOf(ENTRY), []);
});
