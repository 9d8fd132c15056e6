import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { generationName, instance, microservice, route, type StoredObject, site, template } from "#/model/index.ts";
import type { Table } from "../contract.ts";
import { traceKeyOf } from "./entries.ts";
import { applyChange, callerKey, compile, diff, emptyTable, isOlder, type ObjectLists, parseTable, parseTableUpdate, TableBuilder } from "./index.ts";

function object<T extends StoredObject>(kind: string, name: string, spec: unknown, status?: unknown, createdAt = "2026-01-01T00:00:00Z"): T {
  const metadata = { name, namespace: "default", uid: `${kind}-${name}`, resourceVersion: "1", generation: 1, creationTimestamp: createdAt };
  return { apiVersion: "orrery.dev/v1", kind, metadata, spec, ...(status === undefined ? {} : { status }) } as unknown as T;
}

const SERVICES = ["portal", "auth", "proc"];
const VERSIONS = ["v1", "v2"];
const HOSTS = ["h1", "h2"];
const templateOf = (version: string) => template.parse({ version, run: { command: ["node"] }, ...(version === "v2" ? { calls: ["auth"] } : {}) });

type Step = {
  readonly kind: "Site" | "Generation" | "Revision" | "Instance" | "Microservice" | "Route";
  readonly name: string;
  readonly value: StoredObject | undefined;
};

const mapOf = fc
  .array(fc.constantFrom(...VERSIONS, undefined), { minLength: 3, maxLength: 3 })
  .map((versions) =>
    Object.fromEntries(SERVICES.flatMap((service, index) => (versions[index] === undefined ? [] : [[service, `${service}-${versions[index]}`]]))),
  );
const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({
      open: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
      epoch: fc.integer({ min: 1, max: 2 }),
      fenced: fc.uniqueArray(fc.constantFrom(...HOSTS), { maxLength: 2 }),
      upTo: fc.integer({ min: 1, max: 3 }),
      ends: fc.uniqueArray(fc.constantFrom(...SERVICES), { maxLength: 2 }),
      isGone: fc.boolean(),
    })
    .map(({ open, epoch, fenced, upTo, ends, isGone }) => ({
      kind: "Site" as const,
      name: "site",
      value:
        isGone && open.length === 0
          ? undefined
          : object("Site", "site", site.spec.parse({}), {
              history: "h",
              epoch,
              generations: open.map((number) => ({ number, phase: "Active", since: "2026-01-01T00:00:00Z" })),
              ...(open[0] === undefined ? {} : { stamp: { generation: open[0] } }),
              fenced: fenced.map((host) => ({ host, upTo })),
              ...(ends.length === 0
                ? {}
                : { streamEnds: ends.map((service) => ({ service, before: upTo, ...(upTo === 1 ? {} : { afterMs: upTo }) })) }),
            }),
    })),
  fc.tuple(fc.integer({ min: 1, max: 5 }), fc.option(mapOf, { nil: undefined })).map(([number, map]) => ({
    kind: "Generation" as const,
    name: generationName(number),
    value: map === undefined ? undefined : object("Generation", generationName(number), { number, map, history: "h" }),
  })),
  fc.tuple(fc.constantFrom(...SERVICES), fc.constantFrom(...VERSIONS), fc.boolean()).map(([service, version, isThere]) => ({
    kind: "Revision" as const,
    name: `${service}-${version}`,
    value: isThere ? object("Revision", `${service}-${version}`, { service, template: templateOf(version), hash: "0" }) : undefined,
  })),
  fc
    .record({
      name: fc.constantFrom("i1", "i2", "i3", "i4"),
      service: fc.constantFrom(...SERVICES),
      version: fc.constantFrom(...VERSIONS),
      host: fc.constantFrom(...HOSTS),
      address: fc.option(fc.constantFrom("127.20.0.1", "127.20.0.2"), { nil: undefined }),
      port: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      ready: fc.boolean(),
      isThere: fc.boolean(),
      createdAt: fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    })
    .map(({ name, service, version, host, address, port, ready, isThere, createdAt }) => ({
      kind: "Instance" as const,
      name,
      value: isThere
        ? object(
            "Instance",
            name,
            instance.spec.parse({ host, slot: 0, service, revision: `${service}-${version}`, run: { command: ["node"] } }),
            { ready, ...(address === undefined ? {} : { callerAddress: address }), ...(port === undefined ? {} : { ports: { http: port } }) },
            createdAt,
          )
        : undefined,
    })),
  fc
    .tuple(fc.constantFrom(...SERVICES), fc.option(fc.integer({ min: 20_000, max: 20_002 }), { nil: undefined }), fc.boolean())
    .map(([name, port, isThere]) => ({
      kind: "Microservice" as const,
      name,
      value: isThere
        ? object("Microservice", name, microservice.spec.parse({ template: templateOf("v1") }), port === undefined ? undefined : { port })
        : undefined,
    })),
  fc.tuple(fc.constantFrom("r1", "r2"), fc.constantFrom(...SERVICES), fc.boolean()).map(([name, service, isThere]) => ({
    kind: "Route" as const,
    name,
    value: isThere ? object("Route", name, route.spec.parse({ service, path: { prefix: "/" } })) : undefined,
  })),
);

