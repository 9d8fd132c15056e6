import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { AccessSearch } from "./access-search.ts";

const trace = (digit: string): string => digit.repeat(32);
const line = (digit: string, count: number, path = "/x"): string =>
  JSON.stringify({ time: "2030-01-01T00:00:00Z", path, count, traceId: trace(digit) });

test("the lines of one request are found over both files, whole, in their order, wherever chunks end", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-access-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "access.log");
  const search = new AccessSearch(file);
  assert.deepEqual(await search.find(trace("a")), { lines: [], isCut: false });
  const pad = "p".repeat(997);
  const many = Array.from({ length: 3_000 }, (_, index) => line(index % 100 === 0 ? "a" : "b", index, pad));
  // One that only speaks of it is not of it; half a line at the end is none yet.
  writeFileSync(`${file}.1`, `${many.slice(0, 1_500).join("\n")}\n${line("b", 0, trace("a"))}\n`);
  writeFileSync(file, `${many.slice(1_500).join("\n")}\n${line("a", 9_999).slice(0, -3)}`);
  const { lines, isCut } = await search.find(trace("a"));
  assert.deepEqual(
    lines.map((one) => (JSON.parse(one) as { count: number }).count),
    Array.from({ length: 30 }, (_, index) => index * 100),
  );
  assert.equal(isCut, false);
  const all = await search.find(trace("b"));
  assert.deepEqual([all.lines.length, all.isCut], [500, true]);
  const [one, other] = await Promise.allSettled([search.find(trace("a")), search.find(trace("a"))]);
  assert.deepEqual([one?.status, other?.status], ["fulfilled", "rejected"]);
  for (const wrong of ["", "a", `${trace("a")}"`, undefined, trace("G")]) await assert.rejects(search.find(wrong), { code: "api/bad-request" });
});
