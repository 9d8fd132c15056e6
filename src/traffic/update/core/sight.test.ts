import assert from "node:assert/strict";
import { test } from "node:test";
import { type Gateway, type Instance, type Microservice, microservice, type Revision } from "#/model/index.ts";
import { GatewayWatch, revisionReadiness } from "./sight.ts";

const metadata = { name: "auth", namespace: "default", uid: "u", resourceVersion: "1", generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" };
const spec = microservice.spec.parse({ replicas: 2, template: { version: "v1", run: { command: ["node"] } } });
const service = { apiVersion: "orrery.dev/v1", kind: "Microservice", metadata, spec } as Microservice;
const revision = {
  apiVersion: "orrery.dev/v1",
  kind: "Revision",
  metadata,
  spec: { service: "auth", template: spec.template, hash: "x" },
} as Revision;
const instance = (host: string, isReady: boolean, more: object = {}): Instance =>
  ({
    apiVersion: "orrery.dev/v1",
    kind: "Instance",
    metadata: { ...metadata, ...more },
    spec: { host },
    status: { ready: isReady, ...(isReady ? { available: true } : {}) },
  }) as unknown as Instance;
const seen = { revision, serviceOf: () => service, isHostKnown: () => true };

test("a revision is as ready as its instances that are not being deleted, on hosts that answer; those that give no answer are not ready, but may be called", () => {
  const instances = [
    instance("a", true),
    instance("b", true),
    instance("a", false),
    { ...instance("a", false), status: { ready: false, unanswered: true } },
    instance("a", true, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
  ];
  const readiness = revisionReadiness({ ...seen, instances, isHostKnown: (host) => host === "a" });
  assert.deepEqual(readiness, { wanted: 2, ready: 1, active: 0, toldCallable: 3, readyOn: new Map([["a", 1]]), minReadyMs: 0 });
  const unproven = revisionReadiness({
    ...seen,
    instances: [{ ...instance("a", true), spec: { host: "a", minReady: "2s" }, status: { ready: true, restarts: 2 } } as unknown as Instance],
  });
  assert.deepEqual([unproven.ready, unproven.minReadyMs], [0, 2000]);
  assert.match(unproven.reason ?? "", /auth is ready, and has to stay so for 2s \(minReady\), and longer since it has ended 2 times already/);
});

test("the reason quotes what an instance said before it was started again", () => {
  const conditions = [{ type: "Ready", status: "False", reason: "Starting", message: "started, its checks have not passed" }];
  const status = { ready: false, conditions, lastExit: { at: "2026-01-01T00:00:00Z", code: 3, lines: ["one", "two", "the key store is locked"] } };
  const crashing = { ...instance("a", false), status } as unknown as Instance;
  assert.match(
    revisionReadiness({ ...seen, instances: [crashing] }).reason ?? "",
    /have not passed; it had ended before, its last lines: one \/ two \/ the key store is locked$/,
  );
  const told = {
    ...crashing,
    status: { ...status, conditions: [{ ...conditions[0], message: "exit status 3: the key store is locked" }] },
  } as unknown as Instance;
  assert.equal(revisionReadiness({ ...seen, instances: [told] }).reason, "auth: exit status 3: the key store is locked");
});

test("of a process that runs and is not ready, the place is told where its output is", () => {
  const conditions = [{ type: "Ready", status: "False", reason: "NotReady", message: "GET /ready answers 503" }];
  const running = { ...instance("a", false), status: { ready: false, phase: "Running", pid: 7, conditions } } as unknown as Instance;
  const { reason, hint } = revisionReadiness({ ...seen, instances: [running] });
  assert.deepEqual([reason, hint], ["auth: GET /ready answers 503", "what it prints: orrery logs auth"]);
  const ended = { ...running, status: { ready: false, phase: "Backoff", conditions } } as unknown as Instance;
  assert.equal(revisionReadiness({ ...seen, instances: [ended] }).hint, undefined);
  const quoted = { ...running, status: { ...running.status, lastExit: { at: "2026-01-01T00:00:00Z", lines: ["no key"] } } } as unknown as Instance;
  assert.equal(revisionReadiness({ ...seen, instances: [quoted] }).hint, undefined);
});

test("the reason tells of an instance of before that cannot go, and who holds it", () => {
  const leaving = instance("a", true, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const holderOf = (): string => "gateway main is not connected and may still know it";
  assert.equal(
    revisionReadiness({ ...seen, instances: [leaving], holderOf }).reason,
    "auth of before is still on its way out: gateway main is not connected and may still know it",
  );
  assert.equal(revisionReadiness({ ...seen, instances: [leaving, instance("a", true), instance("b", true)], holderOf }).reason, undefined);
});

test("where the old ones have to be gone before the first new one starts, the reason tells of one that is still there", () => {
  const siblings = [instance("b", true, { deletionTimestamp: "2026-01-01T00:00:00Z" })];
  const holderOf = (): string => "gateway main has 1 call open there";
  const of = (instances: readonly Instance[]): string | undefined => revisionReadiness({ ...seen, instances, siblings, holderOf }).reason;
  assert.equal(of([]), "auth of before is still on its way out: gateway main has 1 call open there");
  assert.equal(of([instance("a", true)]), undefined);
});

test("for a generation that is prepared only instances count that it has claimed", () => {
  const claimed = { ...instance("a", true), spec: { host: "a", neededBy: 4 } } as unknown as Instance;
  const instances = [instance("a", true), claimed];
  assert.equal(revisionReadiness({ ...seen, instances, claim: 4 }).ready, 1);
  assert.equal(revisionReadiness({ ...seen, instances, claim: 5 }).ready, 0);
  assert.equal(revisionReadiness({ ...seen, instances }).ready, 2);
});

test("a revision that is not seen yet is not ready, however little is wanted", () => {
  const readiness = revisionReadiness({ ...seen, revision: undefined, instances: [] });
  assert.ok(readiness.ready < readiness.wanted);
  assert.match(readiness.reason ?? "", /not seen yet/);
});

test("a gateway counts as connected only as the incarnation that is registered, and is lost since it was first seen so", () => {
  const watch = new GatewayWatch();
  const beginMs = Date.parse("2026-01-01T00:01:00Z");
  const one = {
    apiVersion: "orrery.dev/v1",
    kind: "Gateway",
    metadata,
    spec: { host: "a", roles: ["edge"] },
    status: { incarnation: 2, incarnationSince: "2026-01-01T00:00:00Z", unknownUntil: "2026-01-01T00:10:00Z", incarnationCounter: 7 },
  } as Gateway;
  assert.equal(watch.known([one], () => 3, beginMs + 5)[0]?.lostSinceMs, beginMs + 5);
  assert.equal(watch.known([one], () => undefined, beginMs + 9)[0]?.lostSinceMs, beginMs + 5);
  const [known] = watch.known([one], () => 2, beginMs + 10);
  assert.deepEqual(known, {
    name: "auth",
    host: "a",
    isConnected: true,
    incarnation: 2,
    incarnationSinceMs: Date.parse("2026-01-01T00:00:00Z"),
    unknownUntilMs: Date.parse("2026-01-01T00:10:00Z"),
    incarnationCounter: 7,
  });
  assert.equal(watch.known([one], () => 3, beginMs + 20)[0]?.lostSinceMs, beginMs + 20);
  // The clock was put back by an hour since.
  const behindMs = Date.parse("2025-12-31T23:00:00Z");
  const behind = new GatewayWatch();
  behind.known([one], () => 2, behindMs);
  assert.equal(behind.known([one], () => 2, behindMs + 5000)[0]?.unknownUntilMs, behindMs + 600_000);
  // Forgotten, and registered again under its name.
  watch.known([], () => undefined, beginMs + 30);
  assert.equal(watch.known([one], () => undefined, beginMs + 40)[0]?.lostSinceMs, beginMs + 40);
});
