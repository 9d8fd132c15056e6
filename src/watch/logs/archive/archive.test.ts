import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { silentLog } from "#/base/index.ts";
import { timesPath } from "#/work/process/index.ts";
import { searchQuestion } from "../core/question.ts";
import type { LogOwner } from "../core/record.ts";
import { type Dropped, KEEPING_DEFAULT, LogArchive } from "./archive.ts";
import { type LogHit, type SearchedSource, type SearchSummary, searchLogs } from "./search.ts";

const AUTH: LogOwner = { kind: "Microservice", namespace: "default", name: "auth" };
const PAY: LogOwner = { kind: "Microservice", namespace: "default", name: "pay" };
const turn = async (): Promise<void> => {};
/** All of it is long ago: every record is whole. */
const NOW_MS = 10_000_000;

interface Bench {
  readonly folder: string;
  archive: LogArchive;
  source(owner: LogOwner, instance: string): SearchedSource;
  write(source: SearchedSource, atMs: number, ...lines: readonly string[]): void;
  seal(owner: LogOwner, ...sources: readonly SearchedSource[]): Promise<{ readonly bytes: number; readonly records: number }>;
  search(
    question: Partial<Parameters<typeof searchQuestion.parse>[0] & object>,
    sources?: readonly SearchedSource[],
    signal?: AbortSignal,
  ): Promise<{ readonly hits: readonly LogHit[]; readonly texts: readonly string[]; readonly summary: SearchSummary }>;
  reopen(): void;
}

function bench(t: TestContext): Bench {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-logs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const lengths = new Map<string, number>();
  const one: Bench = {
    folder,
    archive: new LogArchive(path.join(folder, "archive"), silentLog),
    source: (owner, instance) => ({ owner, instance, uid: `uid-${instance}`, logPath: path.join(folder, `${instance}.log`), sinceMs: 0 }),
    write({ logPath }, atMs, ...lines) {
      const text = lines.map((line) => `${line}\n`).join("");
      appendFileSync(logPath, text);
      const length = (lengths.get(logPath) ?? 0) + Buffer.byteLength(text);
      lengths.set(logPath, length);
      appendFileSync(timesPath(logPath), `${length} ${atMs}\n`);
    },
    seal: (owner, ...sources) => one.archive.seal({ owner, sources, nowMs: NOW_MS, turn }),
    async search(question, sources = [], signal = new AbortController().signal) {
      const hits: LogHit[] = [];
      let summary: SearchSummary | undefined;
      const parsed = searchQuestion.parse({ fromMs: 0, toMs: NOW_MS, ...question });
      for await (const item of searchLogs({ archive: one.archive, sources, question: parsed, nowMs: () => NOW_MS, turn, signal }))
        if ("summary" in item) summary = item.summary;
        else hits.push(...item.hits);
      assert.ok(summary !== undefined);
      return { hits, texts: hits.map(({ text }) => text), summary };
    },
    reopen() {
      one.archive = new LogArchive(path.join(folder, "archive"), silentLog);
    },
  };
  return one;
}

test("lines are found newest first, sealed or not, across services, by words, level, trace, expression and time", async (t) => {
  const { source, write, seal, search } = bench(t);
  const [auth, pay] = [source(AUTH, "auth-1"), source(PAY, "pay-1")];
  write(auth, 1_000, "INFO started", "WARN slow Timeout of the database");
  write(pay, 2_000, '{"level":"error","message":"timeout","traceId":"0af7651916cd43dd8448eb211c80319c"}');
  await seal(AUTH, auth);
  await seal(PAY, pay);
  write(auth, 3_000, "ERROR timeout again", "    at com.example.Pay");
  const sources = [auth, pay];
  assert.deepEqual((await search({ words: ["timeout"] }, sources)).texts, [
    "ERROR timeout again\n    at com.example.Pay",
    '{"level":"error","message":"timeout","traceId":"0af7651916cd43dd8448eb211c80319c"}',
    "WARN slow Timeout of the database",
  ]);
  assert.deepEqual(
    (await search({ words: ["timeout", "example.pay"] }, sources)).hits.map(({ atMs, instance }) => [atMs, instance]),
    [[3_000, "auth-1"]],
  );
  assert.equal((await search({ level: "error" }, sources)).hits.length, 2);
  assert.equal((await search({ level: "warn" }, sources)).hits.length, 3);
  assert.deepEqual(
    (await search({ trace: "0AF7651916CD43DD8448EB211C80319C" }, sources)).hits.map(({ owner, trace }) => [owner, trace]),
    [["default/microservice.pay", "0af7651916cd43dd8448eb211c80319c"]],
  );
  assert.deepEqual((await search({ regex: "slow .*of the" }, sources)).texts, ["WARN slow Timeout of the database"]);
  assert.deepEqual(
    (await search({ fromMs: 1_500, toMs: 2_500 }, sources)).hits.map(({ atMs }) => atMs),
    [2_000],
  );
  assert.deepEqual((await search({ words: ["timeout"], owners: ["default/microservice.pay"] }, sources)).hits.length, 1);
  assert.deepEqual((await search({ words: ["nobody said that"] }, sources)).texts, []);
  const first = await search({ words: ["timeout"], limit: 1 }, sources);
  assert.deepEqual([first.texts.length, first.summary.end, first.summary.reachedMs], [1, "limit", 2_000]);
  await assert.rejects(search({ regex: "(" }), { code: "logs/invalid" });
});

