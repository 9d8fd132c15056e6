import assert from "node:assert/strict";
import { it } from "node:test";
import { type ManagedFieldsEntry, microservice, resource } from "#/model/index.ts";
import { causesOf, names, type OpenStore, rejects, thing } from "./harness.ts";

/** Merge and JSON patches, managed fields, server-side apply. */
export function patchTests(open: OpenStore): void {
  it("merges a patch: null removes, maps merge, lists are replaced", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, {
      metadata: { name: "dish", labels: { a: "1", b: "2" } },
      spec: thing("1", { place: "roof", capabilities: ["track", "camera"], desired: { x: 1, y: { z: 2 } } }),
    });
    const patched = await store.patch(
      resource,
      { name: "dish" },
      {
        type: "merge",
        body: { metadata: { labels: { a: null, c: "3" } }, spec: { place: null, capabilities: ["track"], desired: { y: { w: 3 } } } },
      },
    );
    assert.deepEqual(patched.metadata.labels, { b: "2", c: "3" });
    assert.deepEqual([patched.spec.place, patched.spec.capabilities, patched.spec.desired], [undefined, ["track"], { x: 1, y: { z: 2, w: 3 } }]);
    await rejects(store.patch(resource, { name: "none" }, { type: "merge", body: {} }), "store/missing");
    assert.match(
      (await causesOf(store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { plce: "x" } } }))).join(),
      /spec\.plce: .*place/,
    );
    assert.match(
      (await causesOf(store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { name: "bowl" } } }))).join(),
      /metadata\.name/,
    );
    await rejects(
      store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { resourceVersion: "999999" }, spec: { place: "x" } } }),
      "store/conflict",
    );
    await causesOf(store.patch(resource, { name: "dish" }, { type: "merge", body: ["x"] }));
  });

  it("carries out JSON patches, all of their operations or none", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1", { capabilities: ["a", "b"] }) });
    const patched = await store.patch(
      resource,
      { name: "dish" },
      {
        type: "json",
        body: [
          { op: "test", path: "/spec/id", value: "1" },
          { op: "add", path: "/spec/capabilities/1", value: "c" },
          { op: "add", path: "/metadata/labels", value: { x: "y" } },
          { op: "remove", path: "/spec/capabilities/0" },
        ],
      },
    );
    assert.deepEqual([patched.spec.capabilities, patched.metadata.labels], [["c", "b"], { x: "y" }]);
    const failing = [
      { op: "replace", path: "/spec/place", value: "roof" },
      { op: "test", path: "/spec/id", value: "2" },
    ];
    assert.match((await causesOf(store.patch(resource, { name: "dish" }, { type: "json", body: failing }))).join(), /operation|test/);
    await causesOf(store.patch(resource, { name: "dish" }, { type: "json", body: { op: "add" } }));
    await causesOf(store.patch(resource, { name: "dish" }, { type: "json", body: [{ op: "remove", path: "/spec/nothing" }] }));
    assert.deepEqual(await store.get(resource, { name: "dish" }), patched);
  });

  it("refuses a patch that takes away what an object is known by, in whatever words, and takes one that only leaves the rest out", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const dish = await store.create(resource, { metadata: { name: "dish", labels: { a: "1" } }, spec: thing("1") });
    for (const field of ["apiVersion", "kind", "metadata.name"]) {
      const path = field.split(".");
      for (const value of [null, ""])
        assert.match(
          (
            await causesOf(
              store.patch(
                resource,
                { name: "dish" },
                { type: "merge", body: path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object },
              ),
            )
          ).join(),
          new RegExp(field),
          `${field}: ${JSON.stringify(value)}`,
        );
      const json = [{ op: "remove", path: `/${path.join("/")}` }];
      assert.match((await causesOf(store.patch(resource, { name: "dish" }, { type: "json", body: json }))).join(), new RegExp(field));
    }
    for (const body of [{ metadata: null }, { metadata: null, spec: { place: "roof" } }])
      assert.match((await causesOf(store.patch(resource, { name: "dish" }, { type: "merge", body }))).join(), /metadata\.name/);
    for (const value of [{}, { metadata: {} }, { spec: thing("1") }])
      await causesOf(store.patch(resource, { name: "dish" }, { type: "json", body: [{ op: "replace", path: "", value }] }));
    assert.deepEqual(await store.get(resource, { name: "dish" }), dish);
    const body = { metadata: { uid: null, resourceVersion: null, creationTimestamp: null, labels: null }, spec: { place: "roof" } };
    const patched = await store.patch(resource, { name: "dish" }, { type: "merge", body });
    assert.deepEqual(
      [patched.metadata.uid, patched.metadata.labels, patched.spec.place, patched.metadata.creationTimestamp],
      [dish.metadata.uid, undefined, "roof", dish.metadata.creationTimestamp],
    );
  });

  it("takes null for a field as no field, whichever way it comes", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const spec = { ...thing("1"), place: null, capabilities: null, access: null, env: [{ name: "A", value: null }] };
    const wanted = { ...thing("1"), capabilities: [], probeEnabled: true, files: [], env: [{ name: "A", value: "" }] };
    const key = { name: "dish" };
    const body = { metadata: { ...key, labels: null }, spec };
    const ways: readonly (() => Promise<{ readonly spec: unknown }>)[] = [
      () => store.create(resource, body as never),
      () => store.update(resource, body as never),
      () => store.patch(resource, key, { type: "merge", body: { spec: { ...spec, desired: null } } }),
      () => store.patch(resource, key, { type: "json", body: [{ op: "replace", path: "/spec", value: spec }] }),
      () => store.patch(resource, key, { type: "apply", body: body as never, force: true }),
    ];
    for (const way of ways) assert.deepEqual((await way()).spec, wanted);
    const [entry] = (await store.get(resource, key))?.metadata.managedFields?.filter(({ operation }) => operation === "Apply") ?? [];
    assert.deepEqual(Object.keys((entry?.fieldsV1?.["f:spec"] ?? {}) as object).sort(), ["f:env", "f:id", "f:type"]);
    assert.match(
      (await causesOf(store.create(resource, { metadata: { name: "b" }, spec: { ...thing("2"), id: null } as never }))).join(),
      /spec\.id: found nothing/,
    );
  });

  it("makes no object for who names the uid or the version of one that is gone", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const body = { metadata: { name: "dish", uid: "014dbd28-1f25-42cb-a79c-955b98409d02" }, spec: thing("1") };
    await rejects(store.patch(resource, { name: "dish" }, { type: "apply", body }, { fieldManager: "one" }), "store/conflict");
    const versioned = { metadata: { name: "dish", resourceVersion: "5" }, spec: thing("1") };
    await rejects(store.patch(resource, { name: "dish" }, { type: "apply", body: versioned }, { fieldManager: "one" }), "store/conflict");
    assert.equal(await store.get(resource, { name: "dish" }), undefined);
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    await rejects(store.patch(resource, { name: "dish" }, { type: "apply", body, force: true }, { fieldManager: "one" }), "store/conflict");
  });

  it("is not misled by managed fields that are none, and remembers ten of those who have updated", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const made = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") }, { fieldManager: "maker" });
    for (const fieldsV1 of [{ "f:spec": "abc" }, { "f:spec": { "k:{": {} } }, { "k:null": {} }, { spec: {} }, { "f:spec": [1] }]) {
      const managedFields = [{ manager: "liar", operation: "Update" as const, fieldsV1: fieldsV1 as never }];
      const left = await store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { managedFields } } });
      assert.deepEqual(left.metadata.managedFields, made.metadata.managedFields, JSON.stringify(fieldsV1));
    }
    for (let index = 0; index < 25; index++)
      await store.patch(
        resource,
        { name: "dish" },
        { type: "merge", body: { spec: { desired: { [`k${index}`]: index } } } },
        { fieldManager: `m${index}` },
      );
    const managers = (await store.get(resource, { name: "dish" }))?.metadata.managedFields?.map(({ manager }) => manager) ?? [];
    assert.equal(managers.length, 10);
    assert.ok(managers.includes("ancient-changes") && managers.includes("m24"), managers.join());
  });

  it("stores no object that holds too much, whichever way it grows", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    const grow = (key: string) =>
      store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { desired: { [key]: Array.from({ length: 20_000 }, () => 1) } } } });
    await grow("a");
    await grow("b");
    assert.match((await causesOf(grow("c"))).join(), /spec: found more; allowed: at most 50000 values/);
  });

  it("loses none of many patches of one object at once", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { labels: { [`l${index}`]: "x" } } } }),
      ),
    );
    assert.equal(Object.keys((await store.get(resource, { name: "dish" }))?.metadata.labels ?? {}).length, 30);
  });

  it("records who set which field", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const created = await store.create(
      resource,
      { metadata: { name: "dish", labels: { a: "1" } }, spec: thing("1", { place: "roof" }) },
      { fieldManager: "maker" },
    );
    const entry = entryOf(created, "maker");
    assert.deepEqual([entry?.operation, entry?.apiVersion, entry?.fieldsType], ["Update", "orrery.dev/v1", "FieldsV1"]);
    assert.deepEqual(fields(created, "maker").at("f:metadata"), { "f:labels": { "f:a": {} } });
    assert.ok("f:place" in fields(created, "maker").at("f:spec"));
    const moved = await store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { place: "cellar" } } }, { fieldManager: "mover" });
    assert.deepEqual(fields(moved, "mover").at("f:spec"), { "f:place": {} });
    assert.ok(!("f:place" in fields(moved, "maker").at("f:spec")));
    const seen = await store.update(
      resource,
      { metadata: { name: "dish" }, status: { error: "e" } },
      { subresource: "status", fieldManager: "mover" },
    );
    assert.deepEqual(seen.metadata.managedFields?.find((one) => one.subresource === "status")?.fieldsV1, { "f:status": { "f:error": {} } });
    const cleared = await store.patch(
      resource,
      { name: "dish" },
      { type: "merge", body: { metadata: { managedFields: [{}] } } },
      { fieldManager: "mover" },
    );
    assert.equal(cleared.metadata.managedFields, undefined);
  });

  it("creates by applying, and changes nothing when the same is applied again", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const body = {
      apiVersion: "orrery.dev/v1",
      kind: "Resource",
      metadata: { name: "dish", labels: { a: "1" } },
      spec: thing("1", { place: "roof" }),
    };
    const applied = await store.patch(resource, { name: "dish" }, { type: "apply", body }, { fieldManager: "one" });
    assert.deepEqual(entryOf(applied, "one")?.fieldsV1, {
      "f:metadata": { "f:labels": { "f:a": {} } },
      "f:spec": { "f:id": {}, "f:place": {}, "f:type": {} },
    });
    assert.equal(entryOf(applied, "one")?.operation, "Apply");
    assert.equal(applied.spec.probeEnabled, true);
    assert.deepEqual(await store.patch(resource, { name: "dish" }, { type: "apply", body }, { fieldManager: "one" }), applied);
    assert.deepEqual(await names(store, resource), ["dish"]);
    await rejects(store.patch(resource, { name: "other" }, { type: "apply", body }, { fieldManager: "one" }), "store/invalid");
  });

  it("takes away what its applier no longer wants, unless another wants it", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const apply = (fieldManager: string, labels: Record<string, string>, spec: object) =>
      store.patch(resource, { name: "dish" }, { type: "apply", body: { metadata: { labels }, spec } }, { fieldManager });
    await apply("one", { a: "1", b: "2" }, thing("1", { place: "roof", access: { protocol: "tcp", address: "x:1" }, desired: { k: 1, l: 2 } }));
    await apply("two", { b: "2" }, { place: "roof" });
    const left = await apply("one", { a: "1" }, thing("1", { desired: { k: 1 } }));
    assert.deepEqual(left.metadata.labels, { a: "1", b: "2" });
    assert.deepEqual([left.spec.place, left.spec.access, left.spec.desired], ["roof", undefined, { k: 1 }]);
    const gone = await store.patch(resource, { name: "dish" }, { type: "apply", body: { metadata: {} } }, { fieldManager: "two" });
    assert.deepEqual([gone.metadata.labels, gone.spec.place], [{ a: "1" }, undefined]);
    assert.equal(entryOf(gone, "two"), undefined);
  });

  it("refuses to change what others set, names it, and does so by force", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1", { place: "roof" }) }, { fieldManager: "maker" });
    const wish = (place: string, force: boolean) =>
      store.patch(resource, { name: "dish" }, { type: "apply", body: { metadata: {}, spec: { place } }, force }, { fieldManager: "one" });
    const shared = await wish("roof", false);
    assert.ok("f:place" in fields(shared, "maker").at("f:spec"));
    const refused = await rejects(wish("cellar", false), "store/apply-conflict");
    const conflicts = refused.details["conflicts"] as readonly { readonly manager: string; readonly field: string }[];
    assert.deepEqual(
      conflicts.map(({ manager, field }) => [manager, field]),
      [["maker", ".spec.place"]],
    );
    assert.match(refused.message, /force/);
    const forced = await wish("cellar", true);
    assert.equal(forced.spec.place, "cellar");
    assert.ok(!("f:place" in fields(forced, "maker").at("f:spec")));
    const updated = await store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { place: "garden" } } }, { fieldManager: "maker" });
    assert.equal(entryOf(updated, "one"), undefined);
    await rejects(wish("cellar", false), "store/apply-conflict");
  });

  it("merges keyed lists by key and takes others as a whole", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const spec = (env: readonly object[], calls: readonly string[]) => ({
      template: { version: "v1", run: { command: ["node", "x.ts"] }, env, calls },
    });
    const apply = (fieldManager: string, body: object, force = false) =>
      store.patch(microservice, { name: "auth" }, { type: "apply", body: { metadata: {}, spec: body }, force }, { fieldManager });
    await apply(
      "one",
      spec(
        [
          { name: "A", value: "1" },
          { name: "B", value: "2" },
        ],
        ["x", "y"],
      ),
    );
    const both = await apply("two", { template: { env: [{ name: "C", value: "3" }] } });
    assert.deepEqual(
      both.spec.template.env.map(({ name }) => name),
      ["A", "B", "C"],
    );
    assert.deepEqual(fields(both, "two").at("f:spec"), {
      "f:template": { "f:env": { 'k:{"name":"C"}': { ".": {}, "f:name": {}, "f:value": {} } } },
    });
    const refused = await rejects(apply("two", { template: { env: [{ name: "A", value: "9" }], calls: ["z"] } }), "store/apply-conflict");
    const conflicts = refused.details["conflicts"] as readonly { readonly field: string }[];
    assert.deepEqual(conflicts.map(({ field }) => field).sort(), [".spec.template.calls", '.spec.template.env[name="A"].value']);
    const fewer = await apply("one", spec([{ name: "B", value: "2" }], ["y"]));
    assert.deepEqual([fewer.spec.template.env.map(({ name }) => name), fewer.spec.template.calls], [["B", "C"], ["y"]]);
    assert.match((await causesOf(apply("one", spec([{ name: "B" }, { name: "B" }], [])))).join(), /env\[1\]\.name/);
  });

  it("applies the status on its own", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    const body = { metadata: {}, spec: { place: "roof" }, status: { error: "e", observed: { a: 1 } } };
    const seen = await store.patch(resource, { name: "dish" }, { type: "apply", body }, { fieldManager: "agent", subresource: "status" });
    assert.deepEqual([seen.spec.place, seen.status], [undefined, { error: "e", observed: { a: 1 } }]);
    const entry = entryOf(seen, "agent");
    assert.deepEqual([entry?.subresource, entry?.fieldsV1], ["status", { "f:status": { "f:error": {}, "f:observed": { "f:a": {} } } }]);
    const less = await store.patch(
      resource,
      { name: "dish" },
      { type: "apply", body: { metadata: {}, status: { observed: { a: 1 } } } },
      { fieldManager: "agent", subresource: "status" },
    );
    assert.deepEqual(less.status, { observed: { a: 1 } });
  });
}

type Fields = Readonly<Record<string, unknown>>;

function entryOf(
  object: { readonly metadata: { readonly managedFields?: readonly ManagedFieldsEntry[] } },
  manager: string,
): ManagedFieldsEntry | undefined {
  return (
    object.metadata.managedFields?.find((entry) => entry.manager === manager && entry.subresource === undefined) ??
    object.metadata.managedFields?.find((entry) => entry.manager === manager)
  );
}

function fields(object: Parameters<typeof entryOf>[0], manager: string) {
  const root = (entryOf(object, manager)?.fieldsV1 ?? {}) as Fields;
  return { at: (key: string) => (root[key] ?? {}) as Fields };
}
