/** The message bus of a whole site: there when the Site says so, started again when it dies, gone when it is not wanted. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { SITE_NAME, site as siteKind } from "#/model/index.ts";
import { BrokerProcess } from "./broker-process.ts";
import { RunningSite } from "./running-site.ts";

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 120_000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, "it has not come about in two minutes");
    await wait(25);
  }
}

test("a site has a bus while it says so, on the same port after a kill, and keeps what was confirmed", async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-bus-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, "site.yaml"), "apiVersion: orrery.dev/v1\nkind: Site\nmetadata: { name: site }\n");
  const site = new RunningSite(folder);
  context.after(() => site.close());
  assert.equal((await site.up()).status, 0);
  const read = (file: string): Record<string, unknown> => {
    const text = path.join(site.data, file);
    return existsSync(text) ? (JSON.parse(readFileSync(text, "utf8")) as Record<string, unknown>) : {};
  };
  const bus = (): string | undefined => read("endpoints.json")["bus"] as string | undefined;
  const pid = (): number => Number(read("run/broker.json")["pid"] ?? 0);
  assert.equal(bus(), undefined, "none is asked for");
  assert.equal(pid(), 0);
  await site.store.patch(siteKind, { name: SITE_NAME }, { type: "merge", body: { spec: { bus: {} } } });
  await until(() => bus() !== undefined);
  const first = { url: bus(), pid: pid() };
  assert.match(first.url ?? "", /^amqp:\/\/127\.0\.0\.1:\d+$/);
  // As any client of this machine's user finds it.
  const broker = new BrokerProcess(site.data);
  const client = await broker.connect();
  const channel = await client.createConfirmChannel();
  await channel.assertQueue("jobs");
  channel.sendToQueue("jobs", Buffer.from("kept"), { persistent: true });
  await channel.waitForConfirms();
  process.kill(first.pid, "SIGKILL");
  await until(() => pid() !== first.pid && read("run/broker.json")["readyAt"] !== undefined);
  assert.equal(bus(), first.url);
  const again = await broker.connect();
  const message = await (await again.createChannel()).get("jobs", { noAck: true });
  assert.ok(message !== false && message.content.toString() === "kept");
  assert.match((await site.orrery("status", "--wide")).out + (await site.orrery("status")).out, /broker/);
  await site.store.patch(siteKind, { name: SITE_NAME }, { type: "merge", body: { spec: { bus: null } } });
  await until(() => bus() === undefined);
  assert.ok(!existsSync(`/proc/${pid()}`) || pid() === 0);
});
