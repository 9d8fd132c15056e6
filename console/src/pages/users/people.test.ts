import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILT_IN, type RoleObject, roleNames, rolesOf, type UserObject, wordsOf } from "./people.ts";

const named = (name: string): RoleObject["metadata"] => ({ name, creationTimestamp: "2027-01-15T08:00:00Z" });

test("those that every site has come first, whether they are told or not", () => {
  assert.deepEqual(roleNames([{ metadata: named("safety") }, { metadata: named("viewer") }, { metadata: named("duty") }]), [
    ...BUILT_IN,
    "duty",
    "safety",
  ]);
});

test("somebody has what was given to them, and what their groups have, each for its objects", () => {
  const roles: RoleObject[] = [
    { metadata: named("viewer"), spec: { groups: [{ name: "all" }] } },
    { metadata: named("safety"), spec: { groups: [{ name: "night", where: "team=a" }, { name: "others" }] } },
  ];
  const one: UserObject = { metadata: named("op"), spec: { roles: [{ role: "operator", where: "team=b" }], groups: ["all", "night"] } };
  assert.deepEqual(rolesOf(one, roles), [
    { role: "operator", where: "team=b" },
    { role: "viewer", group: "all" },
    { role: "safety", group: "night", where: "team=a" },
  ]);
  assert.deepEqual(rolesOf({ metadata: named("new"), spec: {} }, roles), []);
});

test("a list is read by commas of either language, and spaces", () => {
  assert.deepEqual(wordsOf(" a, b，c 、 a\n"), ["a", "b", "c"]);
  assert.deepEqual(wordsOf(" , "), []);
});
