import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { appliedTemplates, waitForServices } from "./readiness.ts";
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

test("what is waited for is what was applied: a template that came after it supersedes it, and who has brought it is named", async () => {
  const at = (generation: number, version: string, annotations = {}): object => ({
    kind: "Microservice",
    metadata: { name: "auth", generation, annotations },
    spec: { replicas: 1, suspended: false, template: { version } },
    status: { conditions: [{ type: "Ready", status: "True", reason: "Ready", message: "1 of 1 instances ready", observedGeneration: generation }] },
  });
  const applied = appliedTemplates([at(2, "v2") as StoredObject]);
  const wait = async (...seen: object[]): Promise<readonly string[]> => {
    const api = {
      request: async () => ({ status: 200, headers: {}, body: { items: [seen.length > 1 ? seen.shift() : seen[0]] } }),
    } as unknown as Client;
    const terminal = { progress: () => undefined } as unknown as Terminal;
    const options = { api, terminal, clock: new ManualClock(0), signal: new AbortController().signal, timeoutMs: 0 };
    return (await waitForServices({ ...options, applied })).map((one) => `${one.readiness.reason} ${one.readiness.message}`);
  };
  assert.deepEqual(await wait(at(2, "v2")), []);
  const [late] = await wait(at(3, "v3", { "orrery.dev/changed-by": "ben" }));
  assert.match(late ?? "", /^Superseded what was applied was not served before its template was changed again by ben: version v3 is wanted now$/);
  assert.deepEqual(await wait(at(3, "v2")), [], "scaled meanwhile");
});

test("a version that was refused is told, also where the one before crashes: nothing comes of more waiting then", async () => {
  const refused = (reason: string): object => ({
    metadata: { name: "auth", generation: 1 },
    spec: { replicas: 1, suspended: false },
    status: {
      conditions: [
        { type: "Ready", status: "False", reason, message: "auth-v1-0: exit status 3", observedGeneration: 1 },
        { type: "Diverged", status: "True", reason: "RevisionRefused", message: "auth-v2 is not served: a gate failed", observedGeneration: 1 },
      ],
    },
  });
  const wait = async (one: object, timeoutMs: number): Promise<readonly string[]> => {
    const api = { request: async () => ({ status: 200, headers: {}, body: { items: [one] } }) } as unknown as Client;
    const terminal = { progress: () => undefined } as unknown as Terminal;
    const options = { api, terminal, clock: new ManualClock(0), signal: new AbortController().signal, timeoutMs };
    return (await waitForServices(options)).map((each) => `${each.readiness.reason}: ${each.readiness.message}`);
  };
  const told = ["RevisionRefused: auth-v2 is not served: a gate failed. Now: auth-v1-0: exit status 3"];
  // The clock stands: who went on waiting would never come back.
  assert.deepEqual(await wait(refused("CrashLoop"), 60_000), told);
  // What comes back by itself is waited for.
  assert.deepEqual(await wait(refused("Starting"), 0), told);
});

test("one that is stopped, started or scaled to nothing while it is waited for is not as it was asked for, and who has done it is named", async () => {
  const at = (spec: object, reason: string, isReady: boolean): object => ({
    kind: "Microservice",
    metadata: { name: "auth", generation: 3, annotations: { "orrery.dev/changed-by": "ben" } },
    spec: { replicas: 1, suspended: false, template: { version: "v2" }, ...spec },
    status: { conditions: [{ type: "Ready", status: isReady ? "True" : "False", reason, message: "", observedGeneration: 3 }] },
  });
  const running = at({}, "Ready", true);
  const stopped = at({ suspended: true }, "Suspended", false);
  const empty = at({ replicas: 0 }, "Ready", true);
  const wait = async (seen: object, more: object): Promise<readonly string[]> => {
    const api = {
      request: async ({ path }: { path: string }) => ({ status: 200, headers: {}, body: { items: path.endsWith("/instances") ? [] : [seen] } }),
    } as unknown as Client;
    const terminal = { progress: () => undefined } as unknown as Terminal;
    const options = { api, terminal, clock: new ManualClock(0), signal: new AbortController().signal, timeoutMs: 60_000 };
    return (await waitForServices({ ...options, ...more })).map((one) => `${one.readiness.reason}: ${one.readiness.message}`);
  };
  const byStop = "Stopped: it was stopped meanwhile by ben, and is not served; start it with: orrery start auth";
  const byScale = "ScaledToZero: it was scaled to 0 meanwhile by ben, and is not served; start some with: orrery scale auth 1";
  const byStart = "Started: it was started again meanwhile by ben: it runs; stop it with: orrery stop auth";
  const applied = (one: object): object => ({ applied: appliedTemplates([one as StoredObject]) });
  for (const [seen, wish, told] of [
    [running, applied(running), []],
    [stopped, applied(running), [byStop]],
    [empty, applied(running), [byScale]],
    [stopped, applied(stopped), []],
    [empty, applied(empty), []],
    [stopped, { isIdle: false, anyTemplate: true }, [byStop]],
    [empty, { isIdle: false, anyTemplate: true }, [byScale]],
    [running, { isIdle: true, anyTemplate: true }, [byStart]],
    [stopped, { isIdle: true, anyTemplate: true }, []],
    [stopped, {}, []],
  ] as const)
    assert.deepEqual(await wait(seen, wish), told);
});
