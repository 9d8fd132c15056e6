import assert from "node:assert/strict";
import { after, test } from "node:test";
import { silentLog, systemRandom } from "#/base/index.ts";
import { job, lease, SITE_NAME, type Site, site } from "#/model/index.ts";
import { chooseParts } from "./chosen-parts.ts";
import { startCentre } from "./lead-rig.ts";
import { CENTRE_PARTS } from "./parts.ts";
import { watchParts } from "./parts-watch.ts";

/** A centre whose Site does without `without`, though the store may hold objects of that; what runs is chosen and watched as a start of the centre does. */
async function startWatched() {
  const centre = await startCentre();
  const { store, clock } = centre;
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const others = { count: 0 };
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  after(async () => {
    stop.abort();
    await clock.waitFor(Promise.all(running));
  });
  const wish = (...without: string[]) => store.patch(site, { name: SITE_NAME }, { type: "merge", body: { spec: { without } } });
  const watch = async (): Promise<readonly string[]> => {
    const { parts } = await chooseParts(CENTRE_PARTS, store, (await store.get(site, { name: SITE_NAME }))?.spec);
    const onOther = (): void => void others.count++;
    running.push(watchParts({ all: CENTRE_PARTS, running: parts, store, onOther, clock, random: systemRandom, log }, stop.signal));
    return CENTRE_PARTS.filter((one) => !parts.includes(one)).map((one) => one.name);
  };
  const told = (reason: string) =>
    centre.siteIs((one) => conditionOf(one)?.reason === reason, `the condition ${reason}`).then((one) => conditionOf(one)?.message);
  return { ...centre, warnings, others, wish, watch, told };
}

const conditionOf = (one: Site) => one.status?.conditions?.find(({ type }) => type === "DoesWithout");
const makeJob = (store: Awaited<ReturnType<typeof startWatched>>["store"]) =>
  store.create(job, { metadata: { name: "nightly" }, spec: { template: { version: "v1", run: { command: ["true"] } } } });

test("a part whose objects came between the wish and the start goes on, the Site says so, and it is left out when they have gone", async () => {
  const { store, wish, watch, told, others, warnings, until, sleep } = await startWatched();
  await wish("jobs", "leases");
  await makeJob(store);
  assert.deepEqual(await watch(), ["leases"]);
  assert.equal(
    await told("StillUsed"),
    "jobs goes on: there are 1 jobs; delete them first: orrery get jobs; when they have gone the centre starts again without",
  );
  await sleep(300_000);
  assert.deepEqual(
    [others.count, warnings],
    [0, ["the Site would do without jobs, which goes on: there are 1 jobs; delete them first: orrery get jobs"]],
  );
  await store.delete(job, { name: "nightly" });
  await until(
    async () => others.count,
    (count) => count > 0,
    "the start without it",
  );
});

test("a part whose objects came between the wish and the look at it goes on, too", async () => {
  const { store, wish, watch, told, others, sleep } = await startWatched();
  await watch();
  await sleep(100);
  await Promise.all([wish("jobs"), makeJob(store)]);
  await told("StillUsed");
  await store.delete(job, { name: "nightly" });
  await sleep(60_000);
  assert.ok(others.count > 0);
});

test("a Site that does without what it names says so, and nothing when it names nothing; other parts are asked for once they are wished", async () => {
  const { wish, watch, told, others, store, sleep } = await startWatched();
  await store.create(lease, { metadata: { name: "theirs" }, spec: {} });
  await wish("jobs");
  assert.deepEqual(await watch(), ["jobs"]);
  assert.equal(await told("AsWished"), "this site does without jobs");
  assert.equal(others.count, 0);
  await wish();
  await sleep(1000);
  assert.ok(others.count > 0);
  const again = await startWatched();
  await again.wish("leases");
  await again.store.create(lease, { metadata: { name: "theirs" }, spec: {} });
  await again.watch();
  await again.told("StillUsed");
  await again.wish();
  await again.siteIs((one) => conditionOf(one) === undefined, "no condition");
  assert.equal(again.others.count, 0);
});
