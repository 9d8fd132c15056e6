import assert from "node:assert/strict";
import { it } from "node:test";
import { MACHINE_NAMES, user } from "#/model/index.ts";
import { users } from "#/pki/index.ts";
import { MACHINE_ADMIN } from "./owners.ts";

it("nobody is given the name of a token of the data folder, under which they would end the sessions of the machine's admin", () => {
  const named = [...users.map(({ name }) => name), MACHINE_ADMIN.name];
  assert.deepEqual([...new Set(named)].sort(), [...MACHINE_NAMES].sort());
  for (const name of named) assert.match(user.name?.safeParse(name).error?.message ?? "", /tokens of the data folder, and no Users/);
  for (const name of ["administrator", "admin2", "viewer.a", "anna"]) assert.equal(user.name?.safeParse(name).success, true, name);
});
