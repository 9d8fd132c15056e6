import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemClock } from "#/base/index.ts";
import { holdName } from "#/work/process/index.ts";
import { DRAIN_SIGNAL, GATEWAY_NAME, type Part, stopSite } from "./site-stop.ts";

test("who is in a hurry has the gateway told before the services are ended, and it gets a moment to say so", async (t) => {
  const identity = randomUUID();
  const done: string[] = [];
  const hurry = new AbortController();
  let signals = 0;
  const name = await holdName(identity, GATEWAY_NAME, () => ({ isDrained: false, isHurried: signals > 2 }));
  t.after(() => name.release());
  const gateway: Part = {
    wind(signal) {
      assert.equal(signal, DRAIN_SIGNAL);
      signals += 1;
      // The second one meets the first, and is lost.
      if (signals === 1) hurry.abort();
    },
    stop: async (signal, timeoutMs, hurried) => {
      done.push(`gateway ${signal} ${timeoutMs} ${hurried === undefined ? "in peace" : "hurried"}`);
      return true;
    },
  };
  const agent: Part = {
    wind: () => assert.fail(),
    stop: async () => {
      done.push(`agent after ${signals} signals`);
      return true;
    },
  };
  await stopSite({
    data: path.join(tmpdir(), identity),
    identity,
    parts: { gateway, agent },
    clock: systemClock,
    say: () => undefined,
    hurry: hurry.signal,
  });
  assert.deepEqual(done, ["agent after 3 signals", "gateway SIGTERM 2000 in peace"]);
});
