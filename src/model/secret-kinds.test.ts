import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { kinds } from "./all-kinds.ts";
import { SECRET_KINDS } from "./secret-kinds.ts";

/** Whether anywhere in a JSON schema an object may have the fields of a secret. */
function holdsSecrets(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  const { properties } = schema as { readonly properties?: Readonly<Record<string, unknown>> };
  if (properties !== undefined && "value" in properties && "secret" in properties) return true;
  return Object.values(schema).some(holdsSecrets);
}

test("the kinds that may hold secrets are those whose schemas have them", () => {
  const found = kinds.filter(({ spec }) => holdsSecrets(z.toJSONSchema(spec, { io: "input", unrepresentable: "any" }))).map(({ plural }) => plural);
  assert.deepEqual(found.toSorted(), SECRET_KINDS);
  for (const { kind, status } of kinds) assert.equal(holdsSecrets(z.toJSONSchema(status, { io: "input", unrepresentable: "any" })), false, kind);
});