test("nothing is sealed twice and nothing is left out, whatever ends the thread, and a record that may still grow waits", async (t) => {
  const one = bench(t);
  const auth = one.source(AUTH, "auth-1");
  one.write(auth, 1_000, "first", "second");
  await one.seal(AUTH, auth);
  one.reopen();
  assert.deepEqual(await one.seal(AUTH, auth), { bytes: 0, records: 0 });
  appendFileSync(auth.logPath, "no end yet");
  assert.deepEqual(await one.seal(AUTH, auth), { bytes: 0, records: 0 });
  assert.deepEqual((await one.search({}, [auth])).texts.toSorted(), ["first", "no end yet", "second"]);
  appendFileSync(auth.logPath, " and now\nthird\n");
  appendFileSync(timesPath(auth.logPath), "37 2000\n");
  await one.archive.seal({ owner: AUTH, sources: [auth], nowMs: 2_500, turn });
  one.reopen();
  await one.seal(AUTH, auth);
  one.reopen();
  assert.deepEqual((await one.search({}, [auth])).texts, ["third", "no end yet and now", "second", "first"]);
});

test("lines of two instances are never joined, whatever they are and whenever they were written", async (t) => {
  const { source, write, seal, search } = bench(t);
  const [first, second] = [source(AUTH, "auth-1"), source(AUTH, "auth-2")];
  write(first, 1_000, "Error: x");
  write(second, 1_000, "    at y");
  write(first, 1_000, "    at z");
  await seal(AUTH, first, second);
  assert.deepEqual(
    (await search({})).hits.map(({ instance, text }) => [instance, text]),
    [
      ["auth-2", "    at y"],
      ["auth-1", "Error: x\n    at z"],
    ],
  );
});

test("a log that was replaced by another is read from its beginning, also where it has grown past the place of the one before", async (t) => {
  const { source, write, seal, search } = bench(t);
  const auth = source(AUTH, "auth-1");
  write(auth, 1_000, "of the first file");
  await seal(AUTH, auth);
  // Removed by hand, and a new one made: the inode may well be the same.
  rmSync(auth.logPath);
  rmSync(timesPath(auth.logPath));
  writeFileSync(auth.logPath, "of the second file, which is longer\nand has two lines\n");
  writeFileSync(timesPath(auth.logPath), "54 2000\n");
  await seal(AUTH, auth);
  assert.deepEqual((await search({}, [auth])).texts, ["and has two lines", "of the second file, which is longer", "of the first file"]);
  truncateSync(auth.logPath, 0);
  assert.equal((await search({}, [auth])).texts.length, 3);
});

test("a log that is deleted under its reader gives what is sealed, and no error", async (t) => {
  const { source, write, seal, search } = bench(t);
  const auth = source(AUTH, "auth-1");
  write(auth, 1_000, "kept");
  await seal(AUTH, auth);
  rmSync(auth.logPath);
  assert.deepEqual(await seal(AUTH, auth), { bytes: 0, records: 0 });
  assert.deepEqual((await search({}, [auth])).texts, ["kept"]);
});

test("a line of 50 MB, binary and without an end, is one record of bounded size with what is left out told, and what follows is found", async (t) => {
  const { source, write, seal, search } = bench(t);
  const auth = source(AUTH, "auth-1");
  const noise = Buffer.alloc(50 * 1024 * 1024, Buffer.from([0, 255, 27, 200, 65]));
  appendFileSync(auth.logPath, noise);
  assert.ok((await seal(AUTH, auth)).bytes > 0, "an endless line is sealed in pieces");
  for (let count = 0; count < 20; count++) if ((await seal(AUTH, auth)).bytes === 0) break;
  appendFileSync(auth.logPath, "\nafter it\n");
  await seal(AUTH, auth);
  const { hits } = await search({ words: ["after it"] }, [auth]);
  assert.deepEqual(
    hits.map(({ text }) => text),
    ["after it"],
  );
  const all = await search({}, [auth]);
  for (const { text } of all.hits) assert.ok(text.length <= 1024 * 1024 && !text.includes("\u001b") && !text.includes("\u0000"));
  assert.ok(all.hits.reduce((sum, { cut = 0, text }) => sum + cut + text.length, 0) > 45 * 1024 * 1024);
  write(auth, 3_000, "more");
});

