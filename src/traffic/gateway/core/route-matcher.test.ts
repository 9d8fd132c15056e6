import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { findShadows, matchKey, type Route, readPath } from "#/model/index.ts";
import type { RouteEntry } from "#/traffic/routing/index.ts";
import { parseAuthority } from "./authority.ts";
import { RouteMatcher } from "./route-matcher.ts";

const METHODS = ["GET", "POST", "DELETE"] as const;

const spec = fc.record(
  {
    host: fc.constantFrom("a.org", "A.org", "*.a.org"),
    path: fc.constantFrom({ prefix: "/" }, { prefix: "/p" }, { prefix: "/%70/" }, { exact: "/p" }, { prefix: "/é" }, { prefix: "/%C3%A9" }),
    methods: fc.uniqueArray(fc.constantFrom(...METHODS), { minLength: 1 }),
    headers: fc.array(fc.constantFrom({ name: "X-A", value: "1" }, { name: "x-a", value: "1" }, { name: "x-b", value: "2" }), { maxLength: 2 }),
  },
  { requiredKeys: ["headers"] },
);

const routes = fc.array(fc.tuple(spec, fc.nat(2)), { minLength: 1, maxLength: 6 }).map((list) =>
  list.map(
    ([one, second], index) =>
      ({
        metadata: { name: `r${index}`, uid: String(index), creationTimestamp: new Date(second * 1000).toISOString() },
        spec: { service: "s", filters: [], ...one },
      }) as unknown as Route,
  ),
);

function entryOf({ metadata, spec: { host, path, methods, headers } }: Route): RouteEntry {
  return {
    name: metadata.name,
    createdMs: Date.parse(metadata.creationTimestamp),
    service: "s",
    headers,
    filters: [],
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path: path as NonNullable<RouteEntry["path"]> }),
    ...(methods === undefined ? {} : { methods }),
  };
}

/** All requests that can make a difference here. */
const requests = ["a.org", "x.a.org", "b.org"].flatMap((host) =>
  ["/", "/p", "/p/q", "/%C3%A9", "/%C3%A9/x"].flatMap((path) =>
    [...METHODS, "PUT"].flatMap((method) =>
      [[], ["x-a", "1"], ["x-b", "2"], ["x-a", "1", "x-b", "2"]].map((headers) => ({
        authority: parseAuthority(host),
        key: readPath(path) as string,
        method,
        headers,
      })),
    ),
  ),
);

test("a Route that is told to be shadowed gets no request, and the Routes that are named get what it matches", () => {
  let shadowed = 0;
  fc.assert(
    fc.property(routes, (all) => {
      const matcher = new RouteMatcher(all.map(entryOf));
      for (const one of all) {
        const shadows = findShadows(
          one,
          all.filter((other) => matchKey(other.spec) === matchKey(one.spec)),
        );
        if (shadows.length === 0) continue;
        shadowed++;
        const alone = new RouteMatcher([entryOf(one)]);
        for (const request of requests) {
          const found = matcher.find(request)?.entry.name;
          assert.notEqual(found, one.metadata.name);
          if (alone.find(request) === undefined) continue;
          const without = new RouteMatcher([one, ...shadows].map(entryOf)).find(request)?.entry.name;
          assert.ok(shadows.some((shadow) => shadow.metadata.name === without));
        }
      }
    }),
    { numRuns: 1500 },
  );
  assert.ok(shadowed > 100, String(shadowed));
});

test("of Routes that differ in nothing, all but one are told", () => {
  fc.assert(
    fc.property(routes, (all) => {
      const same = all.map(
        (one) => ({ ...one, spec: { ...one.spec, host: "a.org", path: { prefix: "/p" }, headers: [], methods: ["GET"] } }) as unknown as Route,
      );
      assert.equal(same.filter((one) => findShadows(one, same).length === 0).length, 1);
    }),
    { numRuns: 200 },
  );
});

test("a long path costs what its length costs", () => {
  const matcher = new RouteMatcher([{ name: "r", createdMs: 0, service: "s", headers: [], filters: [], path: { prefix: "/x/y" } }]);
  const startedMs = performance.now();
  for (let index = 0; index < 200; index++) matcher.find({ method: "GET", authority: undefined, key: "/a".repeat(500_000), headers: [] });
  assert.ok(performance.now() - startedMs < 500);
});