function listsOf(objects: ReadonlyMap<string, Step>): ObjectLists {
  const of = (kind: string): never[] =>
    [...objects.values()].filter((one) => one.kind === kind && one.value !== undefined).map((one) => one.value as never);
  return {
    site: of("Site")[0],
    generations: of("Generation"),
    revisions: of("Revision"),
    instances: of("Instance"),
    microservices: of("Microservice"),
    routes: of("Route"),
  };
}

const sorted = (table: Table): unknown =>
  JSON.parse(
    JSON.stringify(table.entries, (_, value: unknown) =>
      value !== null && typeof value === "object" && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    ),
  );

test("a table kept by changes equals one compiled from the objects as they are, whatever the order of changes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 60 }), (steps) => {
      const builder = new TableBuilder();
      const objects = new Map<string, Step>();
      let kept = emptyTable({ history: "h", epoch: 1, version: 0 });
      for (const [one, isTaken] of steps) {
        objects.set(`${one.kind}/${one.name}`, one);
        if (one.value === undefined) builder.remove(one.kind, one.name);
        else builder.put(one.kind, one.value as never);
        if (!isTaken) continue;
        const changes = builder.takeChanges();
        kept = applyChange(kept, { base: kept.position, position: { ...kept.position, version: kept.position.version + 1 }, changes });
        assert.deepEqual(sorted(kept), sorted(compile(listsOf(objects))));
        assert.deepEqual(sorted({ ...kept, entries: builder.entries() }), sorted(kept));
      }
    }),
    { numRuns: 300 },
  );
});

test("what is kept beside the objects is bounded by them, whatever came before", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const builder = new TableBuilder();
      const objects = new Map<string, Step>();
      const put = (to: TableBuilder, one: Step): void =>
        one.value === undefined ? to.remove(one.kind, one.name) : to.put(one.kind, one.value as never);
      for (const one of steps) {
        objects.set(`${one.kind}/${one.name}`, one);
        put(builder, one);
      }
      const fresh = new TableBuilder();
      for (const one of objects.values()) put(fresh, one);
      assert.equal(builder.indexed, fresh.indexed);
      for (const one of objects.values()) builder.remove(one.kind, one.name);
      assert.equal(builder.indexed, 0);
    }),
    { numRuns: 300 },
  );
});

test("diff gives the change that turns one table into the other", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.array(step, { maxLength: 25 }), (first, second) => {
      const tableOf = (steps: readonly Step[], version: number): Table =>
        compile(listsOf(new Map(steps.map((one) => [`${one.kind}/${one.name}`, one]))), version);
      const [from, to] = [tableOf(first, 1), tableOf(second, 2)];
      const change = diff(from, to);
      assert.deepEqual(sorted(applyChange(from, change)), sorted(to));
      assert.deepEqual(diff(to, to).changes, []);
      assert.deepEqual(parseTable(JSON.parse(JSON.stringify(to))), JSON.parse(JSON.stringify(to)));
      assert.deepEqual(parseTableUpdate(JSON.parse(JSON.stringify({ change }))), JSON.parse(JSON.stringify({ change })));
    }),
  );
});

const SITE = object("Site", "site", site.spec.parse({}), {
  history: "h",
  epoch: 3,
  stamp: { generation: 1 },
  generations: [{ number: 1, phase: "Active", since: "2026-01-01T00:00:00Z" }],
});
const AUTH = object("Revision", "auth-v1", { service: "auth", template: templateOf("v1"), hash: "0" });

function build(more: readonly Step[]): Table {
  const steps: Step[] = [
    { kind: "Site", name: "site", value: SITE },
    { kind: "Generation", name: "g1", value: object("Generation", "g1", { number: 1, map: { auth: "auth-v1" }, history: "h" }) },
    { kind: "Revision", name: "auth-v1", value: AUTH },
    ...more,
  ];
  return compile(listsOf(new Map(steps.map((one) => [`${one.kind}/${one.name}`, one]))), 7);
}

