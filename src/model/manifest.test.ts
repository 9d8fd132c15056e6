import assert from "node:assert/strict";
import { test } from "node:test";
import { checkManifest, kinds } from "./all-kinds.ts";

const messages = (object: unknown): string[] => checkManifest(object).violations.map((one) => `${one.field}: ${one.message}`);
const auth = {
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { name: "auth" },
  spec: { template: { version: "v1", run: { command: ["node"] } } },
};

test("a whole object that the model allows passes, also with a status", () => {
  const checked = checkManifest({ ...auth, status: { anything: true } });
  assert.deepEqual([checked.kind?.kind, checked.title, checked.violations], ["Microservice", "Microservice auth", []]);
});

test("a site without a spec is allowed: all its fields have defaults", () => {
  assert.deepEqual(messages({ apiVersion: "orrery.dev/v1", kind: "Site", metadata: { name: "site" } }), []);
});

test("a wrong apiVersion and a kind in lower case are named", () => {
  assert.deepEqual(messages({ ...auth, apiVersion: "v1", kind: "microservice" }).slice(0, 2), [
    'apiVersion: found "v1"; allowed: orrery.dev/v1',
    `kind: found "microservice"; did you mean Microservice? allowed: ${kinds.map((kind) => kind.kind).join(", ")}`,
  ]);
});

test("a field beside spec is refused", () => {
  assert.match(messages({ ...auth, replicas: 3 })[0] ?? "", /^replicas: unknown field; allowed: apiVersion, kind, metadata, spec, status$/);
});

test("a missing or too long name is refused", () => {
  assert.match(messages({ ...auth, metadata: {} })[0] ?? "", /^metadata\.name: missing: give the object's name/);
  assert.match(
    messages({ ...auth, metadata: { name: "x".repeat(300) } })[0] ?? "",
    /^metadata\.name: found "x+… \(300 characters\); allowed: at most 63 characters$/,
  );
  for (const [kind, name] of [
    ["Microservice", "pay.api"],
    ["Resource", "r".repeat(64)],
    ["Site", "main"],
  ] as const)
    assert.match(messages({ apiVersion: "orrery.dev/v1", kind, metadata: { name } })[0] ?? "", /^metadata\.name: found /);
});

test("what is not a map at all is refused", () => {
  for (const value of [undefined, null, 3, "text", [auth]])
    assert.match(messages(value)[0] ?? "", /allowed: a map with apiVersion, kind, metadata, spec$/);
});
