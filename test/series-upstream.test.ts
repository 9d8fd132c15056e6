import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { findPrometheusModule } from "./prometheus-module.ts";
import { runScript } from "./promql-script.ts";

/** Scripts that say nothing of what is evaluated here. */
const NOT_READ: Readonly<Record<string, string>> = {
  "start_timestamps.test": "start timestamps are not kept",
  "unquoted_utf8_names.test": "the grammar does not know names beyond ASCII without quotes",
};

const found = await findPrometheusModule();

describe("Prometheus' own test scripts", { skip: "missing" in found ? found.missing : false }, () => {
  it("come to what they expect, but for what is refused by name", async (t: TestContext) => {
    if ("missing" in found) return;
    const folder = path.join(found.folder, "promql/promqltest/testdata");
    const names = (await readdir(folder)).filter((name) => name.endsWith(".test"));
    assert.ok(names.length >= 20, String(names.length));
    let passed = 0;
    for (const name of names.filter((one) => NOT_READ[one] === undefined)) {
      // As these scripts are run by Prometheus: with the names of metrics taken away at the end.
      const outcome = await runScript(await readFile(path.join(folder, name), "utf8"), { removesNamesLate: true });
      assert.deepEqual(outcome.failed, [], name);
      passed += outcome.passed;
      for (const [why, count] of outcome.skipped) t.diagnostic(`${name}: ${count} not asked: ${why}`);
    }
    t.diagnostic(`${passed} questions answered as expected; not read: ${Object.keys(NOT_READ).join(", ")}`);
    assert.ok(passed >= 1_100, String(passed));
  });
});
