import assert from "node:assert/strict";
import { test } from "node:test";
import { microservice } from "./microservice.ts";
import { resource } from "./resource.ts";
import { route } from "./route.ts";
import { update } from "./update.ts";
import { findNearest, findViolations, formatField } from "./violation.ts";

const template = { version: "v1", run: { command: ["node"] } };
const lines = (found: ReturnType<typeof findViolations>): string[] => found.map((one) => `${one.field}: ${one.message}`);

test("an allowed value has no violations", () => {
  assert.deepEqual(findViolations(microservice.spec, { template }), []);
});

test("a wrong type names the field, what was found and what is allowed", () => {
  assert.deepEqual(lines(findViolations(microservice.spec, { replicas: "three", template }, ["spec"])), [
    'spec.replicas: found "three"; allowed: a whole number from 0 to 1000',
  ]);
});

test("a number out of range names the bound", () => {
  assert.deepEqual(lines(findViolations(microservice.spec, { replicas: 5000, template })), ["replicas: found 5000; allowed: at most 1000"]);
});

test("an unknown field names the one that was probably meant, and its path ends with the field", () => {
  const [found] = findViolations(microservice.spec, { replcas: 3, template }, ["spec"]);
  assert.deepEqual(found?.path, ["spec", "replcas"]);
  assert.match(found?.message ?? "", /^unknown field; did you mean replicas\?; allowed: mode, replicas,/);
});

test("a missing required field says so", () => {
  assert.match(lines(findViolations(microservice.spec, {}))[0] ?? "", /^template: found nothing; allowed: a map with version, .*\(required\)$/);
});

test("words of the model's author are kept", () => {
  const found = lines(findViolations(microservice.spec, { template: { version: "V 1", run: { command: [] } } }));
  assert.deepEqual(found, [
    `template.version: found "V 1"; allowed: lower-case letters, digits, '-' and '.', each part between dots beginning and ending with a letter or digit, as in v2 or 1.4.0-rc1`,
    "template.run.command: missing: give the program and its arguments, as in [node, server.ts]; found an empty list",
  ]);
});

test("a choice lists its options", () => {
  assert.match(lines(findViolations(microservice.spec, { mode: "both", template }))[0] ?? "", /found "both"; allowed: distributed$/);
});

test("a rule over several fields stands at the object or field that breaks it", () => {
  const found = lines(findViolations(route.spec, { service: "a", path: {}, filters: [{ rewritePath: { prefix: "a" } }] }));
  assert.deepEqual(found, [
    'filters[0].rewritePath.prefix: found "a"; allowed: text that begins with "/"',
    "path: give exactly one of prefix, exact; found an empty map",
  ]);
});

test("the value of an environment variable is never shown", () => {
  const found = findViolations(microservice.spec, { template: { ...template, env: [{ name: "KEY", value: 31_415_926 }] } });
  assert.equal(found.length, 1);
  assert.doesNotMatch(JSON.stringify(found), /31415926/);
});

test("a long text is shortened", () => {
  const [found] = findViolations(resource.spec, { id: `${"x".repeat(500)} y`, type: "thing" });
  assert.ok(found !== undefined);
  assert.ok(found.found.length < 120, found.found);
});

test("fields are written as kubectl writes them", () => {
  assert.equal(formatField(["spec", "env", 0, "name"]), "spec.env[0].name");
  assert.equal(formatField(["metadata", "labels", "a.b/c"]), 'metadata.labels["a.b/c"]');
});

test("the nearest word is found only when it is near", () => {
  assert.equal(findNearest("stauts", ["status", "start", "scale"]), "status");
  assert.equal(findNearest("auht", ["portal", "auth"]), "auth");
  assert.equal(findNearest("frobnicate", ["status", "start"]), undefined);
});

test("an update's drain says how streams end, and nothing that contradicts itself", () => {
  const asked = (drain: unknown): string[] => lines(findViolations(update.spec, { services: [{ name: "auth", to: "v2" }], drain }));
  for (const drain of [
    { terminateAfter: "30s" },
    { streams: "wait" },
    { streams: "terminateAfter" },
    { streams: "terminateAfter", terminateAfter: "0s" },
  ])
    assert.deepEqual(asked(drain), []);
  assert.match(asked({})[0] ?? "", /^drain: say how streams are ended: terminateAfter: 30s, or streams: wait; found an empty map$/);
  assert.match(asked({ streams: "wait", terminateAfter: "30s" })[0] ?? "", /^drain: streams: wait never ends a stream: leave out terminateAfter/);
  assert.match(asked({ terminateAfter: "soon" })[0] ?? "", /^drain\.terminateAfter: found "soon"/);
  assert.match(asked({ streams: "terminate-after" })[0] ?? "", /^drain\.streams: found "terminate-after"; allowed: terminateAfter or wait/);
  assert.match(asked({ busy: {} })[0] ?? "", /busy/);
});
