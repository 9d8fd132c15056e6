import assert from "node:assert/strict";
import { test } from "node:test";
import { Lifecycle, port } from "#/base/index.ts";
import type { Link } from "./contract.ts";
import { type HostPart, joinWorkers, partPorts, startHostParts } from "./host-part.ts";

test("parts of a host start in their order, give values to those behind them, and speak as one over the link", async () => {
  const COUNT = port<number>("count");
  const heard: string[] = [];
  const first: HostPart = {
    name: "first",
    start({ give }) {
      give(COUNT, 7);
      return { handlers: { calls: { "a/get": async () => 1 } }, connected: () => void heard.push("first") };
    },
  };
  const second: HostPart = {
    name: "second",
    start: ({ use }) => ({ handlers: { calls: { "b/get": async () => use(COUNT) } }, connected: () => void heard.push("second") }),
  };
  const context = { ...partPorts(), lifecycle: new Lifecycle() };
  const joined = joinWorkers(await startHostParts([first, second], context));
  assert.equal(await joined.handlers.calls?.["b/get"]?.({}, new AbortController().signal), 7);
  joined.connected({} as Link);
  assert.deepEqual(heard, ["first", "second"]);
});

test("a value that no part before has given, and a method that two parts answer, are told", () => {
  assert.throws(() => partPorts().use(port("table")), { code: "part/not-given", message: /^table is used/ });
  const one = { handlers: { notices: { "a/said": () => {} } } };
  assert.throws(() => joinWorkers([one, one]), { code: "part/twice", message: /two parts answer a\/said/ });
});
