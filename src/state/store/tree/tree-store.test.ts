import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { isOrreryError, ManualClock, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { host, microservice, REDACTED, resource } from "#/model/index.ts";
import { openSqliteTree, type SqliteTree, type SqliteTreeOptions } from "#/state/tree/sqlite/index.ts";
import { thing } from "../conformance/harness.ts";
import { storeConformance } from "../conformance/index.ts";
import type { Patch } from "../contract.ts";
import { jsonOf } from "../json.ts";
import { LAST_APPLIED, redact } from "../redaction.ts";
import { openTreeStore, type TreeStore, type TreeStoreOptions } from "./index.ts";

storeConformance("TreeStore", async (context, { hasCollector }) => {
  const tree = await openTree(context);
  const store = await openStore(context, tree);
  const stop = new AbortController();
  context.after(() => stop.abort());
  if (hasCollector) store.startGarbageCollector(stop.signal);
  return { store, restart: () => openStore(context, tree) };
});

async function openTree(context: TestContext, more: Partial<SqliteTreeOptions> = {}): Promise<SqliteTree> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-store-"));
  const tree = await openSqliteTree({ file: join(folder, "tree.db"), clock: systemClock, random: systemRandom, ...more });
  context.after(async () => {
    await tree.close();
    await rm(folder, { recursive: true, force: true });
  });
  return tree;
}

async function openStore(context: TestContext, tree: SqliteTree, more: Partial<TreeStoreOptions> = {}): Promise<TreeStore> {
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds, log: silentLog, ...more });
  context.after(() => store.close());
  return store;
}