test("only open generations and the revisions that they map to are in the table", () => {
  const table = build([
    { kind: "Generation", name: "g2", value: object("Generation", "g2", { number: 2, map: { auth: "auth-v2" }, history: "h" }) },
    { kind: "Revision", name: "auth-v2", value: object("Revision", "auth-v2", { service: "auth", template: templateOf("v2"), hash: "0" }) },
  ]);
  assert.deepEqual(Object.keys(table.entries.generation), ["1"]);
  assert.deepEqual(Object.keys(table.entries.revision), ["auth-v1"]);
  assert.deepEqual(table.position, { history: "h", epoch: 3, version: 7 });
  assert.deepEqual(table.entries.stamp, { "": { generation: 1 } });
});

test("a table names the generations that were gone back from as long as an older one is stamped", () => {
  const since = "2026-01-01T00:00:00Z";
  const stampOf = (stamped: number): unknown => {
    const generations = [
      { number: 1, phase: "Active", since },
      { number: 2, phase: "Draining", since, returned: "it was bad" },
    ];
    const status = { ...(SITE.status as object), generations, stamp: { generation: stamped } };
    return build([{ kind: "Site", name: "site", value: { ...SITE, status } as StoredObject }]).entries.stamp[""];
  };
  assert.deepEqual(stampOf(1), { generation: 1, returned: [2] });
  assert.deepEqual(stampOf(3), { generation: 3 });
});

test("nothing is stamped by a table of a history that not everybody has heard of, and it names the keys of those before", () => {
  const status = { ...(SITE.status as object), counter: 7, formerHistories: ["former"], unheardSince: "2026-01-01T00:00:00Z" };
  const table = build([{ kind: "Site", name: "site", value: { ...SITE, status } as StoredObject }]);
  assert.deepEqual(table.entries.stamp, {});
  assert.deepEqual(table.entries.site[""]?.formerTraceKeys, [traceKeyOf("former")]);
  assert.equal(table.entries.site[""]?.counter, 7);
  assert.deepEqual(build([]).entries.stamp, { "": { generation: 1 } });
});

test("an instance that is asked to stop is leaving and no longer ready, and stays a caller", () => {
  const made = object<StoredObject>(
    "Instance",
    "i",
    instance.spec.parse({ host: "h1", slot: 0, service: "auth", revision: "auth-v1", run: { command: ["x"] } }),
    {
      ready: true,
      ports: { http: 4000 },
      callerAddress: "127.20.0.1",
    },
  );
  const stopping = { ...made, metadata: { ...made.metadata, deletionTimestamp: "2026-01-01T00:00:01Z" } };
  const endpoint = { instance: "i", host: "h1", ports: { http: 4000 }, address: "127.0.0.1" };
  assert.deepEqual(build([{ kind: "Instance", name: "i", value: made }]).entries.revision["auth-v1"]?.endpoints, [{ ...endpoint, ready: true }]);
  const table = build([{ kind: "Instance", name: "i", value: stopping }]);
  assert.deepEqual(table.entries.revision["auth-v1"]?.endpoints, [{ ...endpoint, ready: false, isLeaving: true }]);
  assert.deepEqual(table.entries.caller, { [callerKey("h1", "127.20.0.1")]: { instance: "i", service: "auth", revision: "auth-v1", host: "h1" } });
});

test("an instance whose checks get no answer is in the table as such, unless it is leaving", () => {
  const made = object<StoredObject>(
    "Instance",
    "i",
    instance.spec.parse({ host: "h1", slot: 0, service: "auth", revision: "auth-v1", run: { command: ["x"] } }),
    { ready: false, unanswered: true, ports: { http: 4000 } },
  );
  const stopping = { ...made, metadata: { ...made.metadata, deletionTimestamp: "2026-01-01T00:00:01Z" } };
  const endpoint = { instance: "i", host: "h1", ports: { http: 4000 }, address: "127.0.0.1", ready: false };
  const endpointsOf = (value: StoredObject) => build([{ kind: "Instance", name: "i", value }]).entries.revision["auth-v1"]?.endpoints;
  assert.deepEqual(endpointsOf(made), [{ ...endpoint, isUnanswered: true }]);
  assert.deepEqual(endpointsOf(stopping), [{ ...endpoint, isLeaving: true }]);
});

test("a change for another table is refused", () => {
  const table = emptyTable({ history: "h", epoch: 1, version: 1 });
  assert.throws(
    () => applyChange(table, { base: { history: "h", epoch: 1, version: 2 }, position: { history: "h", epoch: 1, version: 3 }, changes: [] }),
    (error) => isOrreryError(error, "traffic/base"),
  );
});

test("text from elsewhere that is no table is refused with the place", () => {
  assert.throws(
    () => parseTable({ position: { history: "h", epoch: 1, version: 1 }, entries: { site: { "": { traceKey: "x" } } } }),
    (error) => isOrreryError(error, "traffic/table") && /entries.site/.test(error.message),
  );
});

