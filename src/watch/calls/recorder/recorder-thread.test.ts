import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { silentLog, systemClock } from "#/base/index.ts";
import type { CallQuery } from "../core/query.ts";
import { type CallSettings, DEFAULT_SETTINGS } from "../core/settings.ts";
import { RecorderThread } from "./recorder-thread.ts";

const START = Date.parse("2030-01-01T00:00:00Z");
const query: CallQuery = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100 };
const line = (index: number, more: object = {}): string =>
  JSON.stringify({
    time: new Date(START + index).toISOString(),
    role: "edge",
    client: "c",
    method: "GET",
    host: "h",
    path: `/${index}`,
    status: 200,
    durationMs: 1,
    bytesOut: 0,
    traceId: `6f72000000010001a0${String(index).padStart(14, "0")}`,
    caller: "",
    service: "a",
    ...more,
  });

function open(folder: string, settings: CallSettings = DEFAULT_SETTINGS) {
  const news: string[] = [];
  const accessLogFile = path.join(folder, "access.log");
  const recorder = new RecorderThread({
    folder: path.join(folder, "calls"),
    accessLogFile,
    host: "h",
    settings,
    clock: systemClock,
    log: silentLog,
    onNews: (traces) => news.push(...traces),
  });
  after(() => recorder.close());
  return { recorder, news, accessLogFile };
}

async function until<T>(read: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  const endMs = Date.now() + 60_000;
  for (;;) {
    const value = await read();
    if (isSo(value)) return value;
    assert.ok(Date.now() < endMs, `it has not come about: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("lines go to the thread as they are at the time; what was in memory when it ended badly is read from the access log, what was sealed is not taken twice", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "recorder-"));
  const first = open(folder);
  const chunk = Buffer.from(`${line(1)}\n${line(2)}\n`);
  first.recorder.take(chunk);
  chunk.fill(0);
  await until(
    () => first.recorder.find(query),
    ({ records }) => records.length === 2,
  );
  await first.recorder.close();
  // What a gateway had written, and no thread had sealed, when it was killed.
  writeFileSync(first.accessLogFile, `half a line\n${[1, 2, 3, 4].map((index) => line(index)).join("\n")}\n`);
  const again = open(folder);
  const found = await again.recorder.find(query);
  assert.deepEqual(
    found.records.map((one) => one.path),
    ["/4", "/3", "/2", "/1"],
  );
});

test("what is notable is told to others, and what they tell is kept", async () => {
  const { recorder, news } = open(mkdtempSync(path.join(os.tmpdir(), "recorder-")), { ...DEFAULT_SETTINGS, share: 0 });
  recorder.take(Buffer.from(`${line(1)}\n${line(2)}\n${line(3, { status: 500 })}\n`));
  await until(
    async () => news.length,
    (count) => count === 1,
  );
  assert.match(news[0] ?? "", /3$/);
  recorder.want([`6f72000000010001a0${"1".padStart(14, "0")}`]);
  const found = await until(
    () => recorder.find(query),
    ({ records }) => records.length === 2,
  );
  assert.deepEqual(
    found.records.map((one) => one.path),
    ["/3", "/1"],
  );
});
