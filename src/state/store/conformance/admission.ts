import assert from "node:assert/strict";
import { it } from "node:test";
import { OrreryError } from "#/base/index.ts";
import { resource, type StoredObject } from "#/model/index.ts";
import type { Admit, Store } from "../contract.ts";
import { type OpenStore, rejects, thing } from "./harness.ts";

type Asked = readonly [before: string | undefined, after: string | undefined];

/** `admit`: who may refuse what would be written. */
export function admissionTests(open: OpenStore): void {
  const place = (object: StoredObject | undefined): string | undefined =>
    object === undefined ? undefined : ((object.spec as { readonly displayName?: string }).displayName ?? "");
  const asked: Asked[] = [];
  const remember: Admit = (before, after) => void asked.push([place(before), place(after)]);
  const refuse: Admit = async () => {
    await Promise.resolve();
    throw new OrreryError("api/forbidden", "not today");
  };
  /** Every way of writing, from `a` to `b`, or, where it deletes, to nothing. */
  const ways: Readonly<Record<string, (store: Store, admit: Admit, dryRun: boolean) => Promise<unknown>>> = {
    update: (store, admit, dryRun) =>
      store.update(resource, { metadata: { name: "dish" }, spec: thing("1", { displayName: "b" }) }, { admit, dryRun }),
    "merge patch": (store, admit, dryRun) =>
      store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { displayName: "b" } } }, { admit, dryRun }),
    "json patch": (store, admit, dryRun) =>
      store.patch(resource, { name: "dish" }, { type: "json", body: [{ op: "replace", path: "/spec/displayName", value: "b" }] }, { admit, dryRun }),
    apply: (store, admit, dryRun) =>
      store.patch(
        resource,
        { name: "dish" },
        { type: "apply", body: { metadata: { name: "dish" }, spec: thing("1", { displayName: "b" }) }, force: true },
        { admit, dryRun },
      ),
    delete: (store, admit, dryRun) => store.delete(resource, { name: "dish" }, { admit, dryRun }),
  };

  for (const [name, write] of Object.entries(ways))
    it(`asks who may refuse it before ${name} writes anything`, async (context) => {
      const { store } = await open(context, { hasCollector: false });
      asked.length = 0;
      const first = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1", { displayName: "a" }) }, { admit: remember });
      assert.equal((await rejects(write(store, refuse, false), "api/forbidden")).message, "not today");
      await rejects(write(store, refuse, true), "api/forbidden");
      assert.deepEqual(await store.get(resource, { name: "dish" }), first);
      await write(store, remember, true);
      await write(store, remember, false);
      const after = name === "delete" ? undefined : "b";
      assert.deepEqual(asked, [
        [undefined, "a"],
        ["a", after],
        ["a", after],
      ]);
      // Nothing changes, nobody is asked.
      await write(store, refuse, false);
    });

  it("asks before it creates, by name, by generateName and by apply", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await rejects(store.create(resource, { metadata: { name: "dish" }, spec: thing("1") }, { admit: refuse }), "api/forbidden");
    await rejects(store.create(resource, { metadata: { generateName: "dish-" }, spec: thing("1") }, { admit: refuse }), "api/forbidden");
    const body = { metadata: { name: "dish" }, spec: thing("1") };
    await rejects(store.patch(resource, { name: "dish" }, { type: "apply", body }, { admit: refuse }), "api/forbidden");
    assert.deepEqual((await store.list(resource)).items, []);
  });

  it("asks about the status as about all else, and about a deletion that finalizers delay", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish", finalizers: ["a.org/x"] }, spec: thing("1", { displayName: "a" }) });
    const body = { status: { conditions: [] } };
    await rejects(store.patch(resource, { name: "dish" }, { type: "merge", body }, { subresource: "status", admit: refuse }), "api/forbidden");
    asked.length = 0;
    await rejects(store.delete(resource, { name: "dish" }, { admit: refuse }), "api/forbidden");
    const marked = await store.delete(resource, { name: "dish" }, { admit: remember });
    assert.ok(marked?.metadata.deletionTimestamp);
    assert.deepEqual(await store.delete(resource, { name: "dish" }, { admit: refuse }), marked);
    await rejects(
      store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { finalizers: null } } }, { admit: refuse }),
      "api/forbidden",
    );
    assert.deepEqual(asked, [["a", undefined]]);
  });

  it("asks again with what another has written meanwhile", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    await store.create(resource, { metadata: { name: "dish" }, spec: thing("1", { displayName: "a" }) });
    const seen: (string | undefined)[] = [];
    const slow: Admit = async (before) => {
      seen.push(place(before));
      if (seen.length === 1) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const patch = (displayName: string, admit?: Admit): Promise<StoredObject> =>
      store.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { displayName } } }, admit === undefined ? {} : { admit });
    await Promise.all([patch("b", slow), patch("c", slow)]);
    assert.deepEqual(seen, ["a", "b"]);
  });
}
