import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, sleep as sleepBy } from "#/base/index.ts";
import { type Instance, instance } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { startCentre } from "./lead-rig.ts";

const gate = () => Promise.withResolvers<void>();

/** The user of an exclusive thing changes between the look of the update controller and its write; the same leader's microservice controller tells the former user's instance meanwhile. */
test("of an exclusive service no instances of two revisions are more than passive, however slow requests are and however late a watch is", async () => {
  let isArmed = false;
  const giveBegun = gate();
  const formerTold = gate();
  const siteSeen = gate();
  const wrap = (store: Store, clock: Clock): Store => {
    const within = (promise: Promise<void>, ms: number) => Promise.race([promise, sleepBy(clock, ms)]);
    return new Proxy(store, {
      get(target, property) {
        const value = Reflect.get(target, property) as unknown;
        if (property === "watch")
          return (kind: { kind: string }, options: never) => {
            const events = target.watch(kind as never, options) as AsyncIterable<unknown>;
            if (kind.kind !== "Site") return events;
            return (async function* () {
              for await (const event of events) {
                if (isArmed) await siteSeen.promise; // this kind's watch lags
                yield event;
              }
            })();
          };
        if (property === "create")
          return async (kind: { kind: string }, input: { metadata: { name: string } }, more: never) => {
            if (isArmed && kind.kind === "Instance" && input.metadata.name.startsWith("auth-v1")) await within(giveBegun.promise, 5000);
            return target.create(kind as never, input as never, more);
          };
        if (property === "update")
          return async (kind: { kind: string }, input: { status?: { exclusive?: { revision: string }[] } }, more: never) => {
            if (isArmed && kind.kind === "Site" && input.status?.exclusive?.[0]?.revision.startsWith("auth-v2") === true) {
              giveBegun.resolve();
              await within(formerTold.promise, 5000); // a slow write
              clock.after(50, () => siteSeen.resolve());
            }
            return target.update(kind as never, input as never, more);
          };
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const { apply, template, store, until, siteIs, sleep } = await startCentre({ wrap });
  let firstUid = "";
  const seen: string[] = [];
  const present = new Map<string, Instance>();
  const stop = new AbortController();
  void (async () => {
    for await (const event of store.watch(instance, { signal: stop.signal })) {
      if (event.type === "BOOKMARK") continue;
      const { uid, name } = event.object.metadata;
      if (event.type === "DELETED") present.delete(uid);
      else present.set(uid, event.object);
      if (isArmed && name.startsWith("auth-v1") && uid !== firstUid && event.object.spec.duty !== "passive") formerTold.resolve();
      const users = [...present.values()].filter((one) => one.spec.duty !== "passive");
      if (new Set(users.map((one) => one.spec.revision)).size > 1) seen.push(users.map((one) => `${one.metadata.name} ${one.spec.duty}`).join(", "));
    }
  })();
  await apply("auth", { exclusive: true, template: template("v1") });
  const [first] = await until(
    async () => (await store.list(instance)).items,
    (items) => items[0]?.status?.duty === "active",
    "the first user",
  );
  firstUid = first?.metadata.uid ?? "";
  await apply("auth", { exclusive: true, template: template("v2") });
  await siteIs((one) => one.status?.generations?.some((open) => open.phase === "Holding") === true, "the hold");
  await sleep(150);
  isArmed = true;
  await store.delete(instance, { name: first?.metadata.name ?? "" }); // kubectl delete instance
  await until(
    async () => (await store.list(instance)).items,
    (items) => items.some((one) => one.spec.version === "v2" && one.status?.duty === "active"),
    "the next user",
  );
  await sleep(200);
  stop.abort();
  assert.deepEqual([...new Set(seen)], []);
});
