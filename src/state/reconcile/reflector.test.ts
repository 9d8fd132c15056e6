import assert from "node:assert/strict";
import { test } from "node:test";
import { OrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Resource, resource } from "#/model/index.ts";
import type { Store, WatchEvent } from "#/state/store/index.ts";
import { Reflector } from "./reflector.ts";

const object = (name: string, version: number): Resource =>
  ({
    apiVersion: "orrery.dev/v1",
    kind: "Resource",
    metadata: { name, namespace: "default", uid: name, resourceVersion: String(version), generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { id: name, type: "thing", capabilities: [], probeEnabled: true, files: [], env: [] },
  }) as unknown as Resource;

/** A store of which only list and watch are used; each list and each watch is one of those given, in order. */
function scripted(lists: readonly (readonly Resource[])[], watches: readonly (readonly WatchEvent<Resource>[] | Error)[]) {
  const asked: string[] = [];
  let listed = 0;
  let watched = 0;
  const store = {
    async list() {
      asked.push("list");
      return { items: lists[Math.min(listed++, lists.length - 1)] ?? [], resourceVersion: String(listed * 100) };
    },
    async *watch(_kind: unknown, options: { readonly resourceVersion: string; readonly signal: AbortSignal }) {
      asked.push(`watch ${options.resourceVersion}`);
      const script = watches[watched++];
      if (script instanceof Error) throw script;
      for (const event of script ?? []) yield event;
      // The last watch stays open.
      if (watched >= watches.length) await new Promise((resolve) => options.signal.addEventListener("abort", resolve, { once: true }));
    },
  } as unknown as Store;
  return { store, asked };
}

function reflect(store: Store): { reflector: Reflector<typeof resource>; seen: string[]; stop: AbortController; running: Promise<void> } {
  const reflector = new Reflector({ store, kind: resource, clock: systemClock, random: systemRandom, log: silentLog });
  reflector.addIndex("type", (one) => one.spec.type);
  const seen: string[] = [];
  reflector.listen((before, after) =>
    seen.push(`${before?.metadata.name ?? "-"}>${after?.metadata.name ?? "-"}@${after?.metadata.resourceVersion ?? ""}`),
  );
  const stop = new AbortController();
  return { reflector, seen, stop, running: reflector.run(stop.signal) };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 1000, "it has not come about");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("the copy is filled by a list and kept by the watch from its version", async () => {
  const { store, asked } = scripted(
    [[object("a", 1)]],
    [
      [
        { type: "ADDED", object: object("b", 2) },
        { type: "MODIFIED", object: object("a", 3) },
        { type: "DELETED", object: object("b", 4) },
      ],
    ],
  );
  const { reflector, seen, stop, running } = reflect(store);
  await reflector.synced;
  await until(() => seen.length === 4);
  assert.deepEqual(seen, ["->a@1", "->b@2", "a>a@3", "b>-@"]);
  assert.deepEqual(asked, ["list", "watch 100"]);
  assert.equal(reflector.size, 1);
  stop.abort();
  await running;
});

test("when the version is gone it lists again, and tells of what vanished and what changed meanwhile, not of what is the same", async () => {
  const { store, asked } = scripted(
    [
      [object("a", 1), object("b", 2), object("c", 3)],
      [object("a", 1), object("c", 9)],
    ],
    [new OrreryError("store/gone", "compacted"), []],
  );
  const { reflector, seen, stop, running } = reflect(store);
  await until(() => asked.length === 4);
  assert.deepEqual(seen, ["->a@1", "->b@2", "->c@3", "c>c@9", "b>-@"]);
  assert.deepEqual(
    [...reflector.values()].map((one) => one.metadata.name),
    ["a", "c"],
  );
  stop.abort();
  await running;
});

test("a failing watch is tried again and loses nothing that is known", async () => {
  const { store, asked } = scripted([[object("a", 1)]], [new Error("connection lost"), []]);
  const { reflector, stop, running } = reflect(store);
  await until(() => asked.length === 4);
  assert.equal(reflector.get("default/a")?.metadata.name, "a");
  stop.abort();
  await running;
});

test("indexes follow the objects", async () => {
  const moved = { ...object("a", 2), spec: { ...object("a", 2).spec, type: "machine" } } as Resource;
  const { store } = scripted([[object("a", 1)]], [[{ type: "MODIFIED", object: moved }]]);
  const { reflector, seen, stop, running } = reflect(store);
  await until(() => seen.length === 2);
  assert.equal(reflector.byIndex("type", "thing").size, 0);
  assert.equal(reflector.byIndex("type", "machine").size, 1);
  stop.abort();
  await running;
});

test("a listener that comes late is told of what is there", async () => {
  const { store } = scripted([[object("a", 1)]], [[]]);
  const { reflector, stop, running } = reflect(store);
  await reflector.synced;
  const late: string[] = [];
  reflector.listen((_, after) => late.push(after?.metadata.name ?? ""));
  assert.deepEqual(late, ["a"]);
  stop.abort();
  await running;
});
