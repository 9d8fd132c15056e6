import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import { type GatewayCore, refuse, type Undecided } from "./core/index.ts";
import { Waiting } from "./waiting.ts";

test("no more than 1,024 requests wait for a place, each a quarter of a second; one more is refused at once", async () => {
  const clock = new ManualClock(0);
  const refusal = refuse("gateway/busy", "portal has as many calls as it may have");
  const waiting = new Waiting({ table: { site: { holdMs: 5000 } }, refuseFull: () => refusal } as unknown as GatewayCore, clock);
  const full: Undecided = { kind: "full", service: "portal", caller: "", refusal };
  let refused = 0;
  const ask = (): Promise<unknown> =>
    waiting
      .settle(
        full,
        () => full,
        () => false,
      )
      .then(() => refused++);
  const all = Array.from({ length: 1024 }, ask);
  await ask();
  assert.deepEqual([refused, waiting.open], [1, 1024]);
  clock.advance(249);
  await new Promise(setImmediate);
  assert.equal(refused, 1);
  clock.advance(1);
  await Promise.all(all);
  assert.deepEqual([refused, waiting.open], [1025, 0]);
});
