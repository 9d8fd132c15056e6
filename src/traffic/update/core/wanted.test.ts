import assert from "node:assert/strict";
import { test } from "node:test";
import type { Microservice } from "#/model/index.ts";
import { type Wanted, WantedRevisions } from "./wanted.ts";

function service(name: string, revision: string | undefined, more: { observed?: number; deleted?: boolean; failed?: boolean } = {}): Microservice {
  return {
    metadata: { name, generation: 1, ...(more.deleted === true ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}) },
    status: {
      ...(revision === undefined ? {} : { revision }),
      observedGeneration: more.observed ?? 1,
      conditions:
        more.failed === true ? [{ type: "Ready", status: "False", reason: "RevisionFailed", message: "no such file", lastTransitionTime: "" }] : [],
    },
  } as unknown as Microservice;
}

test("the map is the same object until what is wanted changes", () => {
  const wanted = new WantedRevisions();
  wanted.put(service("a", "a-1"));
  wanted.put(service("b", "b-1"));
  const first = wanted.now();
  assert.deepEqual(
    [...first.map],
    [
      ["a", "a-1"],
      ["b", "b-1"],
    ],
  );
  wanted.put(service("a", "a-1"));
  wanted.put(service("b", "b-2"));
  wanted.put(service("b", "b-1"));
  assert.equal(wanted.now().map, first.map);
  wanted.put(service("a", "a-2"));
  assert.notEqual(wanted.now().map, first.map);
  assert.equal(wanted.now().map.get("a"), "a-2");
  assert.equal(first.map.get("a"), "a-1", "what was handed out never changes");
});

test("a service that is being deleted, or gone, is not wanted", () => {
  const wanted = new WantedRevisions();
  wanted.put(service("a", "a-1"));
  wanted.put(service("b", "b-1"));
  wanted.put(service("a", "a-1", { deleted: true }));
  wanted.remove("b");
  wanted.remove("unknown");
  assert.equal(wanted.now().map.size, 0);
});

test("a revision is being made until its template has been observed, unless it cannot be made", () => {
  const unmade = (...services: Microservice[]) => [...wantedRevisions(services).unmade];
  assert.deepEqual(unmade(service("a", "a-1")), []);
  assert.deepEqual(unmade(service("a", "a-1", { observed: 0 })), [["a", undefined]]);
  assert.deepEqual(unmade(service("a", "a-1", { observed: 0, failed: true })), [["a", "no such file"]]);
  const wanted = new WantedRevisions();
  wanted.put(service("a", undefined, { observed: 0 }));
  assert.deepEqual([wanted.now().unmade.size, wanted.now().map.size], [1, 0]);
  wanted.remove("a");
  assert.equal(wanted.now().unmade.size, 0);
});

/** What templates of `services` say. */
function wantedRevisions(services: Iterable<Microservice>): Wanted {
  const wanted = new WantedRevisions();
  for (const one of services) wanted.put(one);
  return wanted.now();
}
