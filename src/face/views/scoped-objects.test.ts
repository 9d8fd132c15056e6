import assert from "node:assert/strict";
import { test } from "node:test";
import { microservice, type StoredObject } from "#/model/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { ViewWish } from "./protocol.ts";
import { condition, startRig, stored } from "./rig.ts";

const other: Identity = { name: "other", uid: "u1", groups: [], via: "session" };
const OBJECTS = 200;

test("rights are asked once for each version of an object, however many views there are", async () => {
  const { feeds, authorizer, connect, pass } = startRig();
  const put = (index: number, team = `t${index % 10}`): void =>
    feeds.microservices.put(stored(microservice, `s${index}`, { labels: { team }, status: condition("Ready") }));
  for (let index = 0; index < OBJECTS; index++) put(index);
  let asked = 0;
  authorizer.hidden.set("microservices", (object: StoredObject) => {
    asked += 1;
    return object.metadata.labels?.["team"] === "t1";
  });
  const client = connect(other);
  const wishes: readonly ViewWish[] = [
    ...["name", "state", "Ready", "created"].map((by) => ({ of: "objects" as const, resource: "microservices", sort: { by } })),
    ...["s1", "s2", "ready"].map((search) => ({ of: "objects" as const, resource: "microservices", search })),
    { of: "counts", resource: "microservices", by: "state" },
    { of: "callTable" },
    { of: "calls" },
  ];
  for (const [index, wish] of wishes.entries()) client.open(`v${index}`, wish);
  await pass(10_000);
  assert.equal(client.copies.get("v0")?.total, OBJECTS / 10);
  assert.equal(client.copies.get("v7")?.total, OBJECTS / 10);
  assert.equal(asked, OBJECTS);
  put(0, "t1");
  put(1, "t2");
  feeds.microservices.delete("default/s11");
  await pass(1_000);
  assert.equal(client.copies.get("v0")?.total, OBJECTS / 10 - 1);
  assert.ok(client.keys("v0").includes("default/s0"));
  assert.equal(asked, OBJECTS + 2);
  for (const index of wishes.keys()) client.say({ op: "close", id: `v${index}` });
  await pass();
  put(2);
  await pass(1_000);
  const before = asked;
  put(3);
  await pass(1_000);
  assert.equal(asked, before, "nobody looks any more");
});