describe("TreeStore", () => {
  it("shows every reader the same objects, which nobody can change", async (context) => {
    const store = await openStore(context, await openTree(context));
    const desired = { angle: { azimuth: 10 } };
    const created = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1", { desired }) });
    desired.angle.azimuth = 99;
    const [listed] = (await store.list(resource)).items;
    assert.equal(listed, created);
    assert.equal(await store.get(resource, { name: "dish" }), created);
    assert.deepEqual(created.spec.desired, { angle: { azimuth: 10 } });
    assert.throws(() => Object.assign(created.spec.desired?.["angle"] ?? {}, { azimuth: 0 }), TypeError);
    assert.equal(jsonOf(created), jsonOf(created));
    const moved = await store.patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { labels: { a: "b" } } } });
    assert.equal(moved.spec, created.spec);
  });

  it("keeps everything when it is opened again: objects, who set what, who owns what", async (context) => {
    const tree = await openTree(context);
    const store = await openStore(context, tree);
    const owner = await store.create(resource, { metadata: { name: "owner" }, spec: thing("1") }, { fieldManager: "maker" });
    const { apiVersion, kind, metadata } = owner;
    await store.create(resource, {
      metadata: { name: "child", ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid }] },
      spec: thing("2"),
    });
    const { items } = await store.list(resource);
    await store.close();
    const again = await openStore(context, tree);
    assert.deepEqual((await again.list(resource)).items, items);
    assert.deepEqual((await again.list(resource)).items.map(jsonOf), items.map(jsonOf));
    await assert.rejects(again.create(resource, { metadata: { name: "copy" }, spec: thing("1") }), /belongs to Resource owner/);
    const stop = new AbortController();
    again.startGarbageCollector(stop.signal);
    await again.delete(resource, { name: "owner" });
    for await (const event of again.watch(resource, { signal: stop.signal })) {
      if (event.type === "BOOKMARK" && (await again.list(resource)).items.length === 0) break;
      if (event.type === "DELETED" && event.object.metadata.name === "child") break;
    }
    stop.abort();
  });

  it("sees and respects what another process writes into the tree", async (context) => {
    const tree = await openTree(context);
    const [one, two] = [await openStore(context, tree), await openStore(context, tree)];
    const created = await one.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    const watched = new AbortController();
    for await (const event of two.watch(resource, { signal: watched.signal })) if (event.type === "ADDED") break;
    watched.abort();
    assert.deepEqual(await two.get(resource, { name: "dish" }), created);
    const both = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? one : two).patch(resource, { name: "dish" }, { type: "merge", body: { metadata: { labels: { [`l${index}`]: "x" } } } }),
    );
    await Promise.all(both);
    const last = await one.patch(resource, { name: "dish" }, { type: "merge", body: { spec: { place: "roof" } } });
    assert.equal(Object.keys(last.metadata.labels ?? {}).length, 20);
    const [left, right] = await Promise.allSettled(
      [one, two].map((store) => store.create(resource, { metadata: { name: "race" }, spec: thing("race") })),
    );
    assert.deepEqual([left?.status, right?.status].sort(), ["fulfilled", "rejected"]);
  });

  it("keeps secrets whose shown text is written back", async (context) => {
    const store = await openStore(context, await openTree(context));
    const spec = (value: string) => ({ template: { version: "v1", run: { command: ["x"] }, env: [{ name: "KEY", value, secret: true }] } });
    await store.create(microservice, { metadata: { name: "auth" }, spec: spec("hush") });
    const same = await store.update(microservice, { metadata: { name: "auth" }, spec: spec(REDACTED) });
    assert.deepEqual([same.spec.template.env[0]?.value, same.metadata.generation], ["hush", 1]);
    const applied = await store.patch(
      microservice,
      { name: "auth" },
      { type: "apply", body: { metadata: {}, spec: spec(REDACTED) }, force: true },
      { fieldManager: "one" },
    );
    assert.equal(applied.spec.template.env[0]?.value, "hush");
    await assert.rejects(store.create(microservice, { metadata: { name: "other" }, spec: spec(REDACTED) }), /give the secret's value/);
  });

  it("lets no patch copy a secret to where it is shown, take its mark away, or ask whether it is this one", async (context) => {
    const store = await openStore(context, await openTree(context));
    const spec = { template: { version: "v1", run: { command: ["x"] }, env: [{ name: "KEY", value: "hush", secret: true }, { name: "MODE" }] } };
    const kept = JSON.stringify({ spec });
    const annotations = { [LAST_APPLIED]: kept };
    await store.create(microservice, { metadata: { name: "auth", annotations }, spec }, { fieldManager: "maker" });
    const env = "/spec/template/env";
    const applied = `/metadata/annotations/${LAST_APPLIED.replace("/", "~1")}`;
    const tries: readonly Patch[] = [
      ...[
        [{ op: "copy", from: `${env}/0/value`, path: "/metadata/annotations/x" }],
        [{ op: "copy", from: `${env}/0/value`, path: `${env}/1/value` }],
        [{ op: "move", from: `${env}/0/value`, path: `${env}/1/value` }],
        [{ op: "copy", from: applied, path: "/metadata/annotations/x" }],
        [{ op: "move", from: applied, path: "/metadata/annotations/x" }],
        [{ op: "remove", path: `${env}/0/secret` }],
        [{ op: "replace", path: `${env}/0/secret`, value: false }],
        [{ op: "replace", path: `${env}/0/name`, value: "OTHER" }],
        [
          { op: "copy", from: `${env}/0`, path: `${env}/-` },
          { op: "replace", path: `${env}/2/name`, value: "THIRD" },
          { op: "remove", path: `${env}/2/secret` },
        ],
        [{ op: "test", path: `${env}/0/value`, value: "hush" }],
        [{ op: "copy", from: "/spec/template/env", path: "/metadata/annotations/x" }],
      ].map((body): Patch => ({ type: "json", body })),
      ...[{ name: "KEY", secret: false }, { name: "KEY" }].map(
        (one): Patch => ({
          type: "apply",
          force: true,
          body: { metadata: {}, spec: { template: { version: "v1", run: { command: ["x"] }, env: [one] } } },
        }),
      ),
      { type: "merge", body: { spec: { template: { env: [{ name: "KEY", value: REDACTED }] } } } },
    ];
    for (const patch of tries) {
      const written = await store.patch(microservice, { name: "auth" }, patch, { dryRun: true, fieldManager: "other" }).catch((error: unknown) => {
        assert.ok(isOrreryError(error, "store/invalid"), String(error));
        return undefined;
      });
      assert.doesNotMatch(JSON.stringify(written === undefined ? {} : redact(written)), /hush/, JSON.stringify(patch));
    }
    // What does not touch them keeps them, and says the value anew may take the mark away.
    const other: Patch = { type: "json", body: [{ op: "add", path: "/metadata/labels", value: { a: "b" } }] };
    const labelled = await store.patch(microservice, { name: "auth" }, other);
    assert.deepEqual([labelled.spec.template.env[0]?.value, labelled.metadata.annotations, labelled.metadata.generation], ["hush", annotations, 1]);
    const open = await store.patch(
      microservice,
      { name: "auth" },
      {
        type: "json",
        body: [
          { op: "remove", path: `${env}/0/secret` },
          { op: "replace", path: `${env}/0/value`, value: "plain" },
        ],
      },
    );
    assert.deepEqual(open.spec.template.env[0], { name: "KEY", value: "plain" });
  });

  it("ends a watcher that lags by too much, and no other", async (context) => {
    const store = await openStore(context, await openTree(context), { limits: { lagEventsMax: 50 } });
    const { signal } = new AbortController();
    const created = await store.create(host, { metadata: { name: "m1" }, spec: {} });
    const lazy = store.watch(host, { resourceVersion: created.metadata.resourceVersion, signal })[Symbol.asyncIterator]();
    const other = store.watch(host, { resourceVersion: created.metadata.resourceVersion, signal })[Symbol.asyncIterator]();
    const change = (index: number) => store.patch(host, { name: "m1" }, { type: "merge", body: { metadata: { labels: { n: String(index) } } } });
    const [first] = await Promise.all([lazy.next(), other.next(), change(0)]);
    assert.equal(first.done, false);
    let seen = 1;
    for (let index = 1; index <= 60; index += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, offset) => change(index + offset)));
      for (let count = 0; count < 20; count++, seen++) assert.equal((await other.next()).done, false);
    }
    await assert.rejects(
      async () => {
        for (let count = 0; count < seen; count++) await lazy.next();
      },
      (error) => isOrreryError(error, "store/gone") && /lags/.test(error.message),
    );
  });

  it("says gone to a watch from before the changes that it remembers, and serves one from within them", async (context) => {
    const store = await openStore(context, await openTree(context), { limits: { historyChangesMax: 40 } });
    const created = await store.create(host, { metadata: { name: "m1" }, spec: {} });
    const change = (index: number) => store.patch(host, { name: "m1" }, { type: "merge", body: { metadata: { labels: { n: String(index) } } } });
    const within: string[] = [];
    for (let round = 0; round < 12; round++) {
      const changed = await Promise.all(Array.from({ length: 5 }, (_, index) => change(round * 5 + index)));
      within.push(changed.at(-1)?.metadata.resourceVersion ?? "");
    }
    const { signal } = new AbortController();
    const next = (resourceVersion: string) => store.watch(host, { resourceVersion, signal })[Symbol.asyncIterator]().next();
    await assert.rejects(next(created.metadata.resourceVersion), (error) => isOrreryError(error, "store/gone"));
    assert.equal((await next(within.at(-2) ?? "")).done, false);
  });

  it("marks how far a quiet watch has come, from time to time", async (context) => {
    const clock = new ManualClock();
    const store = await openStore(context, await openTree(context), { clock });
    const stop = new AbortController();
    const quiet = store.watch(host, { signal: stop.signal })[Symbol.asyncIterator]();
    assert.equal((await quiet.next()).value?.type, "BOOKMARK");
    const created = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    const mark = quiet.next();
    clock.advance(60_000);
    assert.deepEqual((await mark).value, { type: "BOOKMARK", resourceVersion: created.metadata.resourceVersion });
    stop.abort();
  });

  it("lets the rest of a list expire", async (context) => {
    const clock = new ManualClock();
    const store = await openStore(context, await openTree(context), { clock });
    for (const name of ["a", "b", "c"]) await store.create(resource, { metadata: { name }, spec: thing(name) });
    const { continue: token = "" } = await store.list(resource, { limit: 1 });
    clock.advance(600_000);
    assert.equal((await store.list(resource, { limit: 1, continue: token })).items[0]?.metadata.name, "b");
    await store.delete(resource, { name: "c" });
    assert.equal((await store.list(resource, { limit: 1, continue: token })).items[0]?.metadata.name, "b");
    clock.advance(600_000);
    await assert.rejects(store.list(resource, { limit: 1, continue: token }), (error) => isOrreryError(error, "store/gone"));
  });

  it("says that there is no room, changes nothing then, and goes on when room returns", async (context) => {
    const store = await openStore(context, await openTree(context, { bytesMax: 60 * 4096 }));
    const description = "x".repeat(3_000);
    const kept: string[] = [];
    let refusal: unknown;
    for (let index = 0; index < 200 && refusal === undefined; index++) {
      try {
        await store.create(resource, { metadata: { name: `r${index}` }, spec: thing(`${index}`, { description }) });
        kept.push(`r${index}`);
      } catch (error) {
        refusal = error;
      }
    }
    assert.ok(isOrreryError(refusal, "store/full") && refusal.retry === "backoff" && /free some room/.test(refusal.message), String(refusal));
    assert.deepEqual(
      (await store.list(resource)).items.map(({ metadata }) => metadata.name),
      kept.sort(),
    );
    for (const name of kept.slice(0, 5)) await store.delete(resource, { name });
    await store.create(resource, { metadata: { name: "again" }, spec: thing("again", { description }) });
  });

  it("refuses an object that is too large", async (context) => {
    const store = await openStore(context, await openTree(context));
    const body = { metadata: { name: "huge", annotations: { a: "x".repeat(1_000_000) } }, spec: thing("1") };
    await assert.rejects(store.create(resource, body), (error) => isOrreryError(error, "store/invalid") && /too large/.test(error.message));
  });

  it("names what it cannot read in the tree, and leaves alone what it does not know", async (context) => {
    const tree = await openTree(context);
    await tree.create("/objects/widgets/default/w", "{}");
    const store = await openStore(context, tree);
    assert.deepEqual((await store.list(resource)).items, []);
    await store.close();
    await tree.create("/objects/resources/default/broken", "{");
    await assert.rejects(
      openStore(context, tree),
      (error) => isOrreryError(error, "store/damaged") && /\/objects\/resources\/default\/broken/.test(error.message),
    );
  });

  it("fails its writers and watchers when the tree is closed under it", async (context) => {
    const tree = await openTree(context);
    const store = await openStore(context, tree);
    const watched = store.watch(host, { signal: new AbortController().signal })[Symbol.asyncIterator]();
    await watched.next();
    const next = watched.next();
    await tree.close();
    await assert.rejects(next, (error) => isOrreryError(error, "store/unavailable"));
    await assert.rejects(store.create(host, { metadata: { name: "m1" }, spec: {} }), (error) => isOrreryError(error, "store/unavailable"));
  });

  it("keeps Events for an hour and at most 5,000, over a restart, too", async (context) => {
    const clock = new ManualClock();
    const tree = await openTree(context);
    const store = await openStore(context, tree, { clock });
    const machine = await store.create(host, { metadata: { name: "m1" }, spec: {} });
    const tell = (message: string) => store.emit({ kind: host, object: machine, type: "Normal", reason: "Told", message, component: "test" });
    tell("old");
    clock.advance(59 * 60_000);
    tell("young");
    // Events of the same millisecond have no order after a restart.
    clock.advance(1);
    tell("old");
    await store.close();
    const again = await openStore(context, tree, { clock });
    assert.deepEqual(
      (await again.events()).map(({ message, count }) => [message, count]),
      [
        ["old", 1],
        ["young", 1],
        ["old", 1],
      ],
    );
    clock.advance(2 * 60_000);
    assert.deepEqual(
      (await again.events()).map(({ message }) => message),
      ["young", "old"],
    );
    for (let index = 0; index < 6_000; index++) {
      again.emit({ kind: host, object: machine, type: "Normal", reason: "Told", message: `${index}`, component: "test" });
      if (index % 900 === 0) {
        clock.advance(1_000);
        await tree.list("/");
      }
    }
    assert.equal((await again.events()).length, 5_000);
    assert.ok(again.counts().eventsDropped === 0);
    for (let index = 0; index < 2_000; index++)
      again.emit({ kind: host, object: machine, type: "Normal", reason: "Flood", message: `${index}`, component: "test" });
    assert.ok(again.counts().eventsDropped > 500);
  });
});
