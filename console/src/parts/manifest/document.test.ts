import assert from "node:assert/strict";
import { test } from "node:test";
import { type ObjectText, problemsOf, readManifest, rebased, textOf, withKept } from "./document.ts";

const OBJECT: ObjectText = {
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: {
    name: "auth",
    namespace: "default",
    uid: "u",
    resourceVersion: "7",
    generation: 1,
    creationTimestamp: "2030-01-01T00:00:00Z",
    labels: { team: "a" },
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
  },
  spec: { replicas: 2, template: { version: "v1", env: [{ name: "A", value: "no" }] } },
  status: { readyReplicas: 2 },
};

test("what only the server says is not edited, and the rest is read back as it was", () => {
  const text = textOf(OBJECT);
  assert.doesNotMatch(text, /uid|resourceVersion|status|last-applied|namespace/);
  assert.deepEqual(readManifest(text).object, {
    apiVersion: "orrery.dev/v1",
    kind: "Microservice",
    metadata: { name: "auth", labels: { team: "a" } },
    spec: OBJECT.spec,
  });
});

test("what the API refuses stands at its field, or the nearest around it", () => {
  const text = textOf(OBJECT);
  const manifest = readManifest(text);
  const at = (field: string): string => {
    const [problem] = problemsOf({ code: 422, details: { causes: [{ field, message: "wrong" }] } }, manifest);
    return text.slice(problem?.from, problem?.to);
  };
  assert.equal(at("spec.replicas"), "replicas: 2");
  assert.equal(at("spec.template.env[0].value"), "value: no");
  assert.equal(at("spec.template.run"), "template");
  assert.equal(at("metadata.labels.team"), "team: a");
  assert.deepEqual(problemsOf({ code: 409, message: "it has changed" }, manifest), [{ from: 0, to: 0, message: "it has changed" }]);
});

test("what is no manifest says so at its place, and never throws", () => {
  for (const [text, message] of [
    ["", /empty/],
    ["# nothing", /empty/],
    ["- a", /no map/],
    ["a: 1\n---\nb: 2", /several/],
    ["a: [1", /./],
    ["a: 1\na: 2", /unique/],
    ["a: &x [1]\nb: *y", /./],
    ['a: "\\q"', /./],
    ["\t- x", /./],
  ] as const) {
    const { problems, object } = readManifest(text);
    assert.match(problems[0]?.message ?? "", message, text);
    assert.equal(object, undefined, text);
    for (const { from, to } of problems) assert.ok(from >= 0 && to >= from && to <= text.length, text);
  }
});

test("what a person has changed is put onto what another has written meanwhile", () => {
  const base = { a: 1, b: { c: 1, d: 1 }, list: [1], gone: 1, theirs: 1 };
  const mine = { a: 2, b: { c: 1, d: 1, e: 1 }, list: [1], theirs: 1 };
  const other = { a: 1, b: { c: 5, d: 1 }, list: [1, 2], gone: 1, fresh: 1 };
  assert.deepEqual(rebased(base, mine, other), { a: 2, b: { c: 5, d: 1, e: 1 }, list: [1, 2], fresh: 1 });
  assert.deepEqual(rebased(base, base, other), other);
});

test("what tools keep in an object is not edited, and is written back as it is", () => {
  const live: ObjectText = {
    ...OBJECT,
    metadata: { ...OBJECT.metadata, finalizers: ["a/b"], annotations: { "orrery.dev/changed-by": "eva", mine: "1" } },
  };
  const text = textOf(live);
  assert.doesNotMatch(text, /finalizers|changed-by/);
  const { metadata } = withKept(readManifest(text.replace('mine: "1"', 'mine: "2"')).object ?? {}, live) as unknown as ObjectText;
  assert.deepEqual(metadata, {
    name: "auth",
    labels: { team: "a" },
    finalizers: ["a/b"],
    annotations: { "orrery.dev/changed-by": "eva", mine: "2" },
  });
  assert.deepEqual(withKept({ metadata: { name: "x" } }, undefined), { metadata: { name: "x" } });
});
