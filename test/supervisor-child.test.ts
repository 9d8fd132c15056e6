import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { type RunFile, readRunFile } from "#/apps/run-file.ts";
import { Child, findChild } from "#/apps/supervisor/child.ts";
import { LastGuard, silentLog, systemClock, systemRandom } from "#/base/index.ts";

const RUN_FILE = pathToFileURL(path.join(import.meta.dirname, "../src/apps/run-file.ts")).href;

/** A child that says it is ready, and ends as told. */
function makeFolder(t: TestContext, body: string): { data: string; script: string } {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-child-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  for (const folder of ["run", "logs"]) mkdirSync(path.join(data, folder));
  const script = path.join(data, "agent.mjs");
  writeFileSync(script, `import { writeRunFile } from ${JSON.stringify(RUN_FILE)};\nconst data = process.argv[3];\n${body}\n`);
  return { data, script };
}

const READY = `writeRunFile(data, "agent", { identity: "", answer: 42 });\nsetInterval(() => {}, 1000);`;

interface Started {
  readonly child: Child;
  nextReady(): Promise<RunFile>;
  readonly restarts: { readonly endedEarly: boolean }[];
  /** How it ended, as told. */
  readonly ends: readonly string[];
  /** Waited before each start but the first, in ms. */
  readonly delays: readonly unknown[];
}

function start(t: TestContext, { data, script }: { data: string; script: string }, stopsAfter = true): Started {
  const runs: RunFile[] = [];
  const waiting: ((run: RunFile) => void)[] = [];
  const restarts: { endedEarly: boolean }[] = [];
  const ends: string[] = [];
  const delays: unknown[] = [];
  const child = new Child({
    name: "agent",
    data,
    identity: "",
    script,
    args: () => ["--data", data],
    clock: systemClock,
    random: systemRandom,
    guard: new LastGuard({ clock: systemClock, log: silentLog, giveUp: () => undefined }),
    log: { ...silentLog, warn: (_text, fields) => delays.push(fields?.["inMs"]) },
    onReady: (run) => {
      const next = waiting.shift();
      if (next === undefined) runs.push(run);
      else next(run);
    },
    onRestart: (_, endedEarly, how) => {
      restarts.push({ endedEarly });
      ends.push(how);
    },
  });
  if (stopsAfter) t.after(() => child.stop("SIGKILL", 1000));
  child.start();
  const nextReady = (): Promise<RunFile> => {
    const run = runs.shift();
    return run === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(run);
  };
  return { child, nextReady, restarts, delays, ends };
}

test("a child that serves and is killed again and again never waits long for its next start", async (t) => {
  const started = start(t, makeFolder(t, READY));
  for (let count = 0; count < 6; count++) process.kill((await started.nextReady()).pid, "SIGKILL");
  await started.nextReady();
  assert.equal(started.delays.length, 6);
  for (const delay of started.delays) assert.ok(Number(delay) <= 200, `waited ${started.delays.join(", ")} ms`);
});

test("a killed child is started again, within a second the first time", async (t) => {
  const started = start(t, makeFolder(t, READY));
  const first = await started.nextReady();
  assert.equal(first["answer"], 42);
  const killedMs = performance.now();
  process.kill(first.pid, "SIGKILL");
  const second = await started.nextReady();
  assert.notEqual(second.pid, first.pid);
  assert.ok(performance.now() - killedMs < 2000, `${performance.now() - killedMs} ms`);
  assert.deepEqual(started.restarts, [{ endedEarly: false }]);
});

test("a child that runs already is adopted, not doubled, and started again when it ends", async (t) => {
  const folder = makeFolder(t, READY);
  const before = start(t, folder, false);
  const { pid } = await before.nextReady();
  // The former supervisor is as good as dead: it only learns of the end of its child, and then starts nothing.
  const after = start(t, folder);
  assert.equal((await after.nextReady()).pid, pid);
  const stopped = before.child.stop("SIGTERM", 5000);
  const next = await after.nextReady();
  assert.notEqual(next.pid, pid);
  assert.equal(await stopped, true);
});

test("a child whose record was never written is found by its command line", async (t) => {
  const folder = makeFolder(t, READY);
  const { pid } = await start(t, folder).nextReady();
  rmSync(path.join(folder.data, "run", "agent.json"));
  assert.equal(findChild({ ...folder, name: "agent" })?.pid, pid);
  assert.equal(findChild({ ...folder, data: `${folder.data}-other`, name: "agent" }), undefined);
});

test("a record whose process is gone, or whose pid belongs to another one, counts as none", async (t) => {
  const { data } = makeFolder(t, READY);
  const record = { pid: process.pid, startTime: 1, bootId: "x" };
  writeFileSync(path.join(data, "run", "agent.json"), JSON.stringify(record));
  assert.equal(readRunFile(data, "agent"), undefined);
  writeFileSync(path.join(data, "run", "agent.json"), '{"pid": 1');
  assert.equal(readRunFile(data, "agent"), undefined);
});

test("a child that ignores its signal is killed, and that is said", async (t) => {
  const started = start(t, makeFolder(t, `process.on("SIGTERM", () => {});\n${READY}`));
  const { pid } = await started.nextReady();
  assert.equal(await started.child.stop("SIGTERM", 200), false);
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

test("a child that ends before it is ready is told apart from one that worked", async (t) => {
  const started = start(t, makeFolder(t, "process.exit(3);"));
  const deadlineMs = performance.now() + 10_000;
  while (started.restarts.length < 2 && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(started.restarts.slice(0, 2), [{ endedEarly: true }, { endedEarly: true }]);
});

test("a child that comes to its heap limit is started again, and that is said with what to do", async (t) => {
  process.env["ORRERY_AGENT_HEAP"] = "64";
  t.after(() => delete process.env["ORRERY_AGENT_HEAP"]);
  const started = start(
    t,
    makeFolder(t, `const all = [];\nprocess.on("SIGUSR2", () => { for (;;) all.push(new Array(1000).fill({})); });\n${READY}`),
  );
  const { pid } = await started.nextReady();
  process.kill(pid, "SIGUSR2");
  assert.notEqual((await started.nextReady()).pid, pid);
  assert.deepEqual(started.ends, ["killed by SIGABRT: it came to its heap limit of 64 MiB; raise ORRERY_AGENT_HEAP if the site needs more"]);
});
