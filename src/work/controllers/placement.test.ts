import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host, Instance } from "#/model/index.ts";
import { chooseHost, placeableHosts } from "./placement.ts";

const hostOf = (name: string, spec: object = {}, metadata: object = {}): Host =>
  ({ metadata: { name, ...metadata }, spec: { cordoned: false, ...spec } }) as unknown as Host;

test("an instance goes to the host with the fewest that run: runs of jobs that are over do not count, nor do hosts that cannot take any", () => {
  const sizes: Readonly<Record<string, Readonly<Record<string, number>>>> = { host: { a: 5, b: 3, full: 2 }, over: { a: 4 } };
  const caches = {
    hosts: {
      values: () => [
        hostOf("b"),
        hostOf("a"),
        hostOf("full", { instancesMax: 2 }),
        hostOf("closed", { cordoned: true }),
        hostOf("away"),
        hostOf("going", {}, { deletionTimestamp: "t" }),
      ],
    },
    instances: { byIndex: (index: string, name: string) => new Set(Array.from({ length: sizes[index]?.[name] ?? 0 }, () => ({}) as Instance)) },
  } as unknown as Parameters<typeof placeableHosts>[0];
  const hosts = placeableHosts(caches, (name) => name !== "away");
  assert.deepEqual(hosts, [
    { name: "a", load: 1 },
    { name: "b", load: 3 },
    { name: "full", load: 2, instancesMax: 2 },
  ]);
  const load = new Map(hosts.map((one) => [one.name, one.load]));
  assert.deepEqual(
    Array.from({ length: 5 }, () => chooseHost(hosts, load)),
    ["a", "a", "a", "b", "a"],
  );
  assert.equal(chooseHost([], new Map()), undefined);
});
