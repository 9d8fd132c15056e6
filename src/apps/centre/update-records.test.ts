import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, sleep as sleepBy } from "#/base/index.ts";
import { type Generation, generation, microservice, SITE_NAME, site, type Update, update } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

/** A store of which the watch of `kind` is late: what `isHeld` is told, with everything after it, when `release` is called. */
function lagging(kind: string, isHeld: (object: Generation | Update) => boolean) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wrap = (store: Store): Store =>
    new Proxy(store, {
      get(target, property) {
        const value = Reflect.get(target, property) as unknown;
        if (property !== "watch") return typeof value === "function" ? value.bind(target) : value;
        return (watched: { kind: string }, options: never) => {
          const events = target.watch(watched as never, options) as AsyncIterable<{ object: Generation | Update }>;
          if (watched.kind !== kind) return events;
          return (async function* () {
            for await (const event of events) {
              if (isHeld(event.object)) await promise;
              yield event;
            }
          })();
        };
      },
    });
  return { wrap, release: resolve };
}

test("an Update whose generation is given up before its object is seen is aborted, not complete", async () => {
  const { wrap, release } = lagging("Generation", (one) => one.metadata.name === "g2");
  const { apply, template, service, store, startMs, siteIs, updateIs, sleep } = await startCentre({ wrap });
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  startMs.set("o9", undefined);
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }] } });
  await updateIs("u", (one) => one.status?.generation === 2, "its generation");
  await store.patch(update, { name: "u" }, { type: "merge", body: { spec: { aborted: true } } });
  await siteIs((one) => one.status?.counter === 2 && one.status.generations?.length === 1, "the end of its generation");
  await sleep(1000);
  assert.notEqual((await store.get(update, { name: "u" }))?.status?.phase, "Complete");
  release();
  await updateIs("u", (one) => one.status?.phase === "Aborted", "its end");
});

test("the record of changed templates that is seen only when they have changed again takes nothing back, and is aborted", async () => {
  const { wrap, release } = lagging("Update", (one) => one.metadata.name === "g2");
  const { apply, template, service, store, startMs, siteIs, updateIs, until } = await startCentre({ wrap });
  await apply("auth", { template: template("v1") });
  await service("auth", isReady, "readiness");
  startMs.set("v2", undefined);
  await apply("auth", { template: template("v2") });
  await until(
    () => store.get(update, { name: "g2" }),
    () => true,
    "the record",
  );
  await apply("auth", { template: template("v3") });
  await siteIs((one) => one.status?.stamp?.generation === 3, "the next generation");
  release();
  const ended = await updateIs("g2", (one) => one.status?.phase === "Aborted", "its end");
  assert.equal(ended.status?.waits?.[0]?.reason, "Superseded");
  assert.equal((await store.get(microservice, { name: "auth" }))?.spec.template.version, "v3");
  assert.equal((await store.get(site, { name: SITE_NAME }))?.status?.counter, 3);
});

test("the record of changed templates that others went before says that, and not that they were changed again", async () => {
  const { apply, template, service, store, startMs, siteIs, updateIs } = await startCentre();
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { readyWithin: "12s" } } });
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  await service("auth", isReady, "readiness");
  const first = await service("portal", isReady, "readiness");
  const before = await siteIs((one) => one.status?.generations?.length === 1, "rest");
  const name = `g${(before.status?.counter ?? 0) + 1}`;
  startMs.set("v2", undefined);
  await apply("auth", { template: template("v2") });
  await updateIs(name, (one) => one.status?.phase === "Preparing", "its begin");
  await apply("portal", { template: template("v3") });
  await service("portal", (one) => isReady(one) && one.status?.servedRevision !== first.status?.servedRevision, "the other's turn");
  const aside = await updateIs(name, (one) => one.status?.phase === "Aborted", "its end");
  assert.deepEqual(
    aside.status?.waits?.map(({ reason, object }) => [reason, object]),
    [["OtherUpdateFirst", `generation/${name}`]],
  );
  // It does not come by itself: it is refused while it starts on.
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { readyWithin: "1s" } } });
  const refused = await updateIs(name, (one) => one.status?.waits?.[0]?.reason === "Refused", "why it has come to nothing");
  assert.equal(refused.status?.phase, "Aborted");
  assert.match(refused.status?.waits?.[0]?.message ?? "", /^not ready within \d+ s: .*; to have it tried again: orrery update auth --to auth-v2-/);
  assert.equal(refused.status?.conditions?.find(({ type }) => type === "Complete")?.message, refused.status?.waits?.[0]?.message);
});

