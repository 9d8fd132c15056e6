import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { changeOf, redactText, redactValue } from "./index.ts";

const MARK = "Zq7-planted-9";

test("a change is the fields that differ, by path, before and after", () => {
  const before = {
    metadata: { name: "auth", labels: { team: "a" } },
    spec: { replicas: 2, template: { version: "v1", run: { command: ["node"] } } },
  };
  const after = { metadata: { name: "auth", resourceVersion: "7" }, spec: { replicas: 3, template: { version: "v2", run: { command: ["node"] } } } };
  assert.deepEqual(changeOf(before, after), {
    before: { "metadata.labels": { team: "a" }, "spec.replicas": 2, "spec.template.version": "v1" },
    after: { "spec.replicas": 3, "spec.template.version": "v2" },
  });
  assert.equal(changeOf(before, { ...before, metadata: { ...before.metadata, managedFields: [{}], generation: 9 } }), undefined);
});

test("what was made and what was deleted are fields of one side", () => {
  assert.deepEqual(changeOf(undefined, { spec: { a: 1 } }), { before: {}, after: { "spec.a": 1 } });
  assert.deepEqual(changeOf({ spec: { a: 1 } }, undefined), { before: { "spec.a": 1 }, after: {} });
});

test("items of a list that have names are compared by them", () => {
  const env = (value: string, more: object[] = []) => ({ spec: { env: [{ name: "LEVEL", value }, ...more] } });
  assert.deepEqual(changeOf(env("info"), env("debug", [{ name: "A", value: "b" }])), {
    before: { "spec.env.LEVEL.value": "info" },
    after: { "spec.env.LEVEL.value": "debug", "spec.env.A": { name: "A", value: "b" } },
  });
});

test("a secret is in no side of a change, wherever it stands and however it is marked", () => {
  const places: readonly ((secret: string) => object)[] = [
    (secret) => ({ env: [{ name: "A", value: secret, secret: true }] }),
    (secret) => ({ env: [{ name: "DB_PASSWORD", value: secret }] }),
    (secret) => ({ password: secret }),
    (secret) => ({ login: { apiKey: secret } }),
    (secret) => ({ list: [{ password: secret }, { token: [secret] }] }),
    (secret) => ({ command: ["server", "--password", secret, "--port", "1"] }),
    (secret) => ({ command: ["server", `--token=${secret}`] }),
    (secret) => ({ command: ["sh", "-c", `PASSWORD=${secret} server`] }),
    (secret) => ({ command: ["sh", "-c", `curl -H "Authorization: Bearer ${secret}" http://a`] }),
    (secret) => ({ url: `amqp://user:${secret}@broker/x` }),
    (secret) => ({ url: `https://a/x?token=${secret}&b=1` }),
    (secret) => ({ text: `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----` }),
    (secret) => ({ text: JSON.stringify({ password: secret }) }),
    (secret) => ({ headers: { Authorization: `Basic ${secret}` } }),
    (secret) => ({ text: `- name: A\n  value: ${secret}\n  secret: true\n` }),
    (secret) => ({ text: `- name: DB_PASSWORD\n  value: ${secret}\n` }),
    (secret) => ({ text: `{"env": [{"name": "DB_PASSWORD", "value": "${secret}"` }),
    (secret) => ({ clientSecret: { value: secret } }),
  ];
  for (const place of places) {
    const [one, other] = [`${MARK}a`, `${MARK}b`].map((secret) => ({
      metadata: { annotations: { note: JSON.stringify(place(secret)) } },
      spec: place(secret),
    }));
    for (const [before, after] of [
      [one, other],
      [undefined, one],
      [one, undefined],
    ])
      assert.ok(!JSON.stringify(changeOf(before, after)).includes(MARK), `${JSON.stringify(one)}: ${JSON.stringify(changeOf(before, after))}`);
    assert.ok(!JSON.stringify(redactValue(one)).includes(MARK));
    assert.ok(JSON.stringify(changeOf(one, other)).includes("spec."), "that it changed is told");
  }
});

test("taking the mark away does not show what it hid", () => {
  const env = (secret: boolean, value: string) => ({ spec: { env: [{ name: "A", value, ...(secret && { secret }) }] } });
  for (const change of [changeOf(env(true, MARK), env(false, `${MARK}2`)), changeOf(env(false, MARK), env(true, `${MARK}2`))])
    assert.ok(!JSON.stringify(change).includes(MARK), JSON.stringify(change));
});

test("what kubectl keeps of a whole manifest is not kept once more", () => {
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ a: MARK }) };
  assert.equal(changeOf(undefined, { metadata: { annotations } }), undefined);
});

test("a change and a text have a bound, whatever comes in, and cost little", () => {
  const large = { spec: Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, "x".repeat(200)])) };
  const text = JSON.stringify(changeOf(undefined, large));
  assert.ok(text.length < 64_000, `${text.length}`);
  assert.match(text, /4\d\d\d further fields/);
  for (const piece of [
    "pass",
    "a.",
    "-----BEGIN PRIVATE KEY-----",
    "bearer ",
    "eyJaaaaaaaaaa.",
    "x://",
    "token=",
    "name: ",
    "secret : ",
    '"a.password',
    "\u0000",
    "\ud800",
  ]) {
    const beganMs = performance.now();
    assert.ok(redactText(piece.repeat(100_000)).length <= 1_001);
    assert.ok(performance.now() - beganMs < 200, `${piece}: ${performance.now() - beganMs} ms`);
  }
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => void changeOf(before, after)));
});

test("a text keeps one line and says what it says", () => {
  assert.equal(redactText("antenna 2 drifts\nsee ticket 14, token ring"), "antenna 2 drifts see ticket 14, token ring");
  assert.equal(redactText("password: hunter2"), "password: (secret)");
});
