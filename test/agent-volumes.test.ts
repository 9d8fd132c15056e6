import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { type Instance, instance, VOLUME_FINALIZER, VOLUME_HAD_ANNOTATION, volume } from "#/model/index.ts";
import { HOST, TestSite } from "./agent-site.ts";

let site: TestSite;
const volumes = [{ name: "my-data", path: "var/data" }];
const folderOf = (service: string, slot = 0): string =>
  path.join(realpathSync(site.data), "agent", "volumes", "default", service, "my-data", String(slot));
const workOf = (one: Instance, file: string): string => path.join(site.data, "agent", "instances", one.metadata.uid, "work", file);
const remove = async (name: string): Promise<void> => {
  await site.store.delete(instance, { name });
  await site.gone(name);
};
const makeVolume = (service: string, annotations: Record<string, string> = {}) =>
  site.store.create(volume, {
    metadata: {
      annotations,
      name: `${service}.my-data.0`,
      namespace: "default",
      finalizers: [VOLUME_FINALIZER],
    },
    spec: { service, volume: "my-data", slot: 0, host: HOST },
  });
const until = async (isSo: () => Promise<boolean> | boolean, what: string): Promise<void> => {
  for (const lateMs = Date.now() + 10_000; Date.now() < lateMs; await new Promise((resolve) => setTimeout(resolve, 20))) if (await isSo()) return;
  assert.fail(what);
};

describe("a volume", () => {
  before(async () => {
    site = await TestSite.open();
    await site.startAgent();
  });
  after(() => site.close());

  it("is there for each instance of its service and slot, outlives them, and is told by variable and path", async () => {
    await site.create({ volumes }, "db-v1-0");
    const first = await site.ready("db-v1-0");
    const env = JSON.parse(await site.ask(first, "/env")) as Record<string, string>;
    assert.equal(env["VOLUME_MY_DATA"], folderOf("db"));
    writeFileSync(workOf(first, "var/data/rows"), "42");
    assert.equal(readFileSync(path.join(folderOf("db"), "rows"), "utf8"), "42");
    await remove("db-v1-0");
    assert.equal(existsSync(workOf(first, ".")), false);
    await site.create({ volumes, revision: "db-v2", version: "v2" }, "db-v2-0");
    const second = await site.ready("db-v2-0");
    assert.equal(readFileSync(workOf(second, "var/data/rows"), "utf8"), "42");
    await site.create({ volumes, slot: 1, revision: "db-v2" }, "db-v2-1");
    const other = await site.ready("db-v2-1");
    assert.equal(existsSync(workOf(other, "var/data/rows")), false);
    assert.ok(existsSync(folderOf("db", 1)));
    await remove("db-v2-0");
    await remove("db-v2-1");
  });

  it("of two instances at once, of which neither is exclusive, is warned of", async () => {
    await site.create({ volumes }, "two-v1-0");
    await site.ready("two-v1-0");
    await site.create({ volumes, revision: "two-v2" }, "two-v2-0");
    await site.ready("two-v2-0");
    const shared = async (): Promise<string[]> =>
      (await site.store.events()).filter((one) => one.reason === "VolumeShared").map((one) => one.involvedObject.name);
    assert.deepEqual(await shared(), ["two-v2-0"]);
    await site.create({ volumes, revision: "two-v3", exclusive: true, duty: "passive" }, "two-v3-0");
    await site.ready("two-v3-0");
    assert.deepEqual(await shared(), ["two-v2-0"]);
  });

  it("is told of by its host, and removed by a person's deletion alone, when nothing uses it", async () => {
    await site.create({ volumes }, "rm-v1-0");
    const one = await site.ready("rm-v1-0");
    writeFileSync(workOf(one, "var/data/rows"), "1");
    await makeVolume("rm");
    await until(async () => (await site.store.get(volume, { name: "rm.my-data.0" }))?.status?.folder === folderOf("rm"), "told where it is");
    // What stands outside is not removed with it.
    const outside = path.join(site.folder, "outside");
    mkdirSync(outside);
    writeFileSync(path.join(outside, "kept"), "1");
    symlinkSync(outside, path.join(folderOf("rm"), "link"));
    await site.store.delete(volume, { name: "rm.my-data.0" });
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.ok(existsSync(path.join(folderOf("rm"), "rows")), "it is used");
    await remove("rm-v1-0");
    await until(async () => (await site.store.get(volume, { name: "rm.my-data.0" })) === undefined, "removed");
    assert.equal(existsSync(folderOf("rm")), false);
    assert.ok(existsSync(path.join(outside, "kept")));
  });

  it("never has the data of one of the same name that has gone without its folder: that is kept beside, and said", async () => {
    const name = "lost.my-data.0";
    const first = await makeVolume("lost");
    await site.create({ volumes }, "lost-v1-0");
    writeFileSync(workOf(await site.ready("lost-v1-0"), "var/data/rows"), "old");
    await remove("lost-v1-0");
    // Its host was taken for gone: nobody removed the folder.
    await site.agent?.end("leave");
    await site.store.delete(volume, { name });
    await site.store.patch(volume, { name }, { type: "merge", body: { metadata: { finalizers: [] } } });
    await makeVolume("lost");
    await site.startAgent();
    await site.create({ volumes, revision: "lost-v2" }, "lost-v2-0");
    const one = await site.ready("lost-v2-0");
    assert.equal(existsSync(workOf(one, "var/data/rows")), false);
    const kept = `${folderOf("lost")}.of-${first.metadata.uid.slice(0, 8)}`;
    assert.equal(readFileSync(path.join(kept, "rows"), "utf8"), "old");
    await until(
      async () => (await site.store.get(volume, { name }))?.status?.conditions?.some((each) => each.reason === "SetAside") === true,
      "the condition",
    );
    const [told] = (await site.store.events()).filter((each) => each.reason === "VolumeSetAside");
    assert.match(told?.message ?? "", /held data of a volume of the same name that is gone .*it was not used, and is kept in .*\.of-/);
    writeFileSync(workOf(one, "var/data/rows"), "new");
    await remove("lost-v2-0");
    // The same, where an instance went on with it.
    await site.agent?.end("leave");
    await site.store.delete(volume, { name });
    await site.store.patch(volume, { name }, { type: "merge", body: { metadata: { finalizers: [] } } });
    await makeVolume("lost", { [VOLUME_HAD_ANNOTATION]: "lost-v2-0" });
    await site.startAgent();
    await site.create({ volumes, revision: "lost-v3" }, "lost-v3-0");
    assert.equal(readFileSync(workOf(await site.ready("lost-v3-0"), "var/data/rows"), "utf8"), "new");
    assert.ok((await site.store.events()).some((each) => each.reason === "VolumeTakenOver"));
  });

  it("that stands where something else is keeps its instance from starting, and says so", async () => {
    await site.create({ volumes: [{ name: "my-data", path: "service.mjs" }] }, "bad-v1-0");
    const one = await site.until("bad-v1-0", (status) => status.conditions?.some((condition) => condition.reason === "StartFailed") === true);
    assert.match(one.status?.conditions?.find((condition) => condition.type === "Ready")?.message ?? "", /give the volume another path/);
  });
});
