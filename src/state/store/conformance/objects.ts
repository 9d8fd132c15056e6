import assert from "node:assert/strict";
import { it } from "node:test";
import { generation, host, microservice, resource } from "#/model/index.ts";
import type { WriteOptions } from "../contract.ts";
import { jsonOf } from "../json.ts";
import { causesOf, names, type OpenStore, rejects, thing, watch } from "./harness.ts";

/** Creating, replacing, status, unique and immutable fields, dry run. */
export function objectTests(open: OpenStore): void {
  it("gives a created object its uid, version, times, namespace and defaults", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const created = await store.create(resource, { metadata: { name: "dish" }, spec: thing("DISH-1"), status: { error: "never" } });
    const { metadata, spec, status, apiVersion, kind } = created;
    assert.deepEqual([apiVersion, kind, metadata.name, metadata.namespace, metadata.generation], ["orrery.dev/v1", "Resource", "dish", "default", 1]);
    assert.match(metadata.uid, /^[0-9a-f-]{36}$/);
    assert.match(metadata.resourceVersion, /^[1-9]\d*$/);
    assert.match(metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual([spec.probeEnabled, spec.capabilities, spec.env], [true, [], []]);
    assert.equal(status, undefined);
    assert.deepEqual(await store.get(resource, { name: "dish" }), created);
    assert.deepEqual(await store.get(resource, { name: "dish", namespace: "default" }), created);
    assert.equal(await store.get(resource, { name: "dish", namespace: "other" }), undefined);
    assert.deepEqual(JSON.parse(jsonOf(created)), created);
    const machine = await store.create(host, { metadata: { name: "m1" }, spec: {}, status: { addresses: ["10.0.0.1"] } }, { subresource: "status" });
    assert.equal(machine.metadata.namespace, undefined);
    assert.deepEqual(machine.status?.addresses, ["10.0.0.1"]);
  });

  it("refuses a second object of the name, and one without a name", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const first = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    await rejects(store.create(resource, { metadata: { name: "dish" }, spec: thing("2") }), "store/exists");
    assert.deepEqual(await store.get(resource, { name: "dish" }), first);
    assert.match((await causesOf(store.create(resource, { metadata: {}, spec: thing("3") }))).join(), /metadata\.name: missing/);
    const results = await Promise.allSettled(
      [1, 2, 3].map((index) => store.create(resource, { metadata: { name: "race" }, spec: thing(`race-${index}`) })),
    );
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  });

  it("makes names from generateName", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const made = await Promise.all(
      [1, 2, 3].map((index) => store.create(resource, { metadata: { generateName: "dish-" }, spec: thing(`D${index}`) })),
    );
    for (const { metadata } of made) assert.match(metadata.name, /^dish-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.equal(new Set(made.map(({ metadata }) => metadata.name)).size, 3);
  });

  it("says of each field what is wrong, what was found and what is allowed", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const causes = await causesOf(
      store.create(microservice, {
        metadata: { name: "auth" },
        spec: { replics: 2, replicas: "many", template: { version: "v1", run: {}, env: [{ name: "A" }, { name: "A" }] } },
      }),
    );
    const text = causes.join("\n");
    assert.match(text, /^spec\.replics: .*replicas/m);
    assert.match(text, /^spec\.replicas: .*"many"/m);
    assert.match(text, /^spec\.template\.run\.command: .*nothing/m);
    assert.equal(causes.length, 3);
    const twice = await causesOf(
      store.create(microservice, {
        metadata: { name: "auth" },
        spec: { template: { version: "v1", run: { command: ["x"] }, env: [{ name: "A" }, { name: "A" }] } },
      }),
    );
    assert.match(twice.join(), /^spec\.template\.env\[1\]\.name: found "A" a second time/);
    assert.match((await causesOf(store.create(resource, { metadata: { name: "x".repeat(254) }, spec: thing("1") }))).join(), /metadata\.name: .*253/);
    assert.match((await causesOf(store.create(host, { metadata: { name: "m1", namespace: "default" }, spec: {} }))).join(), /metadata\.namespace/);
    assert.match((await causesOf(store.create(resource, { metadata: { name: "dish" }, kind: "Host", spec: thing("1") }))).join(), /kind: .*Resource/);
    assert.match(
      (await causesOf(store.create(resource, { metadata: { name: "dish", labels: { "": "x" } }, spec: thing("1") }))).join(),
      /metadata\.labels/,
    );
    assert.deepEqual([await names(store, microservice), await names(store, resource), await names(store, host)], [[], [], []]);
  });

  it("replaces an object at the version that the writer names, else at any", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const first = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    const second = await store.update(resource, {
      metadata: { name: "dish", resourceVersion: first.metadata.resourceVersion },
      spec: thing("1", { place: "roof" }),
    });
    assert.equal(second.metadata.uid, first.metadata.uid);
    assert.equal(second.metadata.creationTimestamp, first.metadata.creationTimestamp);
    const stale = store.update(resource, {
      metadata: { name: "dish", resourceVersion: first.metadata.resourceVersion },
      spec: thing("1", { place: "cellar" }),
    });
    assert.equal((await rejects(stale, "store/conflict")).retry, "after-reread");
    await rejects(store.update(resource, { metadata: { name: "dish", uid: "another" }, spec: thing("1") }), "store/conflict");
    await rejects(store.update(resource, { metadata: { name: "none" }, spec: thing("1") }), "store/missing");
    const third = await store.update(resource, { metadata: { name: "dish" }, spec: thing("1", { place: "garden" }) });
    assert.equal(third.spec.place, "garden");
    assert.deepEqual(await store.get(resource, { name: "dish" }), third);
  });

  it("raises the generation with the spec alone", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    const labelled = await store.update(resource, { metadata: { name: "dish", labels: { a: "b" } }, spec: thing("1") });
    assert.equal(labelled.metadata.generation, 1);
    const moved = await store.update(resource, { metadata: { name: "dish" }, spec: thing("1", { place: "roof" }) });
    assert.deepEqual([moved.metadata.generation, moved.metadata.labels], [2, undefined]);
    const seen = await store.update(resource, { metadata: { name: "dish" }, status: { error: "none" } }, { subresource: "status" });
    assert.equal(seen.metadata.generation, 2);
  });

  it("keeps status and the rest apart", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish", labels: { a: "b" } }, spec: thing("1") });
    const seen = await store.update(
      resource,
      { metadata: { name: "dish", labels: { c: "d" } }, spec: thing("2"), status: { error: "no answer" } },
      { subresource: "status" },
    );
    assert.deepEqual([seen.spec.id, seen.metadata.labels, seen.status?.error], ["1", { a: "b" }, "no answer"]);
    const changed = await store.update(resource, { metadata: { name: "dish" }, spec: thing("1", { place: "roof" }), status: { error: "other" } });
    assert.deepEqual([changed.spec.place, changed.status?.error], ["roof", "no answer"]);
    assert.match(
      (await causesOf(store.update(resource, { metadata: { name: "dish" }, status: { eror: "x" } }, { subresource: "status" }))).join(),
      /^status\.eror: .*error/,
    );
    const patched = await store.patch(
      resource,
      { name: "dish" },
      { type: "merge", body: { spec: { place: "cellar" }, status: { error: null, observed: { a: 1 } } } },
      { subresource: "status" },
    );
    assert.deepEqual([patched.spec.place, patched.status], ["roof", { observed: { a: 1 } }]);
  });

  it("writes nothing when nothing changes", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const created = await store.create(resource, {
      metadata: { name: "dish", labels: { a: "b" } },
      spec: thing("1", { desired: { x: [1, { y: null }] } }),
    });
    const seen = await store.update(resource, { metadata: { name: "dish" }, status: { error: "e" } }, { subresource: "status" });
    const watched = watch(context, store, resource, { resourceVersion: seen.metadata.resourceVersion });
    assert.deepEqual(await store.update(resource, seen), seen);
    assert.deepEqual(await store.update(resource, { metadata: { name: "dish", labels: { a: "b" } }, spec: created.spec }), seen);
    assert.deepEqual(await store.update(resource, { metadata: { name: "dish" }, status: { error: "e" } }, { subresource: "status" }), seen);
    assert.deepEqual(await store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { labels: { a: "b" } } } }), seen);
    const changed = await store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { labels: { a: "c" } } } });
    assert.deepEqual(await watched.next(), { type: "MODIFIED", object: changed });
  });

  it("never changes the spec of an immutable kind", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const spec = { number: 1, map: { auth: "auth-v1-abc" }, history: "h" };
    await store.create(generation, { metadata: { name: "g1" }, spec });
    await rejects(store.update(generation, { metadata: { name: "g1" }, spec: { ...spec, number: 2 } }), "store/immutable");
    await rejects(store.patch(generation, { name: "g1" }, { type: "merge", body: { spec: { cause: "x" } } }), "store/immutable");
    const labelled = await store.update(generation, { metadata: { name: "g1", labels: { a: "b" } }, spec });
    assert.deepEqual(labelled.metadata.labels, { a: "b" });
    const seen = await store.update(generation, { metadata: { name: "g1" }, status: { phase: "Active" } }, { subresource: "status" });
    assert.equal(seen.status?.phase, "Active");
  });

  it("gives a unique field to one object at a time, and names its holder", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("a/b:1") });
    const refused = await rejects(store.create(resource, { metadata: { name: "copy" }, spec: thing("a/b:1") }), "store/duplicate");
    assert.equal(refused.details["holder"], "dish");
    assert.match(refused.message, /spec\.id a\/b:1 belongs to Resource dish/);
    assert.equal(await store.get(resource, { name: "copy" }), undefined);
    await store.create(resource, { metadata: { name: "copy" }, spec: thing("2") });
    await rejects(store.patch(resource, { name: "copy" }, { type: "merge", body: { spec: { id: "a/b:1" } } }), "store/duplicate");
    await rejects(store.patch(resource, { name: "copy" }, { type: "merge", body: { spec: { id: "a/b:1" } } }, { dryRun: true }), "store/duplicate");
    await store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { id: "3" } } });
    await store.patch(resource, { name: "copy" }, { type: "merge", body: { spec: { id: "a/b:1" } } });
    await store.delete(resource, { name: "copy" });
    await store.create(resource, { metadata: { name: "another" }, spec: thing("a/b:1") });
    const race = await Promise.allSettled(["x", "y", "z"].map((name) => store.create(resource, { metadata: { name }, spec: thing("race") })));
    assert.equal(race.filter(({ status }) => status === "fulfilled").length, 1);
  });

  it("checks everything in a dry run, and writes nothing", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const dryRun = { dryRun: true };
    const wouldBe = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") }, dryRun);
    assert.equal(wouldBe.spec.probeEnabled, true);
    assert.deepEqual(await names(store, resource), []);
    await causesOf(store.create(resource, { metadata: { name: "dish" }, spec: {} }, dryRun));
    const created = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    await rejects(store.create(resource, { metadata: { name: "dish" }, spec: thing("2") }, dryRun), "store/exists");
    await rejects(store.create(resource, { metadata: { name: "other" }, spec: thing("1") }, dryRun), "store/duplicate");
    assert.equal((await store.update(resource, { metadata: { name: "dish" }, spec: thing("1", { place: "roof" }) }, dryRun)).spec.place, "roof");
    assert.equal(
      (await store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { place: "roof" } } }, dryRun)).metadata.generation,
      2,
    );
    assert.equal(
      (
        await store.patch(
          resource,
          { name: "dish" },
          { type: "apply", body: { metadata: {}, spec: { place: "roof" } } },
          { ...dryRun, fieldManager: "m" },
        )
      ).spec.place,
      "roof",
    );
    await store.delete(resource, { name: "dish" }, dryRun);
    // What is too large to be kept is refused in words that are the same with a dry run and without.
    const metadata = { name: "dish", annotations: { long: "x".repeat(1_000_000) } };
    const large = { metadata, spec: thing("1") };
    for (const write of [
      (options: WriteOptions) => store.update(resource, large, options),
      (options: WriteOptions) => store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata } }, options),
      (options: WriteOptions) => store.patch(resource, { name: "dish" }, { type: "apply", body: large }, { ...options, fieldManager: "m" }),
      (options: WriteOptions) => store.create(resource, { metadata: { ...metadata, name: "other" }, spec: thing("2") }, options),
    ])
      assert.deepEqual(await causesOf(write(dryRun)), await causesOf(write({})));
    assert.deepEqual(await store.get(resource, { name: "dish" }), created);
  });

  it("tells each watcher and writer of one order of versions", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const watched = watch(context, store, resource);
    const created = await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.create(resource, { metadata: { name: `r${index}` }, spec: thing(`${index}`) })),
    );
    assert.equal(new Set(created.map(({ metadata }) => metadata.resourceVersion)).size, 20);
    let count = 0;
    const events = await watched.until((event) => event.type === "ADDED" && ++count === 20);
    assert.deepEqual(
      new Set(events.flatMap((event) => (event.type === "ADDED" ? event.object.metadata.resourceVersion : []))),
      new Set(created.map(({ metadata }) => metadata.resourceVersion)),
    );
  });
}
