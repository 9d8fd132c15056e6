import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest } from "#/state/client/index.ts";
import { BASE, run } from "./rig.ts";

const JOB = `${BASE}/jobs/nightly`;
const RUNS = `${BASE}/jobruns`;
const nightly = (spec: object = {}, status?: object) => ({ metadata: { name: "nightly" }, spec: { concurrency: "forbid", ...spec }, status });
const runOf = (name: string, phase: string | undefined, more: object = {}) => ({
  metadata: { name, creationTimestamp: "2030-01-01T00:00:00Z" },
  spec: { job: "nightly" },
  status: phase === undefined ? undefined : { phase, conditions: [{ type: "Complete", message: `because ${name}` }], ...more },
});

test("job run makes a run, and with --wait ends as it does", async () => {
  const requests: ClientRequest[] = [];
  const answers = {
    [`GET ${JOB}`]: nightly(),
    [`GET ${RUNS}`]: { items: [runOf("nightly-0", "Succeeded")] },
    [`POST ${RUNS}`]: runOf("nightly-run-x", undefined),
  };
  const begun = await run(["job", "run", "nightly"], { answers, requests });
  assert.deepEqual([begun.status, begun.out], [0, "job nightly: nightly-run-x begins; its output: orrery logs -f nightly-run-x\n"]);
  assert.deepEqual(requests.at(-1)?.body, {
    apiVersion: "orrery.dev/v1",
    kind: "JobRun",
    metadata: { generateName: "nightly.run-" },
    spec: { job: "nightly" },
  });
  for (const [phase, status] of [
    ["Succeeded", 0],
    ["Failed", 1],
    ["Stopped", 1],
    ["Skipped", 1],
  ] as const) {
    const waited = await run(["job", "run", "nightly", "--wait"], {
      answers: { ...answers, [`GET ${RUNS}/nightly-run-x`]: runOf("nightly-run-x", phase) },
    });
    assert.deepEqual([waited.status, waited.out], [status, `job nightly: nightly-run-x: ${phase}: because nightly-run-x\n`]);
  }
});

test("job run is refused beside a run that goes on, unless the job allows it, and for a job that there is not", async () => {
  const items = [runOf("nightly-0", "Running")];
  const refused = await run(["job", "run", "nightly"], { answers: { [`GET ${JOB}`]: nightly(), [`GET ${RUNS}`]: { items } } });
  assert.equal(refused.status, 1);
  assert.match(refused.note, /nightly-0 goes on.*orrery job stop nightly-0/);
  const allowed = { [`GET ${JOB}`]: nightly({ concurrency: "allow" }), [`GET ${RUNS}`]: { items }, [`POST ${RUNS}`]: runOf("n", undefined) };
  assert.equal((await run(["job", "run", "nightly"], { answers: allowed })).status, 0);
  for (const args of [
    ["run", "nobody"],
    ["history", "nobody"],
    ["stop", "nobody"],
  ])
    assert.match((await run(["job", ...args], {})).note, /no job called "nobody"/);
  assert.match((await run(["job", "run"], {})).note, /name the job/);
  assert.match((await run(["job", "start", "x"], {})).note, /found "start"; give one of/);
});

test("job list and job history show what came of it, and when", async () => {
  const failing = nightly(
    { schedule: "0 2 * * *" },
    {
      active: 0,
      lastRun: "nightly-2",
      nextScheduledAt: "2030-01-01T02:01:00Z",
      conditions: [{ type: "Ready", status: "False", reason: "LastRunFailed", message: "exit status 3" }],
    },
  );
  const { out } = await run(["job", "list"], { answers: { [`GET ${BASE}/jobs`]: { items: [failing] } } });
  assert.match(out, /nightly +0 2 \* \* \* +in 2h +0 +nightly-2 +LastRunFailed +exit status 3/);
  const items = [
    runOf("nightly-1", "Succeeded", { startedAt: "2029-12-31T00:00:00Z", finishedAt: "2029-12-31T00:05:00Z", exitCode: 0, tries: 1 }),
    runOf("nightly-2", "Failed", { startedAt: "2030-01-01T00:00:00Z", finishedAt: "2030-01-01T00:00:30Z", exitCode: 3, tries: 2 }),
  ];
  const shown = await run(["job", "history", "nightly"], { answers: { [`GET ${JOB}`]: nightly(), [`GET ${RUNS}`]: { items } } });
  const [, newest, older] = shown.out.split("\n");
  assert.match(newest ?? "", /nightly-2 +1m ago +30s +2 +3 +Failed +because nightly-2/);
  assert.match(older ?? "", /nightly-1 +1d1m ago +5m +1 +0 +Succeeded *$/);
});

test("job stop stops a run, or all of a job that go on", async () => {
  const requests: ClientRequest[] = [];
  const items = [runOf("nightly-1", "Succeeded"), runOf("nightly-2", "Running"), runOf("nightly-3", undefined)];
  const answers = { [`GET ${JOB}`]: nightly(), [`GET ${RUNS}`]: { items }, [`PATCH ${RUNS}/nightly-2`]: {}, [`PATCH ${RUNS}/nightly-3`]: {} };
  const { out } = await run(["job", "stop", "nightly"], { answers, requests });
  assert.equal(out, "nightly-2: stopping\nnightly-3: stopping\n");
  assert.deepEqual(requests.at(-1)?.body, { spec: { stopped: true } });
  const over = await run(["job", "stop", "nightly-1"], { answers: { [`GET ${RUNS}/nightly-1`]: items[0] } });
  assert.equal(over.out, "job nightly-1: no run of it goes on\n");
});

test("logs of a job are those of its newest run, and of a run those of its newest try", async () => {
  const answers = {
    [`GET ${JOB}`]: nightly({}, { lastRun: "nightly-2" }),
    [`GET ${RUNS}/nightly-2`]: runOf("nightly-2", "Failed", { instance: "nightly-2-1" }),
    "GET /logs": [JSON.stringify({ instance: "nightly-2-1", text: "said" })],
  };
  for (const name of ["nightly", "nightly-2"]) {
    const requests: ClientRequest[] = [];
    assert.equal((await run(["logs", name], { answers, requests })).out, "said\n");
    assert.deepEqual(requests.at(-1)?.query?.["instance"], ["nightly-2-1"]);
  }
  assert.match(
    (await run(["logs", "nightly"], { answers: { [`GET ${JOB}`]: nightly() } })).note,
    /has not run yet; run it now with: orrery job run nightly/,
  );
});
