import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { host, instance } from "#/model/index.ts";
import { HOST, TestSite } from "./agent-site.ts";

let site: TestSite;
before(async () => {
  site = await TestSite.open();
  await site.startAgent();
});
after(() => site.close());

describe("an instance", () => {
  it("is started in its folder with its files, port, address and environment, becomes ready, and is stopped when it is deleted", async () => {
    const made = await site.create({ env: [{ name: "COLOUR", value: "blue" }] }, "auth-v1-0");
    const one = await site.ready("auth-v1-0");
    const env = JSON.parse(await site.ask(one, "/env")) as Record<string, string>;
    assert.equal(env["COLOUR"], "blue");
    assert.equal(env["ORRERY_INSTANCE"], made.metadata.uid);
    assert.equal(env["ORRERY_SERVICE"], "auth");
    assert.equal(env["HTTP_PROXY"], `http://${one.status?.callerAddress}:3128`);
    assert.match(one.status?.callerAddress ?? "", /^127\.\d+\.\d+\.\d+$/);
    assert.equal(env["CWD"], path.join(site.data, "agent", "instances", made.metadata.uid, "work"));
    assert.equal(Number(env["PID"]), one.status?.pid);
    assert.equal(one.status?.phase, "Running");
    assert.equal(await site.ask(one, "/state"), "active");
    await site.store.delete(instance, { name: "auth-v1-0" });
    await site.gone("auth-v1-0");
    assert.deepEqual(site.pids(one), []);
  });
});
