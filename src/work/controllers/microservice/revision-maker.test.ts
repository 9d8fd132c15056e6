import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrreryError, OrreryError } from "#/base/index.ts";
import { type Microservice, microservice, type Revision } from "#/model/index.ts";
import type { ObjectInput, Store } from "#/state/store/index.ts";
import { makeRevision } from "./revision-maker.ts";

const spec = microservice.spec.parse({ template: { version: "v1", run: { command: ["node"] } } });
const service = (uid: string): Microservice =>
  ({ apiVersion: "orrery.dev/v1", kind: "Microservice", metadata: { name: "auth", uid }, spec }) as unknown as Microservice;

/** As much of a store as is needed here. */
class OneRevision {
  object: Revision | undefined;
  asStore(): Store {
    return this as unknown as Store;
  }
  async get(): Promise<Revision | undefined> {
    return this.object;
  }
  async create(_kind: unknown, input: ObjectInput): Promise<Revision> {
    if (this.object !== undefined) throw new OrreryError("store/exists", "there is one");
    this.object = input as unknown as Revision;
    return this.object;
  }
}

test("a revision made again is the same", async () => {
  const store = new OneRevision();
  const made = await makeRevision(store.asStore(), service("a"), async () => undefined);
  assert.match(made.metadata.name, /^auth-v1-[0-9a-f]{8}$/);
  assert.equal(await makeRevision(store.asStore(), service("a"), async () => undefined), made);
});

test("a revision of a deleted service of the same name is not taken over: it goes with its owner", async () => {
  const store = new OneRevision();
  await makeRevision(store.asStore(), service("a"), async () => undefined);
  await assert.rejects(
    makeRevision(store.asStore(), service("b"), async () => undefined),
    (error) => isOrreryError(error, "store/conflict"),
  );
  store.object = undefined;
  const anew = await makeRevision(store.asStore(), service("b"), async () => undefined);
  assert.equal(anew.metadata.ownerReferences?.[0]?.uid, "b");
});
