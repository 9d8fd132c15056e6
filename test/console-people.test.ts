/** What the console knows of users and roles by itself is what the centre has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { role, user } from "#/model/index.ts";
import { BUILT_IN_ROLES } from "#/people/access/index.ts";
import { BUILT_IN, isName } from "../console/src/pages/users/people.ts";

test("the roles that every site has are those of the centre", () => {
  assert.deepEqual([...BUILT_IN], [...BUILT_IN_ROLES.keys()]);
});

test("names are those that the kinds take", () => {
  for (const name of ["a", "w.huang", "night-shift", "A", "-a", "a_b", "a..b", "a.", "a.-b", "", "x".repeat(63), "x".repeat(64), "<b>"]) {
    const isTaken = user.name?.safeParse(name).success;
    assert.equal(role.name?.safeParse(name).success, isTaken);
    assert.equal(isName(name), isTaken, name);
  }
});
