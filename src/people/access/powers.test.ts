import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { kinds } from "#/model/all-kinds.ts";
import { arbitraryManifest } from "#/model/arbitrary.ts";
import { type Kind, labelSelector, role, type StoredObject } from "#/model/index.ts";
import { parseLabelSelector } from "#/state/store/index.ts";
import { effects } from "./effects.ts";
import { anyOf, coversScope, type Labels, scopeOf } from "./label-scope.ts";
import { findMissing, hasVerb, matchesKind, matchesPath, type Powers, powersOf } from "./powers.ts";

const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"];
const PLACES: readonly (readonly [string, string | undefined])[] = [
  ["microservices", undefined],
  ["microservices", "status"],
  ["microservices", "scale"],
  ["instances", "log"],
  ["instances", "exec"],
  ["roles", undefined],
];
const PATHS = ["/", "/metrics", "/live", "/live/hosts", "/audit", "/audit/head", "/auditors", "/a", "/backup"];
const LABELS: readonly Labels[] = [{}, { team: "a" }, { team: "b" }, { team: "a", tier: "x" }, { tier: "x" }];
const selector = fc.constantFrom("team=a", "team=b", "team==a", "tier=x", "team=a,tier=x", "team in (a,b)", "team in (a, b)", "!team", "team!=a");

const roleSpec = fc
  .record({
    rules: fc.array(
      fc.record(
        {
          verbs: fc.subarray([...VERBS, "*"], { minLength: 1, maxLength: 3 }),
          kinds: fc.subarray(["*", "*/status", "*/log", "Microservice", "ms", "microservices/status", "Instance/log", "Instance/exec", "Role"], {
            minLength: 1,
            maxLength: 3,
          }),
          names: fc.subarray(["x", "y"], { minLength: 1 }),
          labels: selector,
        },
        { requiredKeys: ["verbs", "kinds"] },
      ),
      { maxLength: 3 },
    ),
    paths: fc.array(
      fc.record({
        verbs: fc.constant(["get"]),
        paths: fc.subarray(["*", "/*", "/live/*", "/live", "/metrics", "/a*", "/audit", "/audit/*", "/aud*"], { minLength: 1 }),
      }),
      { maxLength: 2 },
    ),
    actions: fc.subarray(["*", "scale", "escalate", "stop"], { maxLength: 2 }),
  })
  .map((spec) => role.spec.parse(spec));

const powers = fc.array(fc.tuple(roleSpec, fc.option(selector, { nil: undefined })), { minLength: 1, maxLength: 2 }).map((held) =>
  powersOf(
    held.map(([spec, where], index) => ({ name: `r${index}`, spec, scope: scopeOf(where) })),
    kinds,
  ),
);

/** All that `held` lets through, of a small world. */
function allowed({ rules, actions, paths }: Powers): ReadonlySet<string> {
  const may = new Set<string>();
  const tests = new Map([...rules, ...actions].map(({ scope }) => [scope, anyOf([scope])]));
  const holds = (scope: ReadonlySet<string> | undefined, labels: Labels): boolean => tests.get(scope)?.(labels) ?? true;
  for (const [at, labels] of LABELS.entries()) {
    for (const [resource, below] of PLACES)
      for (const verb of VERBS)
        for (const name of ["x", "y", "z"])
          if (
            rules.some(
              (rule) =>
                hasVerb(rule.verbs, verb) &&
                matchesKind(rule.kinds, resource, below, verb) &&
                rule.names?.has(name) !== false &&
                holds(rule.scope, labels),
            )
          )
            may.add(`${verb} ${resource}/${below ?? ""} ${name} ${at}`);
    for (const action of ["scale", "escalate", "stop", "backup"] as const)
      if (actions.some((one) => one.actions.has(action) && holds(one.scope, labels))) may.add(`${action} ${at}`);
  }
  for (const path of PATHS) if (paths.some((one) => hasVerb(one.verbs, "get") && matchesPath(one.paths, path))) may.add(path);
  return may;
}

