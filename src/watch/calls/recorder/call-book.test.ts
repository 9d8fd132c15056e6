import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ManualClock, seededRandom, silentLog } from "#/base/index.ts";
import type { CallQuery } from "../core/query.ts";
import { DEFAULT_SETTINGS } from "../core/settings.ts";
import { CallBook, type CallBookOptions } from "./call-book.ts";
import { HOLD_MS } from "./held-trees.ts";

const START = Date.parse("2030-01-01T00:00:00Z");
const random = seededRandom(5);
const traceOf = (): string => `6f7200000001000107${Array.from({ length: 14 }, () => Math.floor(random.next() * 16).toString(16)).join("")}`;
const line = (atMs: number, more: Record<string, unknown> = {}): string =>
  JSON.stringify({
    time: new Date(atMs).toISOString(),
    role: "host",
    client: "127.0.0.1",
    method: "GET",
    host: "auth",
    path: '/a"status":500,b',
    status: 200,
    durationMs: 1.5,
    bytesOut: 2,
    traceId: traceOf(),
    generation: 1,
    from: "portal",
    caller: "portal-v1-0",
    service: "auth",
    revision: "auth-v1",
    instance: "auth-v1-0",
    ...more,
  });
const bytes = (...lines: string[]): Uint8Array => Buffer.from(`${lines.join("\n")}\n`);
const all: CallQuery = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1_000 };

function open(more: Partial<CallBookOptions> = {}) {
  const clock = new ManualClock(START);
  const folder = more.folder ?? mkdtempSync(path.join(os.tmpdir(), "calls-"));
  return { clock, folder, book: new CallBook({ folder, clock, log: silentLog, settings: DEFAULT_SETTINGS, ...more }) };
}

test("calls are found by what they are, the newest first, in memory as in sealed files", async () => {
  const { book, folder } = open();
  const wanted = traceOf();
  book.take(bytes(line(START, { service: "a" }), line(START + 1, { status: 503 }), line(START + 2, { durationMs: 700, traceId: wanted })));
  const look = async (of: CallBook): Promise<unknown> => {
    const times = async (query: Partial<CallQuery>): Promise<readonly number[]> =>
      (await of.find({ ...all, ...query })).records.map((one) => Date.parse(one.time) - START);
    return [
      await times({}),
      await times({ limit: 2 }),
      await times({ services: ["a"] }),
      await times({ isError: true }),
      await times({ slowMs: 200 }),
      await times({ traceId: wanted }),
      await times({ traceId: traceOf() }),
      await times({ caller: "portal", fromMs: START + 1, toMs: START + 1 }),
      await times({ instance: "none" }),
      await times({ generation: 2 }),
    ];
  };
  const expected = [[2, 1, 0], [2, 1], [0], [1], [2], [2], [], [1], [], []];
  assert.deepEqual(await look(book), expected);
  book.seal();
  assert.deepEqual(await look(book), expected);
  book.close();
  assert.equal(readdirSync(folder).length, 1);
  assert.deepEqual(await look(open({ folder }).book), expected);
  const [first] = (await book.find({ ...all, limit: 1 }).catch(() => ({ records: [] }))).records;
  assert.equal(first, undefined);
});

test("a call is told as it was, by the service and the instance of its caller, and by its path alone", async () => {
  const { book } = open();
  book.take(
    bytes(line(START, { path: "http://auth:80/login/中文" }), line(START - 1, { from: undefined, caller: "", role: "edge", path: "http://a" })),
  );
  const [inner, outer] = (await book.find(all)).records;
  assert.deepEqual([inner?.path, inner?.caller, inner?.callerInstance, inner?.instance], ["/login/中文", "portal", "portal-v1-0", "auth-v1-0"]);
  assert.deepEqual([outer?.path, outer?.caller, outer?.callerInstance], ["/", "", undefined]);
});

test("of what the access log has behind the last sealed line nothing is lost, and nothing is there twice", async () => {
  const { book, folder } = open();
  const lines = Array.from({ length: 20 }, (_, index) => line(START + index));
  book.take(bytes(...lines.slice(0, 8)));
  book.seal();
  book.take(bytes(...lines.slice(8, 12)));
  // Killed here: nothing is closed.
  const again = open({ folder }).book;
  again.recover(bytes(...lines));
  assert.deepEqual(
    (await again.find(all)).records.map((one) => Date.parse(one.time) - START),
    Array.from({ length: 20 }, (_, index) => 19 - index),
  );
});

