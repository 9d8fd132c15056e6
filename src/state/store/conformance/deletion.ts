import assert from "node:assert/strict";
import { it } from "node:test";
import { host, type Kind, microservice, resource, type StoredObject } from "#/model/index.ts";
import type { Store } from "../contract.ts";
import { brief, causesOf, names, type OpenStore, rejects, thing, untilGone, watch } from "./harness.ts";

/** Deletion, finalizers, owners. */
export function deletionTests(open: OpenStore): void {
  it("deletes, and says when there is nothing to delete", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const created = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    await rejects(store.delete(resource, { name: "dish" }, { preconditions: { uid: "another" } }), "store/conflict");
    await rejects(store.delete(resource, { name: "dish" }, { preconditions: { resourceVersion: "999999" } }), "store/conflict");
    const last = await store.delete(
      resource,
      { name: "dish" },
      { preconditions: { uid: created.metadata.uid, resourceVersion: created.metadata.resourceVersion } },
    );
    assert.equal(last?.metadata.uid, created.metadata.uid);
    assert.equal(await store.get(resource, { name: "dish" }), undefined);
    assert.equal(await store.delete(resource, { name: "dish" }), undefined);
    const again = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    assert.notEqual(again.metadata.uid, created.metadata.uid);
  });

  it("refuses a finalizer that names nobody", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    for (const finalizer of ["", "bad name", "a\nb", "/x", "a.org/", "卫星", "x".repeat(64)])
      assert.match(
        (await rejects(store.create(resource, { metadata: { name: "dish", finalizers: [finalizer] }, spec: thing("1") }), "store/invalid")).message,
        /metadata\.finalizers: /,
        JSON.stringify(finalizer),
      );
    await store.create(resource, { metadata: { name: "dish", finalizers: ["kubernetes", "a.org/x"] }, spec: thing("1") });
  });

  it("keeps an object with finalizers, marked, until the last is taken away", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish", finalizers: ["a.org/x", "a.org/y"] }, spec: thing("1") });
    const marked = await store.delete(resource, { name: "dish" });
    assert.match(marked?.metadata.deletionTimestamp ?? "", /^\d{4}-.*Z$/);
    assert.equal(marked?.metadata.generation, 2);
    assert.deepEqual(await store.delete(resource, { name: "dish" }), marked);
    assert.match(
      (
        await causesOf(
          store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { finalizers: ["a.org/x", "a.org/y", "a.org/z"] } } }),
        )
      ).join(),
      /metadata\.finalizers: .*a\.org\/z/,
    );
    const watched = watch(context, store, resource, { resourceVersion: marked?.metadata.resourceVersion ?? "", bookmarks: false });
    const one = await store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { finalizers: ["a.org/y"] } } });
    assert.deepEqual(one.metadata.finalizers, ["a.org/y"]);
    await rejects(store.create(resource, { metadata: { name: "dish" }, spec: thing("2") }), "store/exists");
    const none = await store.update(resource, { metadata: { name: "dish" }, spec: one.spec });
    assert.equal(none.metadata.finalizers, undefined);
    assert.equal(await store.get(resource, { name: "dish" }), undefined);
    assert.deepEqual([brief(await watched.next()), brief(await watched.next())], ["MODIFIED dish", "DELETED dish"]);
    await store.create(resource, { metadata: { name: "other" }, spec: thing("1") });
  });

  it("collects what an owner leaves behind, with what that owned", async (context) => {
    const { store } = await open(context, { hasCollector: true });
    const owner = await make(store, "owner");
    const child = await make(store, "child", [owner]);
    await make(store, "grandchild", [child]);
    await make(store, "unrelated");
    await store.delete(resource, { name: "owner" });
    await untilGone(context, store, resource, "grandchild");
    assert.deepEqual(await names(store, resource), ["unrelated"]);
  });

  it("keeps what still has an owner, and drops the reference to the one that is gone", async (context) => {
    const { store } = await open(context, { hasCollector: true });
    const one = await make(store, "one");
    const two = await make(store, "two");
    const child = await make(store, "child", [one, two]);
    await store.delete(resource, { name: "one" });
    const watched = watch(context, store, resource, {
      resourceVersion: child.metadata.resourceVersion,
      fieldSelector: "metadata.name=child",
      bookmarks: false,
    });
    const event = await watched.next();
    assert.ok(event.type === "MODIFIED");
    assert.deepEqual(
      event.object.metadata.ownerReferences?.map(({ name }) => name),
      ["two"],
    );
  });

  it("collects an object whose owner never was, or was made anew", async (context) => {
    const { store } = await open(context, { hasCollector: true });
    const owner = await make(store, "owner");
    await make(store, "stranger", [{ ...owner, metadata: { ...owner.metadata, uid: "6a1bd6b5-0000-4000-8000-000000000000" } }]);
    await untilGone(context, store, resource, "stranger");
    assert.deepEqual(await names(store, resource), ["owner"]);
  });

  it("deletes in the foreground: the owner goes after all that it owns", async (context) => {
    const { store } = await open(context, { hasCollector: true });
    const owner = await make(store, "owner");
    const child = await make(store, "child", [owner]);
    const grandchild = await make(store, "grandchild", [child]);
    const watched = watch(context, store, resource, { resourceVersion: grandchild.metadata.resourceVersion, bookmarks: false });
    const marked = await store.delete(resource, { name: "owner" }, { propagationPolicy: "Foreground" });
    assert.deepEqual(marked?.metadata.finalizers, ["foregroundDeletion"]);
    const events = await watched.until((event) => brief(event) === "DELETED owner");
    assert.deepEqual(events.filter((event) => event.type === "DELETED").map(brief), ["DELETED grandchild", "DELETED child", "DELETED owner"]);
    await make(store, "alone");
    await store.delete(resource, { name: "alone" }, { propagationPolicy: "Foreground" });
    assert.deepEqual(await names(store, resource), []);
  });

  it("lets go of what an owner owned when that is asked", async (context) => {
    const { store } = await open(context, { hasCollector: true });
    const owner = await make(store, "owner");
    await make(store, "child", [owner]);
    await store.delete(resource, { name: "owner" }, { propagationPolicy: "Orphan" });
    await untilGone(context, store, resource, "owner");
    const child = await store.get(resource, { name: "child" });
    assert.ok(child !== undefined && child.metadata.ownerReferences === undefined);
  });

  it("refuses a cycle of owners, and an owner that cannot be one", async (context) => {
    const { store } = await open(context, { hasCollector: true });
    const one = await make(store, "one");
    const two = await make(store, "two", [one]);
    const three = await make(store, "three", [two]);
    const own = (name: string, owner: StoredObject) =>
      store.patch(resource, { name }, { type: "merge", body: { metadata: { ownerReferences: [referenceTo(owner)] } } });
    assert.match(
      (await causesOf(own("one", three))).join(),
      /^metadata\.ownerReferences\[0\]: makes a cycle of owners: Resource one is owned by Resource three is owned by Resource two is owned by Resource one/,
    );
    assert.match((await causesOf(own("one", one))).join(), /cycle/);
    await causesOf(store.create(host, { metadata: { name: "m1", ownerReferences: [referenceTo(one)] }, spec: {} }));
    const race = [await make(store, "left"), await make(store, "right")] as const;
    const results = await Promise.allSettled([own("left", race[1]), own("right", race[0])]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await names(store, resource)).length, 5);
  });

  it("collects across kinds", async (context) => {
    const { store } = await open(context, { hasCollector: true });
    const owner = await store.create(microservice, { metadata: { name: "auth" }, spec: { template: { version: "v1", run: { command: ["x"] } } } });
    await make(store, "child", [owner]);
    await store.delete(microservice, { name: "auth" });
    await untilGone(context, store, resource, "child");
  });
}

function referenceTo({ apiVersion, kind, metadata: { name, uid } }: StoredObject) {
  return { apiVersion, kind, name, uid };
}

async function make(store: Store, name: string, owners: readonly StoredObject[] = []): Promise<(typeof resource)["$object"]> {
  const ownerReferences = owners.map(referenceTo);
  const kind: Kind = resource;
  return (await store.create(kind, {
    metadata: { name, ...(owners.length > 0 && { ownerReferences }) },
    spec: thing(name),
  })) as (typeof resource)["$object"];
}