test("what is older or more than is kept goes, and a search that reaches there is told how much", async (t) => {
  const one = bench(t);
  const auth = one.source(AUTH, "auth-1");
  for (let index = 1; index <= 5; index++) {
    one.write(auth, index * 1_000, ...Array.from({ length: 100 }, (_, line) => `line ${index} ${line} ${Math.sin(line * index)}`));
    await one.seal(AUTH, auth);
  }
  const size = one.archive.bytes;
  const gone = one.archive.keepWithin(() => ({ ...KEEPING_DEFAULT, bytesMax: size - 10 }), NOW_MS);
  assert.deepEqual(
    gone.map(({ dropped }: { readonly dropped: Dropped }) => [dropped.why, dropped.records, dropped.untilMs]),
    [["size", 100, 1_000]],
  );
  one.archive.keepWithin(() => ({ ...KEEPING_DEFAULT, ageMaxMs: NOW_MS - 2_500 }), NOW_MS);
  one.reopen();
  const { hits, summary } = await one.search({ limit: 10_000 });
  assert.deepEqual([hits.length, new Set(hits.map(({ atMs }) => atMs)).size], [300, 3]);
  assert.deepEqual(summary.dropped.map(({ why, records, untilMs }) => [why, records, untilMs]).toSorted(), [
    ["age", 100, 2_000],
    ["size", 100, 1_000],
  ]);
  assert.deepEqual((await one.search({ fromMs: 2_500 })).summary.dropped, []);
  assert.equal(one.archive.keepWithin(() => KEEPING_DEFAULT, NOW_MS, { hostBytesMax: 1 })[0]?.dropped.why, "disk");
});

test("a damaged segment is left out and told of; half a segment is removed", async (t) => {
  const one = bench(t);
  const auth = one.source(AUTH, "auth-1");
  one.write(auth, 1_000, "lost");
  await one.seal(AUTH, auth);
  one.write(auth, 2_000, "kept");
  await one.seal(AUTH, auth);
  const folder = path.join(one.folder, "archive", "default", "microservice.auth");
  const [first = ""] = readdirSync(folder)
    .filter((name) => name.endsWith(".seg"))
    .sort();
  writeFileSync(path.join(folder, first), "nonsense");
  writeFileSync(path.join(folder, "log-1-2-9.seg.partial"), "half");
  one.reopen();
  const { texts, summary } = await one.search({});
  assert.deepEqual([texts, summary.damaged], [["kept"], 1]);
  assert.ok(!readdirSync(folder).some((name) => name.endsWith(".partial")));
});

test("a search ends at its bounds, and when nobody wants it any more, and says how far it came", async (t) => {
  const one = bench(t);
  const auth = one.source(AUTH, "auth-1");
  for (let index = 1; index <= 3; index++) {
    one.write(auth, index * 1_000, `line ${index}`);
    await one.seal(AUTH, auth);
  }
  const bounded = await one.search({ bytesMax: 8 });
  assert.deepEqual([bounded.summary.end, bounded.texts.length], ["bytes", 2]);
  assert.equal(bounded.summary.reachedMs, 1_000);
  const over = new AbortController();
  over.abort();
  assert.deepEqual((await one.search({}, [auth], over.signal)).summary.end, "cancelled");
});

test("what the index leaves out holds none of the words, in any letters", async (t) => {
  const one = bench(t);
  const auth = one.source(AUTH, "auth-1");
  const lines = Array.from(
    { length: 3_000 },
    (_, index) => `request ${(index * 2_654_435_761) >>> 0} of Kunde ÄÖ 中文 took ${index} ms ${"x".repeat(700)}`,
  );
  one.write(auth, 1_000, ...lines);
  await one.seal(AUTH, auth);
  for (const index of [1, 1_500, 2_999]) {
    const wanted = String((index * 2_654_435_761) >>> 0);
    const { hits, summary } = await one.search({ words: [` ${wanted} `, "KUNDE", "中文", "ÄÖ"] });
    assert.equal(hits.length, 1);
    assert.ok(summary.bytes < 1024 * 1024, `${summary.bytes} bytes were looked at`);
  }
});
