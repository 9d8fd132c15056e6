import assert from "node:assert/strict";
import { test } from "node:test";
import { REDACTED, type StoredObject } from "#/model/index.ts";
import { jsonOf } from "./json.ts";
import { LAST_APPLIED, redact } from "./redaction.ts";

const env = [
  { name: "MODE", value: "fast" },
  { name: "PASSWORD", value: "tiger", secret: true },
];
const metadata = { name: "auth", uid: "u", resourceVersion: "1", generation: 1, creationTimestamp: "" };
const build = (spec: unknown, annotations?: Readonly<Record<string, string>>): StoredObject => ({
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { ...metadata, ...(annotations !== undefined && { annotations }) },
  spec,
});

test("values of secrets are hidden at any depth, everything else is shared", () => {
  const object = build({ template: { env, run: { command: ["node"] } } });
  const shown = redact(object);
  assert.deepEqual((shown.spec as { template: { env: unknown } }).template.env, [env[0], { ...env[1], value: REDACTED }]);
  assert.equal((shown.spec as { template: { run: unknown } }).template.run, (object.spec as { template: { run: unknown } }).template.run);
  assert.equal(redact(object), shown);
  assert.doesNotMatch(JSON.stringify(shown), /tiger/);
  assert.match(JSON.stringify(object), /tiger/);
});

test("whether its text has been made or not, an object shows the same", () => {
  for (const [object, isHidden] of [
    [build({ template: { env } }), true],
    [build({ template: { env: [env[0]] } }), false],
    [build({}, { [LAST_APPLIED]: JSON.stringify({ spec: { template: { env } } }) }), true],
    [build({ note: "a secret" }), false],
  ] as const) {
    const frozen = Object.freeze({ ...object });
    const before = redact({ ...object });
    jsonOf(frozen);
    assert.deepEqual(redact(frozen), before);
    assert.equal(JSON.stringify(redact(frozen)).includes("tiger"), false);
    assert.equal(redact(frozen) !== frozen, isHidden);
  }
});

test("an object without secrets is given as it is", () => {
  const object = build({ template: { env: [env[0]] } });
  assert.equal(redact(object), object);
});

test("what kubectl keeps in its annotation shows no secret either, nor does anything else there that might hold one", () => {
  const applied = JSON.stringify({ spec: { template: { env } } });
  const shown = redact(build({}, { [LAST_APPLIED]: applied, other: "kept" }));
  assert.equal(shown.metadata.annotations?.[LAST_APPLIED], applied.replace("tiger", REDACTED));
  assert.equal(shown.metadata.annotations?.["other"], "kept");
  assert.equal(redact(build({}, { [LAST_APPLIED]: '{"secret": true, broken' })).metadata.annotations?.[LAST_APPLIED], REDACTED);
});
