import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { heapFlags } from "./supervisor/heap.ts";

const MODULE = path.join(import.meta.dirname, "heap-growth.ts");

const run = (flags: readonly string[], code: string): string =>
  execFileSync(process.execPath, [...flags, "--input-type=module", "--eval", code], { encoding: "utf8" }).trim();

test("a process starts with options by which no cached code is refused, neither its own nor that of Node.js", () => {
  const tag = (flags: readonly string[]): string => run(flags, 'import v8 from "node:v8"; console.log(v8.cachedDataVersionTag())');
  const plain = tag([]);
  for (const name of ["supervisor", "centre", "agent", "gateway"] as const) assert.equal(tag(heapFlags(name, {})), plain, name);
  assert.notEqual(tag(["--heap-growing-percent=40"]), plain, "an option that changes code is seen by this");
});

test("old space grows less between two collections once that is bounded", () => {
  const work = `
    const one = (key) => ({ key, text: "x".repeat(20) + key, list: [key, key + 1, key + 2] });
    const all = Array.from({ length: 60_000 }, (_, key) => one(key));
    let most = 0;
    for (let round = 0; round < 40; round++) {
      for (let at = 0; at < 15_000; at++) all[(round * 7919 + at * 4) % all.length] = one(at);
      most = Math.max(most, process.memoryUsage().heapUsed);
      await new Promise(setImmediate);
    }
    console.log(most);`;
  const bound = `import { boundHeapGrowth } from ${JSON.stringify(MODULE)}; boundHeapGrowth();`;
  const pair = (): readonly [free: number, bounded: number] => [
    Number(run(["--max-semi-space-size=2"], work)),
    Number(run(["--max-semi-space-size=2"], bound + work)),
  ];
  // Collections are made beside the work, and come late on a busy machine.
  const tries: (readonly [free: number, bounded: number])[] = [];
  const isLess = (): boolean => tries.some(([free, bounded]) => bounded < 0.8 * free);
  while (tries.length < 4 && !isLess()) tries.push(pair());
  assert.ok(isLess(), `bytes in use at most, free and bounded: ${JSON.stringify(tries)}`);
});
