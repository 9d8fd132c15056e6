import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, OrreryError } from "#/base/index.ts";
import { statusError } from "#/state/client/index.ts";
import { deletedStatus, failureStatus } from "./status.ts";

const subject = { verb: "update", kind: "Resource", plural: "resources", group: "orrery.dev", name: "one" };

for (const [code, http, reason] of [
  ["store/invalid", 422, "Invalid"],
  ["store/duplicate", 422, "Invalid"],
  ["store/immutable", 422, "Invalid"],
  ["store/missing", 404, "NotFound"],
  ["store/exists", 409, "AlreadyExists"],
  ["store/conflict", 409, "Conflict"],
  ["store/apply-conflict", 409, "Conflict"],
  ["store/gone", 410, "Expired"],
  ["store/full", 507, "InsufficientStorage"],
  ["store/damaged", 500, "InternalError"],
  ["api/unauthorized", 401, "Unauthorized"],
  ["api/too-large", 413, "RequestEntityTooLarge"],
  ["agent/missing", 404, "NotFound"],
  ["link/timeout", 504, "Timeout"],
  ["agent/whatever", 500, "InternalError"],
] as const satisfies readonly (readonly [ErrorCode, number, string])[]) {
  test(`${code} is told as ${http} ${reason}, and our client gets back what was thrown`, () => {
    const status = failureStatus(new OrreryError(code, "so it is", { details: { field: ".spec.id" } }), subject);
    assert.deepEqual([status.code, status.reason, status.status, status.message], [http, reason, "Failure", "so it is"]);
    const error = statusError(status.code, JSON.parse(JSON.stringify(status)));
    assert.deepEqual([error.code, error.message, error.details["field"]], [code, "so it is", ".spec.id"]);
  });
}

test("a retry by backoff says after how many seconds", () => {
  const status = failureStatus(new OrreryError("store/unavailable", "later", { retry: "backoff" }), subject);
  assert.deepEqual([status.code, status.details?.retryAfterSeconds], [503, 1]);
  assert.equal(statusError(503, status).retry, "backoff");
});

test("each wrong field is a cause; unknown fields are refused in Kubernetes' words", () => {
  const invalid = (message: string) =>
    failureStatus(new OrreryError("store/invalid", "whole text", { details: { causes: [{ field: "spec.palce", message }] } }), subject);
  assert.deepEqual(invalid("found 1; allowed: text").details?.causes, [
    { reason: "FieldValueInvalid", message: "found 1; allowed: text", field: "spec.palce" },
  ]);
  const unknown = invalid("unknown field; did you mean place?");
  assert.deepEqual([unknown.code, unknown.message], [400, 'strict decoding error: unknown field "spec.palce"; did you mean place?']);
});

test("a cause always names what it is of, also where it is of the whole", () => {
  for (const [verb, field] of [
    ["patch", "patch"],
    ["create", "object"],
    ["update", "object"],
  ] as const)
    for (const error of [
      new OrreryError("store/invalid", "no map", { details: { causes: [{ field: "", message: "give a map" }] } }),
      new OrreryError("store/immutable", "give a map"),
    ])
      assert.deepEqual(failureStatus(error, { ...subject, verb }).details?.causes, [{ reason: "FieldValueInvalid", message: "give a map", field }]);
});

test("what cannot be read in a list's query is the query's fault", () => {
  assert.equal(failureStatus(new OrreryError("store/invalid", "no selector"), { verb: "list" }).code, 400);
});

test("conflicts of apply name manager and field", () => {
  const status = failureStatus(
    new OrreryError("store/apply-conflict", "would change", { details: { conflicts: [{ manager: "kubectl", field: ".spec.place" }] } }),
    subject,
  );
  assert.deepEqual(status.details?.causes, [{ reason: "FieldManagerConflict", message: 'conflict with "kubectl"', field: ".spec.place" }]);
});

test("a bug shows nothing of itself", () => {
  const status = failureStatus(new TypeError("secret of the house"), subject);
  assert.equal(status.code, 500);
  assert.doesNotMatch(JSON.stringify(status), /secret/);
});

test("a deletion tells the uid, for which kubectl waits", () => {
  assert.equal(deletedStatus({ name: "one", group: "orrery.dev", plural: "resources", uid: "u" }).details?.uid, "u");
});

test("a refusal is short, however much was found", () => {
  const causes = Array.from({ length: 500 }, (_, index) => ({ field: `spec.${"f".repeat(5_000)}${index}`, message: `found ${"x".repeat(50_000)}` }));
  const error = new OrreryError("store/invalid", `it is not valid: ${"x".repeat(1_000_000)}`, { details: { causes } });
  const text = JSON.stringify(failureStatus(error, { verb: "create", kind: "Resource" }));
  assert.ok(text.length < 100_000, `${text.length} characters`);
  assert.match(text, /^\{"kind":"Status".*"code":"store\/invalid"/);
});
