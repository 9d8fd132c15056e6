import assert from "node:assert/strict";
import { it } from "node:test";
import { type Event, host, resource } from "#/model/index.ts";
import type { Store } from "../contract.ts";
import { type OpenStore, rejects, thing } from "./harness.ts";

/** Events: what is told about objects. */
export function eventTests(open: OpenStore): void {
  it("keeps what is told about objects, and counts what is told again", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const dish = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    const machine = await store.create(host, { metadata: { name: "m1" }, spec: {} });
    const tell = (reason: string, message: string) =>
      store.emit({ kind: resource, object: dish, type: "Warning", reason, message, component: "test" });
    tell("Moved", "to the roof");
    tell("Moved", "to the roof");
    tell("Moved", "to the cellar");
    store.emit({ kind: host, object: machine, type: "Normal", reason: "Seen", message: "here", component: "test" });
    const events = await untilEvents(store, (all) => all.length === 3 && all.some(({ count }) => count === 2));
    const roof = events.find(({ message }) => message === "to the roof");
    assert.deepEqual(
      [roof?.count, roof?.type, roof?.reason, roof?.kind, roof?.apiVersion, roof?.source.component],
      [2, "Warning", "Moved", "Event", "v1", "test"],
    );
    assert.deepEqual(roof?.involvedObject, {
      apiVersion: "orrery.dev/v1",
      kind: "Resource",
      namespace: "default",
      name: "dish",
      uid: dish.metadata.uid,
    });
    assert.deepEqual([roof?.metadata.namespace, events.find(({ reason }) => reason === "Seen")?.metadata.namespace], ["default", "default"]);
    const selected = await store.events({
      namespace: "default",
      fieldSelector: `involvedObject.uid=${machine.metadata.uid},involvedObject.kind=Host`,
    });
    assert.deepEqual(
      selected.map(({ reason }) => reason),
      ["Seen"],
    );
    assert.deepEqual(await store.events({ namespace: "other" }), []);
    await assert.rejects(store.events({ fieldSelector: "involvedObject.colour=red" }), /colour/);
  });

  it("lets an Event go that is deleted, if it is the one that was meant", async (context) => {
    const { store } = await open(context, { hasCollector: false });
    const dish = await store.create(resource, { metadata: { name: "dish" }, spec: thing("1") });
    store.emit({ kind: resource, object: dish, type: "Warning", reason: "Moved", message: "to the roof", component: "test" });
    const [event] = await untilEvents(store, (all) => all.length === 1);
    const { name = "", uid } = event?.metadata ?? {};
    await rejects(store.deleteEvent({ name }, { preconditions: { uid: "another" } }), "store/conflict");
    await rejects(store.deleteEvent({ name }, { preconditions: { resourceVersion: "999999" } }), "store/conflict");
    assert.equal(await store.deleteEvent({ name: "none" }), undefined);
    assert.equal(await store.deleteEvent({ name, namespace: "other" }), undefined);
    assert.equal((await store.deleteEvent({ name }, { dryRun: true }))?.metadata.uid, uid);
    assert.equal((await store.events()).length, 1);
    assert.equal((await store.deleteEvent({ name }, { preconditions: { uid: uid ?? "" } }))?.message, "to the roof");
    assert.deepEqual([await store.events(), await store.deleteEvent({ name })], [[], undefined]);
  });
}

/** Asks until `isEnough`: an engine may hand what it is told on later. */
async function untilEvents(store: Store, isEnough: (events: readonly Event[]) => boolean): Promise<readonly Event[]> {
  for (const end = Date.now() + 10_000; ; ) {
    const events = await store.events();
    if (isEnough(events)) return events;
    assert.ok(Date.now() < end, `there are ${events.map(({ message, count }) => `${message} ×${count}`).join(", ")}`);
    await new Promise(setImmediate);
  }
}
