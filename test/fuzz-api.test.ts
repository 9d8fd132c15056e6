import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fuzz, openTarget } from "./fuzz/api.ts";

interface Kept {
  readonly found: string;
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

describe("the API's inputs", () => {
  it("holds all promises for what was once found by fuzzing", async (t) => {
    const target = await openTarget();
    t.after(() => target.close());
    await target.refill();
    const kept = JSON.parse(readFileSync(new URL("fuzz/kept-api.json", import.meta.url), "utf8")) as readonly Kept[];
    assert.ok(kept.length > 0);
    for (const { found, body, ...request } of kept)
      assert.deepEqual(await target.attempt({ ...request, what: "kept", body: Buffer.from(body.replace("SPACE", "x".repeat(50_000))) }), [], found);
  });

  it("holds them for some more inputs: npm run fuzz -- api has a million", async () => {
    // A few seconds, whatever the machine has to do.
    const { inputs, findings, classes } = await fuzz({ from: 5_000_000, count: 1_500, signal: AbortSignal.timeout(8_000) });
    assert.deepEqual(findings, []);
    assert.ok(inputs > 50, `${inputs}`);
    for (const what of ["create from JSON 2xx", "merge patch 2xx", "apply 2xx", "review 2xx"])
      assert.ok((classes[what] ?? 0) > 0 || inputs < 500, what);
  });
});
