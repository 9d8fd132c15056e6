import assert from "node:assert/strict";
import { test } from "node:test";
import { adminsOf, BUILT_IN, draftOf, type RoleObject, roleNames, rolesOf, ruleOf, type UserObject, wordsOf } from "./people.ts";

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

test("a rule is edited and comes out as it was; of what is not whole there is none", () => {
  for (const rule of [
    { verbs: ["get", "list", "watch"], kinds: ["*"] },
    { verbs: ["*"], kinds: ["Route", "Instance/log"], labels: "tier in (edge, core),place=antenna" },
    { verbs: ["get", "patch"], kinds: ["Resource"], names: ["antenna-15m", "antenna-7m"] },
  ])
    assert.deepEqual(ruleOf(draftOf(rule)), rule);
  assert.equal(ruleOf({ may: "see", verbs: [], kinds: " , ", names: "a", labels: "" }), undefined);
  assert.equal(ruleOf({ may: "own", verbs: [], kinds: "Route", names: "", labels: "" }), undefined);
});

test("admins are those who decide for the whole site, by whichever role or group", () => {
  const at = (name: string, spec: object) => ({ metadata: { name, creationTimestamp: "" }, spec });
  const roles = [
    at("guardian", { actions: ["manage-users", "escalate"], groups: [{ name: "guards" }] }),
    at("half", { actions: ["*"] }),
    at("whole", { actions: ["*", "escalate"] }),
  ];
  const users = [
    at("a", { roles: [{ role: "admin" }] }),
    at("b", { roles: [{ role: "admin", where: "team=x" }] }),
    at("c", { roles: [{ role: "admin" }], disabled: true }),
    at("d", { groups: ["guards"] }),
    at("e", { roles: [{ role: "half" }] }),
    at("f", { roles: [{ role: "whole" }] }),
  ];
  assert.deepEqual(adminsOf(users, roles), ["a", "d", "f"]);
});