test("a position is older by epoch, then version, and never across histories", () => {
  const at = (history: string, epoch: number, version: number) => ({ history, epoch, version });
  assert.equal(isOlder(at("h", 1, 9), at("h", 2, 1)), true);
  assert.equal(isOlder(at("h", 2, 1), at("h", 1, 9)), false);
  assert.equal(isOlder(at("h", 1, 1), at("h", 1, 2)), true);
  assert.equal(isOlder(at("h", 1, 1), at("h", 1, 1)), false);
  assert.equal(isOlder(at("h", 1, 1), at("i", 2, 2)), false);
});

test("one object's change costs the same whatever the size of the site", () => {
  const builder = new TableBuilder();
  const services = 400;
  builder.put("Site", SITE as never);
  const map: Record<string, string> = {};
  for (let index = 0; index < services; index++) {
    map[`s${index}`] = `s${index}-v1`;
    builder.put("Revision", object("Revision", `s${index}-v1`, { service: `s${index}`, template: templateOf("v1"), hash: "0" }));
  }
  builder.put("Generation", object("Generation", "g1", { number: 1, map, history: "h" }));
  builder.takeChanges();
  const spec = instance.spec.parse({ host: "h1", slot: 0, service: "s7", revision: "s7-v1", run: { command: ["x"] } });
  builder.put("Instance", object("Instance", "s7-0", spec, { ports: { http: 1 }, ready: true, callerAddress: "127.20.0.1" }));
  assert.deepEqual(
    builder.takeChanges().map(({ section, key }) => `${section} ${key}`),
    ["revision s7-v1", "caller h1/127.20.0.1"],
  );
  assert.deepEqual(builder.takeChanges(), []);
});

test("a generation is complete when the table has its map and the revisions of the services that it changes", () => {
  const builder = new TableBuilder();
  const open = [{ number: 1, phase: "Distributing", since: "2026-01-01T00:00:00Z" }];
  builder.put("Site", object("Site", "site", site.spec.parse({}), { history: "h", epoch: 1, generations: open }));
  builder.takeChanges();
  assert.equal(builder.isComplete(1, []), false);
  builder.put("Generation", object("Generation", "g1", { number: 1, map: { auth: "auth-v1", proc: "proc-v1" }, history: "h" }));
  builder.takeChanges();
  assert.equal(builder.isComplete(1, []), true);
  assert.equal(builder.isComplete(1, ["auth"]), false);
  builder.put("Revision", object("Revision", "auth-v1", { service: "auth", hash: "x", template: templateOf("v1") }));
  builder.takeChanges();
  assert.equal(builder.isComplete(1, ["auth"]), true);
});

test("a fence around a host touches the instances of that host, and is lifted again", () => {
  const builder = new TableBuilder();
  const siteWith = (fenced: readonly unknown[]): never => ({ ...SITE, status: { ...(SITE.status as object), fenced } }) as never;
  builder.put("Site", siteWith([]));
  builder.put("Generation", object("Generation", "g1", { number: 1, map: { auth: "auth-v1" }, history: "h" }));
  builder.put("Revision", AUTH as never);
  for (const host of ["h1", "h2"]) {
    const spec = instance.spec.parse({ host, slot: 0, service: "auth", revision: "auth-v1", run: { command: ["x"] } });
    builder.put("Instance", object("Instance", `on-${host}`, spec, { ports: { http: 1 }, ready: true }));
  }
  builder.takeChanges();
  const fences = (): unknown => builder.entries().revision["auth-v1"]?.endpoints.map((one) => [one.instance, one.upTo]);
  builder.put("Site", siteWith([{ host: "h1", upTo: 4 }]));
  assert.equal(builder.takeChanges().length, 1);
  assert.deepEqual(fences(), [
    ["on-h1", 4],
    ["on-h2", undefined],
  ]);
  builder.put("Site", siteWith([]));
  assert.equal(builder.takeChanges().length, 1);
  assert.deepEqual(fences(), [
    ["on-h1", undefined],
    ["on-h2", undefined],
  ]);
});

test("what an Update says of streams stands at its service, and nowhere else", () => {
  const ends = [{ service: "auth", before: 3, afterMs: 30_000 }];
  const decided = { ...SITE, status: { ...(SITE.status as object), streamEnds: ends } };
  const services = ["auth", "proc"].map((name): Step => {
    const spec = microservice.spec.parse({ template: templateOf("v1") });
    return { kind: "Microservice", name, value: object("Microservice", name, spec, { port: 20_000 }) };
  });
  const { service } = build([{ kind: "Site", name: "site", value: decided }, ...services]).entries;
  assert.deepEqual(service["auth"]?.streamEnds, { before: 3, afterMs: 30_000 });
  assert.equal(service["proc"]?.streamEnds, undefined);
});
