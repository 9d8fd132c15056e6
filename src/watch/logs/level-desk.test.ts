import assert from "node:assert/strict";
import { test } from "node:test";
import { OrreryError } from "#/base/index.ts";
import type { Instance, Microservice } from "#/model/index.ts";
import type { LocalCopy, PathCaller } from "#/state/reconcile/index.ts";
import { changeLevels } from "./level-desk.ts";

const copyOf = <T>(objects: Readonly<Record<string, T>>): LocalCopy<T> => ({
  get: (key) => objects[key],
  values: () => Object.values(objects),
  byIndex: () => [],
  listen: () => {},
});
const service = (logLevel?: object): Microservice =>
  ({ kind: "Microservice", metadata: { name: "auth", namespace: "default" }, spec: { template: { logLevel } } }) as unknown as Microservice;
const instance = (name: string, host: string): Instance =>
  ({ metadata: { name, namespace: "default" }, spec: { service: "auth", host } }) as unknown as Instance;

test("each instance is asked by its host's agent, after the right was asked once and the audit was told why; one that refuses holds up no other", async () => {
  const acted: string[] = [];
  const asked: unknown[] = [];
  const caller: PathCaller = {
    ...{ name: "anna", seesAll: () => false, sees: () => true },
    act: async (action, object, { reason } = {}) => void acted.push(`${action} ${object.metadata.name} ${reason}`),
  };
  const options = {
    services: copyOf({ "default/auth": service({ spring: {} }) }),
    instances: copyOf({ a: instance("auth-0", "one"), b: instance("auth-1", "two") }),
    peers: {
      askAgent: async (host: string, method: string, params: unknown) => {
        asked.push([host, method, params]);
        if (host === "two") throw new OrreryError("link/no-agent", "the agent of host two is not connected");
        return { untilMs: 1_000 };
      },
    },
  };
  const { items } = await changeLevels({ service: "auth", level: "debug", for: "10m", reason: "why so slow" }, caller, options);
  assert.deepEqual(items, [
    { instance: "auth-0", host: "one", outcome: "done", until: "1970-01-01T00:00:01.000Z" },
    { instance: "auth-1", host: "two", outcome: "refused", code: "link/no-agent", message: "the agent of host two is not connected" },
  ]);
  assert.deepEqual(acted, ["log-level auth debug for 10m: why so slow"]);
  assert.deepEqual(asked[0], ["one", "logs/level", { namespace: "default", instance: "auth-0", level: "debug", forMs: 600_000 }]);
  await assert.rejects(changeLevels({ service: "auth", level: "debug", for: "25h" }, caller, options), { code: "logs/invalid" });
  await assert.rejects(changeLevels({ service: "auth", level: "loud" }, caller, options), { code: "logs/invalid" });
  await assert.rejects(changeLevels({ service: "pay", level: "debug" }, caller, options), { code: "store/missing" });
  await assert.rejects(changeLevels({ service: "auth", level: "debug" }, { ...caller, sees: () => false }, options), { code: "store/missing" });
  await assert.rejects(changeLevels({ service: "auth", level: "debug" }, caller, { ...options, services: copyOf({ "default/auth": service() }) }), {
    code: "logs/invalid",
  });
  asked.length = 0;
  const forbidden: PathCaller = { ...caller, act: async () => Promise.reject(new OrreryError("api/forbidden", "no")) };
  await assert.rejects(changeLevels({ service: "auth", level: "debug" }, forbidden, options), { code: "api/forbidden" });
  assert.deepEqual(asked, []);
});
