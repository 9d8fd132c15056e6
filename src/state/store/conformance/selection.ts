import assert from "node:assert/strict";
import { it } from "node:test";
import { host, instance, resource } from "#/model/index.ts";
import { jsonOf } from "../json.ts";
import { brief, causesOf, names, type OpenStore, rejects, stopper, thing, watch } from "./harness.ts";

/** Lists, pages, selectors, watches. */
export function selectionTests(open: OpenStore): void {
  it("lists by namespace and name", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    for (const [namespace, name] of [
      ["default", "b"],
      ["a-b", "z"],
      ["default", "a"],
      ["a", "b"],
      ["default", "a-1"],
    ]) {
      await store.create(resource, { metadata: { name: name ?? "", namespace: namespace ?? "" }, spec: thing(`${name}`) });
    }
    const list = await store.list(resource);
    assert.deepEqual(
      list.items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
      ["a/b", "a-b/z", "default/a", "default/a-1", "default/b"],
    );
    assert.deepEqual(await names(store, resource, { namespace: "default" }), ["a", "a-1", "b"]);
    assert.deepEqual(await names(store, resource, { namespace: "none" }), []);
    assert.deepEqual(JSON.parse(`[${list.items.map(jsonOf).join()}]`), list.items);
  });

  it("selects by labels and fields", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const labels = { one: { app: "x", tier: "front" }, two: { app: "y" }, three: {}, four: { app: "x", n: "7" } };
    for (const [name, own] of Object.entries(labels))
      await store.create(resource, { metadata: { name, labels: own }, spec: { id: name, type: name === "two" ? "human" : "thing" } });
    const select = (labelSelector: string) => names(store, resource, { labelSelector });
    assert.deepEqual(await select("app=x"), ["four", "one"]);
    assert.deepEqual(await select("app==x,tier!=front"), ["four"]);
    assert.deepEqual(await select("app in (x, y),!tier"), ["four", "two"]);
    assert.deepEqual(await select("app notin (x)"), ["three", "two"]);
    assert.deepEqual(await select("app"), ["four", "one", "two"]);
    assert.deepEqual(await select("app!=x"), ["three", "two"]);
    assert.deepEqual(await names(store, resource, { fieldSelector: "spec.type=human" }), ["two"]);
    assert.deepEqual(await names(store, resource, { fieldSelector: "spec.type!=human,metadata.name!=one" }), ["four", "three"]);
    assert.deepEqual(await names(store, resource, { fieldSelector: "metadata.name=two", labelSelector: "app=x" }), []);
    assert.match((await causesOf(store.list(resource, { fieldSelector: "spec.place=roof" }))).join(), /spec\.id, spec\.type/);
    assert.match((await causesOf(store.list(resource, { labelSelector: "a in x" }))).join(), /labelSelector/);
  });

  it("gives pages of one reading, whatever changes meanwhile", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    for (let index = 0; index < 10; index++) await store.create(resource, { metadata: { name: `r${index}` }, spec: thing(`${index}`) });
    const first = await store.list(resource, { limit: 4 });
    assert.deepEqual(
      first.items.map(({ metadata }) => metadata.name),
      ["r0", "r1", "r2", "r3"],
    );
    assert.equal(first.remainingItemCount, 6);
    await store.delete(resource, { name: "r5" });
    await store.create(resource, { metadata: { name: "r45" }, spec: thing("45") });
    await store.patch(resource, { name: "r6" }, { type: "merge", body: { spec: { place: "roof" } } });
    const second = await store.list(resource, { limit: 4, continue: first.continue ?? "" });
    const third = await store.list(resource, { limit: 4, continue: second.continue ?? "" });
    assert.deepEqual(
      [...second.items, ...third.items].map(({ metadata }) => metadata.name),
      ["r4", "r5", "r6", "r7", "r8", "r9"],
    );
    assert.equal(second.items[2]?.spec.place, undefined);
    assert.deepEqual([second.resourceVersion, third.resourceVersion, third.continue], [first.resourceVersion, first.resourceVersion, undefined]);
    await causesOf(store.list(resource, { limit: 4, continue: "no token" }));
    const selected = await store.list(resource, { limit: 3, fieldSelector: "metadata.name!=r0" });
    assert.deepEqual(
      selected.items.map(({ metadata }) => metadata.name),
      ["r1", "r2", "r3"],
    );
    const whole = await store.list(resource, { limit: 10 });
    assert.deepEqual([whole.items.length, whole.continue], [10, undefined]);
  });

  it("watches from a list without missing or repeating anything", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "a" }, spec: thing("a") });
    const { resourceVersion } = await store.list(resource);
    const created = await store.create(resource, { metadata: { name: "b" }, spec: thing("b") });
    const watched = watch(context, store, resource, { resourceVersion, bookmarks: false });
    assert.deepEqual(await watched.next(), { type: "ADDED", object: created });
    const changed = await store.patch(resource, { name: "a" }, { type: "merge", body: { spec: { place: "roof" } } });
    assert.deepEqual(await watched.next(), { type: "MODIFIED", object: changed });
    const deleted = await store.delete(resource, { name: "a" });
    const event = await watched.next();
    assert.equal(brief(event), "DELETED a");
    assert.ok(event.type === "DELETED" && Number(event.object.metadata.resourceVersion) > Number(changed.metadata.resourceVersion));
    assert.equal(deleted?.metadata.uid, changed.metadata.uid);
    const again = await store.create(resource, { metadata: { name: "a" }, spec: thing("a") });
    assert.deepEqual(await watched.next(), { type: "ADDED", object: again });
    const late = watch(context, store, resource, { resourceVersion, bookmarks: false });
    assert.deepEqual((await late.until((one) => brief(one) === "ADDED a")).map(brief), ["ADDED b", "MODIFIED a", "DELETED a", "ADDED a"]);
  });

  it("watches from nothing: first what is there, then a bookmark, then what happens", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    for (const name of ["b", "a"]) await store.create(resource, { metadata: { name }, spec: thing(name) });
    const watched = watch(context, store, resource);
    const events = await watched.until((event) => event.type === "BOOKMARK");
    assert.deepEqual(events.map(brief), ["ADDED a", "ADDED b", "BOOKMARK"]);
    const mark = events.at(-1);
    const created = await store.create(resource, { metadata: { name: "c" }, spec: thing("c") });
    assert.deepEqual(await watched.next(), { type: "ADDED", object: created });
    const resumed = watch(context, store, resource, { resourceVersion: mark?.type === "BOOKMARK" ? mark.resourceVersion : "", bookmarks: false });
    assert.deepEqual(await resumed.next(), { type: "ADDED", object: created });
  });

  it("shows a watcher with a selector only what is selected: what leaves is deleted, what enters added", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const watched = watch(context, store, resource, {
      labelSelector: "app=x",
      namespace: "default",
      bookmarks: false,
      resourceVersion: (await store.list(resource)).resourceVersion,
    });
    const label = (app: string) => store.patch(resource, { name: "a" }, { type: "merge", body: { metadata: { labels: { app } } } });
    await store.create(resource, { metadata: { name: "a", labels: { app: "y" } }, spec: thing("a") });
    await store.create(resource, { metadata: { name: "a", namespace: "other", labels: { app: "x" } }, spec: thing("a") });
    await label("x");
    await store.patch(resource, { name: "a" }, { type: "merge", body: { spec: { place: "roof" } } });
    await label("z");
    await label("x");
    await store.delete(resource, { name: "a" });
    await store.create(resource, { metadata: { name: "last", labels: { app: "x" } }, spec: thing("last") });
    assert.deepEqual((await watched.until((event) => brief(event) === "ADDED last")).map(brief), [
      "ADDED a",
      "MODIFIED a",
      "DELETED a",
      "ADDED a",
      "DELETED a",
      "ADDED last",
    ]);
  });

  it("selects a host's instances by field, in lists and watches", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const make = (name: string, on: string) => store.create(instance, { metadata: { name }, spec: { host: on, slot: 0, run: { command: ["x"] } } });
    await make("one", "m1");
    await make("two", "m2");
    assert.deepEqual(await names(store, instance, { fieldSelector: "spec.host=m1" }), ["one"]);
    const watched = watch(context, store, instance, { fieldSelector: "spec.host=m2" });
    assert.deepEqual((await watched.until((event) => event.type === "BOOKMARK")).map(brief), ["ADDED two", "BOOKMARK"]);
    await make("three", "m1");
    await make("four", "m2");
    assert.equal(brief(await watched.next()), "ADDED four");
  });

  it("says gone to a watch from the future, and refuses what is no version", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const { resourceVersion } = await store.list(resource);
    const future = watch(context, store, resource, { resourceVersion: String(Number(resourceVersion) + 1_000_000) });
    assert.equal((await rejects(future.next(), "store/gone")).retry, "after-reread");
    await rejects(watch(context, store, resource, { resourceVersion: "yesterday" }).next(), "store/invalid");
  });

  it("says gone to a watch from before what it remembers", async (context) => {
    const { store, restart } = await open(context, { hasCollector: false });
    if (restart === undefined) return context.skip("the engine cannot be opened again");
    const created = await store.create(resource, { metadata: { name: "a" }, spec: thing("a") });
    await store.patch(resource, { name: "a" }, { type: "merge", body: { spec: { place: "roof" } } });
    const again = await restart();
    await rejects(watch(context, again, resource, { resourceVersion: created.metadata.resourceVersion }).next(), "store/gone");
    const { items, resourceVersion } = await again.list(resource);
    assert.equal(items[0]?.spec.place, "roof");
    const watched = watch(context, again, resource, { resourceVersion, bookmarks: false });
    await again.delete(resource, { name: "a" });
    assert.equal(brief(await watched.next()), "DELETED a");
  });

  it("ends a watch when its signal is aborted, without an error", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    for await (const _ of store.watch(host, { signal: AbortSignal.abort() })) assert.fail("an event");
    const controller = new AbortController();
    stopper(context).addEventListener("abort", () => controller.abort());
    for await (const event of store.watch(host, { signal: controller.signal })) {
      assert.equal(event.type, "BOOKMARK");
      setImmediate(() => controller.abort());
    }
  });
}
