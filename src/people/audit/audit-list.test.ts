import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { ManualClock, silentLog, systemRandom } from "#/base/index.ts";
import { type AuditEntry, type AuditProblem, type AuditQuery, ensureSigningKey, listEntries, openAudit, signingKeyFile } from "./index.ts";

const COUNT = 5;

/** A chain of some files, in a folder of its own. */
async function chain(context: TestContext): Promise<{ readonly folder: string; readonly files: readonly string[]; readonly last: number }> {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  context.after(() => rmSync(data, { recursive: true, force: true }));
  const folder = path.join(data, "audit");
  const key = ensureSigningKey(signingKeyFile(data));
  const audit = await openAudit({ folder, key, facts: {}, clock: new ManualClock(), random: systemRandom, log: silentLog, segmentBytes: 1_200 });
  for (let index = 0; index < COUNT; index++) {
    const entry = await audit.begin({ who: { name: `u${index % 3}`, via: "session" }, action: "scale", object: { kind: "Job", name: `j${index}` } });
    entry.end({ code: 200 });
  }
  await audit.close();
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .sort()
    .map((name) => path.join(folder, name));
  assert.ok(files.length > 2);
  const last = (await listEntries(folder, { limit: 1 })).items[0]?.seq ?? 0;
  return { folder, files, last };
}

/** All pages of an answer, oldest first. */
async function all(
  folder: string,
  query: AuditQuery,
): Promise<{ readonly items: readonly AuditEntry[]; readonly problems: readonly AuditProblem[] }> {
  const items: AuditEntry[] = [];
  const problems: AuditProblem[] = [];
  let before: number | undefined;
  do {
    const page = await listEntries(folder, { ...query, ...(before !== undefined && { before }) });
    items.push(...page.items);
    problems.push(...page.problems);
    before = page.continue;
  } while (before !== undefined);
  return { items: items.toReversed(), problems: problems.toReversed() };
}

const linesOf = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
const write = (file: string, lines: readonly string[]): void => writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
const seqOf = (line: string): number => Number(/"seq":(\d+)/.exec(line)?.[1]);

test("a chain that nobody touched has no problems, whatever is asked and however the pages fall", async (context) => {
  const { folder, last } = await chain(context);
  for (const query of [{}, { limit: 1 }, { limit: 3, user: "u1" }, { after: 4, limit: 2 }, { before: last - 3 }, { text: "nowhere" }])
    assert.deepEqual((await all(folder, query)).problems, [], JSON.stringify(query));
});

test("every line that was changed, removed, doubled or moved is told at its place, on one page, whatever was asked for", async (context) => {
  const { folder, files } = await chain(context);
  const ways: Readonly<Record<string, (lines: string[], at: number) => string[]>> = {
    changed: (lines, at) => lines.with(at, (lines[at] ?? "").replace('"at":"', '"at":"9')),
    emptied: (lines, at) => lines.with(at, ""),
    "no entry": (lines, at) => lines.with(at, "something else"),
    removed: (lines, at) => lines.toSpliced(at, 1),
    "put in": (lines, at) => lines.toSpliced(at, 0, "something else"),
    doubled: (lines, at) => lines.toSpliced(at, 0, lines[at] ?? ""),
    moved: (lines, at) => [...lines.toSpliced(at, 1), lines[at] ?? ""],
  };
  for (const file of files) {
    const lines = linesOf(file);
    for (const [way, change] of Object.entries(ways))
      for (const at of lines.keys()) {
        // The last one of a file, moved to its end, is where it was.
        if (way === "moved" && at === lines.length - 1) continue;
        const seq = seqOf(lines[at] ?? "");
        // What is missing at the very beginning, nothing here tells from what was exported and removed: verify does.
        if (way === "removed" && seq === 1) continue;
        write(file, change(lines, at));
        for (const query of [{}, { user: "u1", limit: 1 }]) {
          const { problems } = await all(folder, query);
          const where = `${way} ${seq} ${JSON.stringify(query)}: ${JSON.stringify(problems)}`;
          assert.ok(
            problems.some((one) => Math.abs(one.seq - seq) <= 1),
            where,
          );
          assert.equal(new Set(problems.map((one) => `${one.seq} ${one.message}`)).size, problems.length, where);
        }
      }
    write(file, lines);
  }
});

test("an entry that was written anew with a hash of its own is not the one that the next was written after", async (context) => {
  const { folder, files } = await chain(context);
  const [file = ""] = files;
  const lines = linesOf(file);
  const { encodeLine, readLine } = await import("./chain/index.ts");
  const line = readLine(Buffer.from(lines[1] ?? "")) ?? assert.fail();
  const forged = encodeLine({ ...line.entry, who: { name: "somebody", via: "session" } }, line.prev).text.trimEnd();
  write(file, lines.with(1, forged));
  const { problems } = await all(folder, {});
  assert.deepEqual(
    problems.map(({ seq }) => seq),
    [2],
  );
  assert.match(problems[0]?.message ?? "", /entry 2 is not the one that entry 3 was written after/);
});

test("an end that was cut off is told, as far as it was signed", async (context) => {
  const { folder, files, last } = await chain(context);
  const file = files.at(-1) ?? "";
  const lines = linesOf(file);
  write(file, lines.slice(0, -1));
  const { problems } = await all(folder, { limit: 2 });
  assert.deepEqual(problems, [{ seq: last, message: `an entry is missing at the end: the chain was signed up to entry ${last}` }]);
});
