import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog, systemRandom } from "#/base/index.ts";
import { type Instance, instance, job, jobRun, timestamp } from "#/model/index.ts";
import { createJobController } from "#/work/controllers/index.ts";
import { isReady, startCentre } from "./lead-rig.ts";

const template = (version = "v1", command = "x") => ({ version, run: { command: [command] } });

async function startJobs() {
  const centre = await startCentre();
  const { store, until } = centre;
  const made = (name: string): Promise<Instance> =>
    until(
      () => store.get(instance, { name }),
      (one) => one.status?.ready === true,
      name,
    );
  /** The agent says what came of a try. */
  const end = async (name: string, outcome: string): Promise<void> => {
    const one = await made(name);
    const lastExit = { code: outcome === "Succeeded" ? 0 : 1, at: timestamp(centre.clock.now()), lines: ["said"] };
    await store.patch(instance, { name }, { type: "merge", body: { status: { ...one.status, outcome, lastExit } } }, { subresource: "status" });
  };
  const run = (name: string, phase: string) =>
    until(
      () => store.get(jobRun, { name }),
      (one) => one.status?.phase === phase,
      `${name} ${phase}`,
    );
  const status = (name: string, reason: string) =>
    until(
      () => store.get(job, { name }),
      (one) => one.status?.conditions?.some((condition) => condition.reason === reason) === true,
      `${name} ${reason}`,
    );
  return { ...centre, made, end, run, status };
}

test("a Job without a schedule runs once for each version, in the generation of its start, and its result is kept", async () => {
  const { store, apply, service, made, end, run, status, template: serviceTemplate } = await startJobs();
  await apply("auth", { template: serviceTemplate("v1") });
  await service("auth", isReady, "readiness");
  await store.create(job, { metadata: { name: "migrate" }, spec: { template: template() } });
  const first = await made("migrate.v1.0");
  assert.deepEqual([first.spec.generation, first.spec.jobRun, first.spec.once], [1, "migrate.v1", { timeout: "1h" }]);
  await status("migrate", "Running");
  await end("migrate.v1.0", "Succeeded");
  const done = await run("migrate.v1", "Succeeded");
  assert.deepEqual([done.status?.exitCode, done.status?.tries, done.status?.instance], [0, 1, "migrate.v1.0"]);
  await status("migrate", "Done");
  // Forgotten, it is not made again; a new version is.
  await store.delete(jobRun, { name: "migrate.v1" });
  await store.patch(job, { name: "migrate" }, { type: "merge", body: { spec: { template: { version: "v2" } } } });
  await made("migrate.v2.0");
  assert.equal(await store.get(jobRun, { name: "migrate.v1" }), undefined);
});

test("a run that fails is tried again as it was, and one by hand beside it is left out", async () => {
  const { store, made, end, run, status, until } = await startJobs();
  await store.create(job, { metadata: { name: "sync" }, spec: { suspended: true, retries: 1, retryDelay: "0s", template: template("v1", "first") } });
  await status("sync", "Suspended");
  await store.create(jobRun, { metadata: { name: "by-hand" }, spec: { job: "sync" } });
  await made("by-hand.0");
  await store.create(jobRun, { metadata: { name: "second" }, spec: { job: "sync" } });
  const skipped = await run("second", "Skipped");
  assert.equal(skipped.metadata.ownerReferences?.[0]?.name, "sync");
  await store.patch(job, { name: "sync" }, { type: "merge", body: { spec: { template: { run: { command: ["changed"] } } } } });
  await end("by-hand.0", "Failed");
  const again = await made("by-hand.1");
  assert.deepEqual(again.spec.run?.command, ["first"]);
  await end("by-hand.1", "Failed");
  const failed = await run("by-hand", "Failed");
  assert.equal(failed.status?.tries, 2);
  await status("sync", "LastRunFailed");
  await store.create(jobRun, { metadata: { name: "third" }, spec: { job: "sync" } });
  await made("third.0");
  await store.patch(jobRun, { name: "third" }, { type: "merge", body: { spec: { stopped: true } } });
  await until(
    () => store.get(instance, { name: "third.0" }),
    (one) => one.spec.once?.isCancelled === true,
    "its cancellation",
  );
  await end("third.0", "Cancelled");
  await run("third", "Stopped");
});

test("a scheduled time makes one run, whoever looks: also with two controllers at once", async () => {
  const { store, lead, until, clock } = await startJobs();
  const stop = new AbortController();
  const shared = { store, caches: lead.caches.of({ jobs: job, jobRuns: jobRun }), clock, random: systemRandom, log: silentLog };
  const second = createJobController({ ...shared, epoch: lead.epoch });
  const running = second.run(stop.signal);
  await store.create(job, { metadata: { name: "tick" }, spec: { schedule: "* * * * * *", concurrency: "allow", template: template() } });
  const runs = await until(
    async () => (await store.list(jobRun)).items,
    (items) => items.length >= 3,
    "three runs",
  );
  stop.abort();
  await running;
  const times = runs.map((one) => one.spec.scheduledAt ?? "");
  assert.equal(new Set(times).size, runs.length);
  for (const one of runs) assert.equal(one.metadata.name, `tick.${(one.spec.scheduledAt ?? "").slice(0, 19).replaceAll(/[-:]/g, "").toLowerCase()}z`);
});

test("two Jobs whose names and versions run together have runs of their own", async () => {
  const { store, made } = await startJobs();
  await store.create(job, { metadata: { name: "a" }, spec: { template: template("b-1") } });
  await store.create(job, { metadata: { name: "a-b" }, spec: { template: template("1") } });
  assert.deepEqual([(await made("a.b-1.0")).spec.job, (await made("a-b.1.0")).spec.job], ["a", "a-b"]);
});

test("a deleted Job takes its runs and their instances with it", async () => {
  const { store, made, until } = await startJobs();
  await store.create(job, { metadata: { name: "old" }, spec: { template: template() } });
  await made("old.v1.0");
  await store.delete(job, { name: "old" });
  await until(
    async () => [...(await store.list(jobRun)).items, ...(await store.list(instance)).items],
    (left) => left.length === 0,
    "the end",
  );
});
