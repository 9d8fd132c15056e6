import assert from "node:assert/strict";
import { test } from "node:test";
import { type Site, site } from "#/model/index.ts";
import { effects } from "./effects.ts";

const of = (audit: object): Site => ({ apiVersion: "orrery.dev/v1", kind: "Site", metadata: { name: "site" }, spec: { audit } }) as unknown as Site;

test("who changes when the audit goes decides about people, who changes the rest of its settings edits", () => {
  const actions = (before: object, after: object): readonly string[] => effects(site, of(before), of(after)).map(({ action }) => action);
  const keep = { for: "400d", exportTo: "/mnt/a" };
  for (const [before, after] of [
    [{}, { keep }],
    [{ keep }, {}],
    [{ keep }, { keep: { ...keep, exportTo: "/tmp" } }],
    [{ keep }, { keep: { ...keep, for: "1s" } }],
  ] as const)
    assert.deepEqual(actions(before, after), ["manage-users", "edit"]);
  assert.deepEqual(actions({ keep, bytes: 1 }, { keep, bytes: 2 }), ["edit"]);
});