test("what is told to be held is held: nothing is missing only where nothing more may be done", () => {
  fc.assert(
    fc.property(powers, powers, (held, wanted) => {
      if (findMissing(held, wanted).length > 0) return;
      const may = allowed(held);
      assert.deepEqual(
        [...allowed(wanted)].filter((one) => !may.has(one)),
        [],
      );
    }),
    { numRuns: 400 },
  );
});

test("whoever has something has it, and with it what they have anyway", () => {
  fc.assert(
    fc.property(powers, powers, (one, other) => {
      assert.deepEqual(findMissing(one, one), []);
      const both = { rules: [...one.rules, ...other.rules], actions: [...one.actions, ...other.actions], paths: [...one.paths, ...other.paths] };
      assert.deepEqual(findMissing(both, one), []);
      assert.deepEqual(findMissing(both, other), []);
    }),
    { numRuns: 100 },
  );
});

test("a scope that covers another holds each of its objects", () => {
  fc.assert(
    fc.property(fc.array(selector, { minLength: 1, maxLength: 3 }), fc.array(selector, { minLength: 1, maxLength: 3 }), (wide, narrow) => {
      const [a, b] = [scopeOf(...wide), scopeOf(...narrow)];
      if (!coversScope(a, b)) return;
      for (const labels of LABELS)
        if (anyOf([b])?.(labels) === true) assert.equal(anyOf([a])?.(labels), true, JSON.stringify([wide, narrow, labels]));
    }),
  );
});

test("many scopes at once are the same as each of them", () => {
  fc.assert(
    fc.property(fc.array(selector, { minLength: 1, maxLength: 6 }), (texts) => {
      const together = anyOf(texts.map((text) => scopeOf(text)));
      for (const labels of LABELS)
        assert.equal(
          together?.(labels),
          texts.some((text) => parseLabelSelector(text)?.(labels) === true),
          JSON.stringify([texts, labels]),
        );
    }),
  );
});

test("every selector that a role may hold can be read", () => {
  const pattern = /^[-a-zA-Z0-9=!,() ./_]{1,40}$/;
  fc.assert(
    fc.property(fc.oneof(selector, fc.stringMatching(pattern)), (text) => {
      if (labelSelector.safeParse(text).success) assert.notEqual(parseLabelSelector(text), undefined);
    }),
    { numRuns: 1_000 },
  );
});

/** Fields in one order. */
function ordered(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

for (const kind of kinds)
  test(`whatever changes in a ${kind.kind} is something that somebody has to be allowed`, () => {
    const made = (kind: Kind, { metadata, spec }: { readonly metadata: { readonly name: string }; readonly spec: unknown }): StoredObject => ({
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { ...metadata, name: "x", uid: "u", resourceVersion: "1", generation: 1, creationTimestamp: "2030-01-01T00:00:00Z" },
      spec: kind.spec.parse(spec),
    });
    fc.assert(
      fc.property(arbitraryManifest(kind), arbitraryManifest(kind), (one, other) => {
        const [before, after] = [made(kind, one), made(kind, other)];
        // Left out, it is not stopped.
        const read = ({ spec }: StoredObject): string =>
          JSON.stringify(kind.kind === "JobRun" ? { stopped: false, ...(spec as object) } : spec, ordered);
        const isSame = read(before) === read(after);
        assert.equal(effects(kind, before, after).length > 0, !isSame);
        assert.deepEqual(effects(kind, before, before), []);
        assert.ok(effects(kind, undefined, after).length > 0);
        assert.ok(effects(kind, before, undefined).length > 0);
        for (const metadata of [{ labels: { a: "b" } }, { finalizers: ["a.org/x"] }, { annotations: { a: "b" } }])
          assert.ok(effects(kind, before, { ...before, metadata: { ...before.metadata, ...metadata } }).length > 0, JSON.stringify(metadata));
        assert.deepEqual(
          effects(kind, before, { ...before, status: { x: 1 } }).map(({ action }) => action),
          ["status"],
        );
      }),
      { numRuns: 20 },
    );
  });
