import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { ConfirmChannel } from "amqplib";
import { isOrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { openStore } from "#/messages/broker/store/index.ts";
import { BrokerProcess } from "./broker-process.ts";
import { fillDisk, freeDisk, mountDisk } from "./small-disk.ts";

/** More of them: `ORRERY_BROKER_KILLS=100`. */
const KILLS = Number(process.env["ORRERY_BROKER_KILLS"] ?? 10);

const WAITING = 300;

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-broker-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a broker that is killed under load loses nothing that it has confirmed, and keeps its order and its port", async (context) => {
  const broker = new BrokerProcess(newFolder(context));
  context.after(() => broker.kill("SIGKILL"));
  const confirmed = new Set<number>();
  let next = 0;
  const url = new Set<string>();
  for (let kill = 0; kill < KILLS; kill++) {
    await broker.start();
    url.add(broker.url.href);
    const channel = await (await broker.connect()).createConfirmChannel();
    channel.on("error", () => undefined);
    await channel.assertQueue("load");
    const confirmedBefore = confirmed.size;
    const killAt = confirmedBefore + 50 + Math.floor(systemRandom.next() * 500);
    let sent = 0;
    while (confirmed.size < killAt) {
      // Some hundred are always on their way, also when it is killed.
      for (; confirmedBefore + sent < confirmed.size + WAITING; sent++) publish(channel, next++, confirmed);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await broker.kill("SIGKILL");
  }
  assert.equal(url.size, 1);
  await broker.start();
  const client = await broker.connect();
  const channel = await client.createChannel();
  const { messageCount } = await channel.assertQueue("load");
  const found: number[] = [];
  await new Promise<void>((resolve) => {
    void channel.consume(
      "load",
      (message) => {
        found.push(Number(message?.content.toString()));
        if (found.length === messageCount) resolve();
      },
      { noAck: true },
    );
  });
  const there = new Set(found);
  assert.deepEqual(
    [...confirmed].filter((number) => !there.has(number)),
    [],
  );
  assert.ok(confirmed.size >= KILLS * 50);
  assert.deepEqual(
    found,
    found.toSorted((a, b) => a - b),
  );
  assert.equal(there.size, found.length, "none twice");
  await client.close();
  await broker.kill("SIGTERM");
});

function publish(channel: ConfirmChannel, number: number, confirmed: Set<number>): void {
  try {
    channel.sendToQueue("load", Buffer.from(String(number).padEnd(500)), { persistent: true }, (error) => {
      if (error === null) confirmed.add(number);
    });
  } catch {
    // The channel has gone with its broker.
  }
}

test("a full disk refuses what comes, and what was confirmed is there when it has room again", async (context) => {
  const opened: { close?: () => Promise<void> } = {};
  const disk = mountDisk(context, "6m", async () => opened.close?.());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const folder = path.join(disk, "broker");
  const failures: Error[] = [];
  const open = (): ReturnType<typeof openStore> => {
    const store = openStore({
      folder,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      segmentBytes: 256 * 1024,
      onFailed: (error) => failures.push(error),
    });
    opened.close = () => store.journal.close();
    return store;
  };
  const { broker, journal } = open();
  const queue = broker.declareQueue({ name: "q", isDurable: true, isExclusive: false, isAutoDelete: false, args: new Map() }, {});
  const message = { exchange: "", routingKey: "q", properties: Buffer.from([0x10, 0, 2]), body: Buffer.alloc(10_000, 7) };
  const facts = { isPersistent: true, priority: 0, expirationMs: undefined, headers: undefined, replyTo: undefined, userId: undefined };
  const publishOne = (): Promise<void> =>
    new Promise((resolve, reject) => {
      broker.publish(broker.getExchange(""), message, facts);
      journal.commit((error) => (error === undefined ? resolve() : reject(error)));
    });
  let confirmed = 0;
  for (; confirmed < 50; confirmed++) await publishOne();
  fillDisk(disk);
  let refused: unknown;
  for (let tries = 0; refused === undefined && tries < 100; tries++)
    await publishOne().then(
      () => (confirmed += 1),
      (error: unknown) => {
        refused = error;
      },
    );
  assert.ok(isOrreryError(refused, "broker/not-kept"), String(refused));
  assert.equal(failures.length, 1);
  freeDisk(disk);
  await assert.rejects(publishOne(), "room does not make it believed again: what it lost is not known");
  await journal.close();
  const after = open();
  assert.deepEqual(after.damaged, []);
  assert.ok((after.broker.findQueue("q")?.readyCount ?? 0) >= confirmed);
  assert.ok(queue.readyCount > confirmed);
  await after.journal.close();
});
