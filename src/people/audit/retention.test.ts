import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { ManualClock, silentLog, systemRandom } from "#/base/index.ts";
import { ensureSigningKey, type OpenAudit, openAudit, readExportFile, readSegments, signingKeyFile, verifyChain } from "./index.ts";

const HOUR_MS = 3_600_000;

interface Place {
  readonly audit: OpenAudit;
  readonly clock: ManualClock;
  readonly folder: string;
  readonly to: string;
  /** Tells `count` actions, an hour apart. */
  tell(count: number): Promise<void>;
  files(): readonly string[];
  over(): string | undefined;
}

async function open(context: TestContext): Promise<Place> {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  const folder = path.join(data, "audit");
  const clock = new ManualClock();
  const key = ensureSigningKey(signingKeyFile(data));
  const audit = await openAudit({ folder, key, facts: {}, clock, random: systemRandom, log: silentLog, segmentBytes: 1_500 });
  context.after(async () => {
    await audit.close();
    rmSync(data, { recursive: true, force: true });
  });
  return {
    audit,
    clock,
    folder,
    to: path.join(data, "elsewhere", "审计 of A"),
    async tell(count) {
      for (let left = count; left > 0; left--) {
        const entry = await audit.begin({ who: { name: "eva", via: "session" }, action: "scale", object: { kind: "Job", name: `j${left}` } });
        entry.end({ code: 200 });
        clock.advance(HOUR_MS);
      }
      // Nothing is on its way any more.
      await audit.sign();
    },
    files: () => readdirSync(folder).filter((name) => name.endsWith(".log")),
    over: () => audit.state().alarms.find((text) => text.includes("are over")),
  };
}

const sound = async (folder: string): Promise<readonly string[]> =>
  (await verifyChain(readSegments(folder), { witnesses: [] })).problems.map(({ message }) => message);

test("what is over is exported whole and signed, then removed; the chain here and what stands elsewhere are one", async (context) => {
  const { audit, tell, files, folder, to, over } = await open(context);
  await tell(30);
  const before = files().length;
  assert.ok(before > 6);
  await audit.retain({ forMs: 10 * HOUR_MS, exportTo: to });
  assert.ok(files().length < before && files().length > 1, `${files().length} of ${before}`);
  assert.deepEqual([over(), await sound(folder)], [undefined, []]);
  const [name = ""] = readdirSync(to);
  assert.match(name, /^audit-[0-9a-f]{8}-000000000001-\d{12}\.txt$/);
  const report = await verifyChain(readExportFile(path.join(to, name)), { witnesses: [], isPart: true });
  assert.deepEqual([report.problemCount, report.first, report.last, report.signedTo], [0, 1, report.signedTo, report.last]);
  const { items } = await audit.list({ action: "chain.prune" });
  assert.deepEqual([items.length, items[0]?.who?.name, items[0]?.detail?.["to"]], [1, "system:audit", report.last]);
  // Again and again: nothing more, until more is over.
  const rest = files();
  await audit.retain({ forMs: 10 * HOUR_MS, exportTo: to });
  assert.deepEqual([files(), readdirSync(to)], [rest, [name]]);
  await tell(20);
  await audit.retain({ forMs: 10 * HOUR_MS, exportTo: to });
  assert.equal(readdirSync(to).length, 2);
  assert.deepEqual(await sound(folder), []);
});

test("by bytes, the oldest go until no more than that is there; what is written to stays", async (context) => {
  const { audit, tell, folder, to, files } = await open(context);
  await tell(30);
  await audit.retain({ bytes: 6_000, exportTo: to });
  // What the removal itself tells comes on top.
  assert.ok(audit.state().bytes <= 6_000 + 1_500 && audit.state().bytes > 3_000, String(audit.state().bytes));
  await audit.retain({ bytes: 1, forMs: 1, exportTo: to });
  assert.ok(files().length === 1 || files().length === 2);
  assert.deepEqual(await sound(folder), []);
});

test("without a folder, or where it cannot be written, nothing is removed: it is an alarm until it is mended", async (context) => {
  const { audit, tell, files, to, over } = await open(context);
  await tell(20);
  const all = files();
  await audit.retain({ forMs: HOUR_MS });
  assert.match(over() ?? "", /^entries up to \d+ are over, as spec\.audit\.keep of the Site says, and stay: name a folder/);
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, "a file");
  await audit.retain({ forMs: HOUR_MS, exportTo: to });
  assert.match(over() ?? "", /could not be exported to /);
  assert.deepEqual(files(), all);
  rmSync(to);
  await audit.retain({ forMs: HOUR_MS, exportTo: to });
  assert.deepEqual([over(), files().length < all.length], [undefined, true]);
  await audit.retain(undefined);
  assert.equal(over(), undefined);
});

test("what was changed is not removed, nor is an export written over, nor is one that nobody finished an obstacle", async (context) => {
  const { audit, tell, files, folder, to, over } = await open(context);
  await tell(20);
  const all = files();
  const first = path.join(folder, all[0] ?? "");
  const good = readFileSync(first);
  writeFileSync(first, good.toString().replace('"at":"', '"at":"9'));
  await audit.retain({ forMs: HOUR_MS, exportTo: to });
  assert.match(over() ?? "", /they are not whole: .*audit verify/);
  assert.deepEqual([files(), readdirSync(to)], [all, []]);
  writeFileSync(first, good);
  // One of the same name, by somebody else.
  await audit.retain({ forMs: HOUR_MS, exportTo: path.join(to, "try") });
  const [name = ""] = readdirSync(path.join(to, "try"));
  assert.ok(name !== "" && over() === undefined);
  await tell(20);
  const later = files();
  await audit.retain({ forMs: HOUR_MS, exportTo: path.join(to, "again") });
  const [second = ""] = readdirSync(path.join(to, "again"));
  assert.ok(existsSync(path.join(to, "again", second)) && files().length < later.length);
  await tell(20);
  const kept = files();
  const next = `audit-${second.split("-")[1]}-${(kept[0] ?? "").replace(/\D/g, "")}`;
  mkdirSync(path.join(to, "third"));
  chmodSync(path.join(to, "third"), 0o700);
  for (let last = 1; last < 400; last++) writeFileSync(path.join(to, "third", `${next}-${String(last).padStart(12, "0")}.txt`), "theirs");
  await audit.retain({ forMs: HOUR_MS, exportTo: path.join(to, "third") });
  assert.match(over() ?? "", /could not be exported/);
  assert.deepEqual(files(), kept);
  assert.ok(readdirSync(path.join(to, "third")).every((one) => readFileSync(path.join(to, "third", one), "utf8") === "theirs"));
});
