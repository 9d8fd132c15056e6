import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import { endedAtHeapLimit, heapFlags, heapLimits } from "./heap.ts";

test("limits are set by the environment, each for itself, and what is no size is refused with what is allowed", () => {
  const defaults = heapLimits("centre", {});
  assert.deepEqual(heapLimits("centre", { ORRERY_CENTRE_HEAP: "300", ORRERY_AGENT_HEAP: "400", ORRERY_CENTRE_YOUNG: "" }), {
    ...defaults,
    heap: 300,
  });
  assert.ok(heapFlags("gateway", { ORRERY_GATEWAY_YOUNG: "8" }).includes("--max-semi-space-size=8"));
  for (const text of ["0", "63", "-1", "1e3", "300MB", "x", "65537", "99999999999"]) {
    assert.throws(
      () => heapFlags("centre", { ORRERY_CENTRE_HEAP: text }),
      (error) => isOrreryError(error, "up/heap") && error.message === `ORRERY_CENTRE_HEAP is "${text}"; give a whole number of MiB from 64 to 65536`,
    );
  }
});

test("Node.js takes the options, and a process that comes to its limit is known by what it says last, once", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-heap-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = path.join(folder, "log");
  writeFileSync(log, "begun\n");
  const run = (script: string): void => {
    const output = openSync(log, "a");
    spawnSync(process.execPath, [...heapFlags("centre", { ORRERY_CENTRE_HEAP: "64" }), "-e", script], { stdio: ["ignore", output, output] });
  };
  run("console.log('well')");
  assert.equal(endedAtHeapLimit(log, 0), false);
  run("const all = []; for (;;) all.push(new Array(1000).fill({}))");
  assert.equal(endedAtHeapLimit(log, 0), true);
  const from = statSync(log).size;
  run("process.exit(3)");
  assert.equal(endedAtHeapLimit(log, from), false);
});