test("with a share, a tree is kept or dropped as a whole: by its trace, or since something in it failed or was slow, also at another gateway", async () => {
  const settings = { ...DEFAULT_SETTINGS, share: 0 };
  const { book, clock } = open({ settings });
  const [failed, slow, fine, elsewhere] = [traceOf(), traceOf(), traceOf(), traceOf()] as const;
  // Inner calls end before outer ones.
  book.take(bytes(line(START, { traceId: failed }), line(START, { traceId: fine }), line(START, { traceId: elsewhere })));
  book.take(bytes(line(START + 1, { traceId: failed, status: 500 }), line(START, { traceId: slow, durationMs: 2_000 })));
  book.take(bytes(line(START + 2, { traceId: failed }), line(START + 2, { traceId: slow })));
  assert.deepEqual(book.takeNews(), [failed, slow]);
  assert.deepEqual(book.takeNews(), []);
  book.want([elsewhere]);
  const kept = async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const { traceId = "" } of (await book.find(all)).records) counts[traceId] = (counts[traceId] ?? 0) + 1;
    return counts;
  };
  assert.deepEqual(await kept(), { [failed]: 3, [slow]: 2, [elsewhere]: 1 });
  for (let turn = 0; turn < 2; turn++) {
    clock.advance(HOLD_MS);
    book.tick();
  }
  assert.equal(book.figures().leftOut, 1);
  book.want([fine]);
  assert.deepEqual(await kept(), { [failed]: 3, [slow]: 2, [elsewhere]: 1 });
});

test("a request that is slow for minutes is whole also where its inner calls ended long before; under load what waits is bounded", async () => {
  const { book, clock } = open({ settings: { ...DEFAULT_SETTINGS, share: 0 } });
  const slow = traceOf();
  book.take(bytes(line(START, { traceId: slow })));
  for (let second = 0; second < 240; second++) {
    clock.advance(1_000);
    book.tick();
    book.take(bytes(line(START + second)));
  }
  book.take(bytes(line(START, { traceId: slow, durationMs: 240_000 })));
  assert.equal((await book.find(all)).records.length, 2);
  const chunk = bytes(...Array.from({ length: 1_000 }, () => line(START)));
  for (let count = 0; count < 100; count++) book.take(chunk);
  assert.ok(book.figures().leftOut > 50_000);
});

test("every gateway has the same share of traces", () => {
  const traces = Array.from({ length: 2_000 }, traceOf);
  const lines = traces.map((traceId) => line(START, { traceId }));
  const kept = [0.25, 0.25, 0.5].map((share) => {
    const { book } = open({ settings: { ...DEFAULT_SETTINGS, share } });
    book.take(bytes(...lines));
    return book.figures().kept;
  });
  assert.equal(kept[0], kept[1]);
  assert.ok(Math.abs((kept[0] ?? 0) - 500) < 100, String(kept[0]));
  assert.ok(Math.abs((kept[2] ?? 0) - 1_000) < 120, String(kept[2]));
});

test("memory and disk are bounded, whatever comes", async () => {
  const settings = { ...DEFAULT_SETTINGS, bytesMax: 300_000 };
  const { book, clock } = open({ settings });
  for (let round = 0; round < 17; round++) {
    book.take(
      bytes(...Array.from({ length: 2_000 }, (_, index) => line(START + round * 2_000 + index, { path: `/${random.next()}${random.next()}` }))),
    );
    clock.advance(1_000);
    book.tick();
  }
  const { bytes: stored, seen, kept } = book.figures();
  assert.equal(seen, 34_000);
  assert.equal(kept, 34_000);
  assert.ok(stored <= 300_000, String(stored));
  const { records, isCut } = await book.find({ ...all, limit: 10 });
  assert.equal(Date.parse(records[0]?.time ?? ""), START + 33_999);
  assert.equal(isCut, true);
  clock.advance(settings.keepMs);
  book.seal();
  clock.advance(settings.keepMs);
  book.tick();
  assert.equal(book.figures().segments, 0);
});

test("what is no line of ours is passed over, a damaged file is left out, and calls go on when files cannot be written", async () => {
  const { book, folder } = open();
  book.take(bytes("", "nonsense", '{"time":"', line(START), '{"status":200,"durationMs":x}', `${line(START).slice(0, 60)}`));
  assert.equal((await book.find(all)).records.length, 1);
  book.seal();
  const [name = ""] = readdirSync(folder);
  writeFileSync(path.join(folder, name), "damaged");
  const again = open({ folder }).book;
  again.take(bytes(line(START + 1)));
  assert.equal((await again.find(all)).records.length, 1);
});

test("many small files become few, nothing is lost, and after a crash it is known where the access log goes on", async () => {
  const { book, folder, clock } = open();
  const traces = Array.from({ length: 220 }, traceOf);
  const lines = traces.map((traceId, index) => line(START + (index === 200 ? -5_000 : index), { traceId }));
  for (const one of lines) {
    book.take(bytes(one));
    book.seal();
    clock.advance(1_000);
    book.tick();
  }
  assert.ok(book.figures().segments <= 97, String(book.figures().segments));
  const found = await book.find(all);
  assert.equal(found.records.length, 220);
  for (const traceId of [traces[0], traces[100], traces[219]])
    assert.equal((await book.find({ ...all, traceId: traceId as string })).records.length, 1);
  const again = open({ folder }).book;
  again.recover(bytes(...lines, line(START + 500)));
  assert.equal((await again.find(all)).records.length, 221);
});
