import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { ManualClock, silentLog } from "#/base/index.ts";
import { type AccessEntry, AccessLog } from "./access-log.ts";

const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5));

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-access-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function entry(more: Partial<AccessEntry> = {}): AccessEntry {
  return {
    startedMs: 6,
    role: "edge",
    client: "127.0.0.1",
    method: "GET",
    host: "a",
    path: "/x",
    status: 200,
    durationMs: 1.23456,
    answerMs: 1,
    bytesIn: undefined,
    bytesOut: 3,
    traceId: undefined,
    generation: undefined,
    caller: undefined,
    service: undefined,
    revision: undefined,
    instance: undefined,
    route: undefined,
    tries: 1,
    error: undefined,
    ...more,
  };
}

const linesOf = (file: string): unknown[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

test("every line is JSON, whatever a client has put into its request", async (t) => {
  const file = path.join(folderOf(t), "logs", "access.log");
  const log = new AccessLog({ file, log: silentLog, clock });
  log.add(entry());
  log.add(
    entry({
      path: '/"\\\n',
      host: "é€",
      error: 'it said "no"',
      traceId: "6f72",
      generation: 3,
      caller: "",
      service: "auth",
      revision: "auth-v1",
      instance: "auth-0",
      tries: 2,
    }),
  );
  await log.close();
  assert.deepEqual(linesOf(file), [
    {
      time: "2026-01-02T03:04:05.006Z",
      role: "edge",
      client: "127.0.0.1",
      method: "GET",
      host: "a",
      path: "/x",
      status: 200,
      durationMs: 1.235,
      answerMs: 1,
      bytesOut: 3,
    },
    {
      time: "2026-01-02T03:04:05.006Z",
      role: "edge",
      client: "127.0.0.1",
      method: "GET",
      host: "é€",
      path: '/"\\\n',
      status: 200,
      durationMs: 1.235,
      answerMs: 1,
      bytesOut: 3,
      traceId: "6f72",
      generation: 3,
      caller: "",
      service: "auth",
      revision: "auth-v1",
      instance: "auth-0",
      tries: 2,
      error: 'it said "no"',
    },
  ]);
});

test("no line is lost or broken at the end of a chunk or at a rotation, and old files are kept up to their number", async (t) => {
  const folder = folderOf(t);
  const file = path.join(folder, "access.log");
  const log = new AccessLog({ file, log: silentLog, clock, bytesMax: 300_000, filesKept: 3 });
  const count = 6000;
  for (let index = 0; index < count; index++) {
    log.add(entry({ bytesOut: index }));
    if (index % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await log.close();
  const files = readdirSync(folder).sort().reverse();
  assert.deepEqual(
    files,
    ["access.log.3", "access.log.2", "access.log.1", "access.log"].filter((name) => files.includes(name)),
  );
  const numbers = files.flatMap((name) => linesOf(path.join(folder, name)).map((line) => (line as { bytesOut: number }).bytesOut));
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, index) => count - numbers.length + index),
  );
  assert.ok(numbers.length > 2000);
});

test("a file that cannot be written is said once, and holds nothing up", async (t) => {
  const folder = folderOf(t);
  const file = path.join(folder, "access.log");
  mkdirSync(file);
  const said: string[] = [];
  const log = new AccessLog({ file, log: { ...silentLog, error: (message) => said.push(message) }, clock });
  for (let index = 0; index < 100_000; index++) log.add(entry());
  await log.close();
  assert.deepEqual(said, ["the access log cannot be written"]);
});

test("where fewer old files are wanted than before, those beyond go at the next rotation", async (t) => {
  const folder = folderOf(t);
  const log = new AccessLog({ file: path.join(folder, "access.log"), log: silentLog, clock, bytesMax: 300_000, filesKept: 3 });
  const fill = async (isEnough: (files: readonly string[]) => boolean): Promise<void> => {
    while (!isEnough(readdirSync(folder))) {
      for (let index = 0; index < 500; index++) log.add(entry());
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await fill((files) => files.includes("access.log.3"));
  log.setBounds({ bytesMax: 300_000, filesKept: 1 });
  await fill((files) => !files.includes("access.log.3"));
  await log.close();
  assert.deepEqual(
    readdirSync(folder).filter((name) => !["access.log", "access.log.1"].includes(name)),
    [],
  );
});
