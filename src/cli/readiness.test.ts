import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import type { Client } from "#/client/index.ts";
import { waitForServices } from "./readiness.ts";
import type { Terminal } from "./terminal.ts";

const service = (status: string, reason: string): object => ({
  metadata: { name: "auth", generation: 1 },
  spec: { replicas: 1, suspended: false },
  status: { conditions: [{ type: "Ready", status, reason, message: "auth-v2 is on its way", observedGeneration: 1 }] },
});

/** Who is late, of a wait of no time at all. */
async function late(one: object, isNewestAwaited?: (name: string) => boolean): Promise<readonly string[]> {
  const api = { request: async () => ({ status: 200, headers: {}, body: { items: [one] } }) } as unknown as Client;
  const terminal = { progress: () => undefined } as unknown as Terminal;
  const options = { api, terminal, clock: new ManualClock(0), signal: new AbortController().signal, timeoutMs: 0 };
  const waiting = await waitForServices({ ...options, ...(isNewestAwaited === undefined ? {} : { isNewestAwaited }) });
  return waiting.map(({ name, readiness }) => `${name} ${readiness.reason}`);
}

test("a service that is updated is waited for, unless its newest template is not and all that is served is ready", async () => {
  assert.deepEqual(await late(service("True", "Updating")), ["auth Updating"]);
  assert.deepEqual(await late(service("True", "Updating"), () => false), []);
  assert.deepEqual(await late(service("True", "Updating"), (name) => name === "auth"), ["auth Updating"]);
  assert.deepEqual(await late(service("False", "Starting"), () => false), ["auth Starting"]);
});