test("a generation that only takes services away is recorded: which, from what, by whom, and that they were deleted", async () => {
  const { apply, template, service, store, siteIs, updateIs } = await startCentre();
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  const auth = await service("auth", isReady, "readiness");
  await service("portal", isReady, "readiness");
  const before = await siteIs((one) => one.status?.generations?.length === 1, "rest");
  await store.delete(microservice, { name: "auth" }, { author: { user: "ann", of: "spec" } });
  const record = await updateIs(`g${(before.status?.counter ?? 0) + 1}`, (one) => one.status?.phase === "Complete", "its record");
  assert.deepEqual(
    [record.spec.services, record.spec.message, record.status?.by, record.status?.revisions],
    [[{ name: "auth", to: "(removed)" }], "auth was deleted", "ann", [{ service: "auth", from: auth.status?.servedRevision }]],
  );
});

test("an Update tells what else came with its generation: templates that were changed at the same time, and who changed them", async () => {
  const { apply, template, service, store, updateIs } = await startCentre();
  await apply("auth", { template: template("v1") });
  await apply("portal", { template: template("v1") });
  await service("auth", isReady, "readiness");
  const portal = await service("portal", isReady, "readiness");
  await store.create(update, { metadata: { name: "u" }, spec: { services: [{ name: "auth", to: "o9" }] } });
  await service("auth", (one) => one.spec.template.version === "o9", "its template");
  await store.patch(
    microservice,
    { name: "portal" },
    { type: "merge", body: { spec: { template: { version: "v2" } } } },
    { author: { user: "ben", of: "spec" } },
  );
  const done = await updateIs("u", (one) => one.status?.phase === "Complete", "completion");
  const served = (await service("portal", (one) => one.status?.servedVersion === "v2", "its version")).status?.servedRevision;
  assert.deepEqual(done.status?.alongside, [{ service: "portal", from: portal.status?.servedRevision, to: served, by: "ben" }]);
  assert.deepEqual(
    done.status?.revisions?.map((one) => one.service),
    ["auth"],
  );
});

test("an Update of two services is issued as one, however long it takes to write the second template", async () => {
  const slow = (store: Store, clock: Clock): Store =>
    new Proxy(store, {
      get: (target, property) => {
        const value = Reflect.get(target, property) as unknown;
        if (property !== "patch") return typeof value === "function" ? value.bind(target) : value;
        return async (...args: Parameters<Store["patch"]>) => {
          if (args[0].kind === "Microservice" && args[1].name === "portal" && args[3]?.fieldManager === "orrery-update") await sleepBy(clock, 1000);
          return await target.patch(...args);
        };
      },
    });
  const { apply, template, service, store, siteIs, updateIs } = await startCentre({ wrap: slow });
  await store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { settle: "100ms" } } });
  for (const name of ["auth", "portal"]) await apply(name, { template: template("v1") });
  await service("portal", isReady, "readiness");
  await store.create(update, {
    metadata: { name: "u" },
    spec: {
      services: [
        { name: "auth", to: "o2" },
        { name: "portal", to: "o2" },
      ],
    },
  });
  await siteIs((one) => (one.status?.counter ?? 0) >= 2, "the generation");
  const map = (await store.get(generation, { name: "g2" }))?.spec.map ?? {};
  assert.match(`${map["auth"]} ${map["portal"]}`, /^auth-o2\S* portal-o2/);
  await updateIs("u", (one) => one.status?.phase === "Complete", "the end");
});

test("what somebody has applied after an Update was asked for is not written over: the Update says who came later; one update after the other stays as it was", async () => {
  const { apply, template, service, store, startMs, siteIs, updateIs } = await startCentre();
  for (const name of ["auth", "portal"]) await apply(name, { template: template("v1") });
  await service("portal", isReady, "readiness");
  await service("auth", isReady, "readiness");
  startMs.set("o9", undefined);
  await store.create(update, { metadata: { name: "first" }, spec: { services: [{ name: "auth", to: "o9" }] } });
  await updateIs("first", (one) => one.status?.generation !== undefined, "its generation");
  for (const [name, to] of [
    ["second", "o2"],
    ["third", "o3"],
    ["fourth", "o4"],
  ] as const)
    await store.create(update, { metadata: { name }, spec: { services: [{ name: name === "second" ? "portal" : "auth", to }] } });
  await updateIs("second", (one) => one.status?.phase === "Pending" && one.status.seen !== undefined, "its turn");
  await store.patch(
    microservice,
    { name: "portal" },
    { type: "merge", body: { spec: { template: { version: "v3" } } } },
    { author: { user: "ben", of: "spec" } },
  );
  const second = await updateIs("second", (one) => one.status?.phase === "Superseded", "its end");
  assert.match(second.status?.waits?.[0]?.message ?? "", /the template of portal was changed by ben after this update was asked for/);
  await store.patch(update, { name: "first" }, { type: "merge", body: { spec: { aborted: true } } });
  await updateIs("third", (one) => one.status?.phase === "Complete", "its end");
  const fourth = await updateIs("fourth", (one) => one.status?.phase === "Complete", "its end");
  await siteIs((one) => one.status?.generations?.length === 1, "rest");
  assert.equal((await store.get(microservice, { name: "portal" }))?.status?.servedVersion, "v3");
  assert.match(fourth.status?.revisions?.[0]?.from ?? "", /^auth-o3-/);
});
