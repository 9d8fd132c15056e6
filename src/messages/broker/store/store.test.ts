import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { isOrreryError, ManualClock, seededRandom, silentLog } from "#/base/index.ts";
import { writeProperties } from "#/messages/amqp/index.ts";
import { Channel } from "../model/index.ts";
import { table } from "../model/model-rig.ts";
import { type Disk, systemDisk } from "./disk.ts";
import { type OpenStore, openStore } from "./index.ts";
import type { SegmentJournalOptions } from "./segment-journal.ts";

const PERSISTENT = writeProperties({ deliveryMode: 2 });

interface Opened extends OpenStore {
  readonly clock: ManualClock;
  readonly failures: Error[];
  readonly confirms: string[];
  readonly got: string[];
  readonly channel: Channel;
  publish(queue: string, body: string): void;
  declare(name: string, args?: Readonly<Record<string, string | number | boolean>>): void;
  /** Resolves when all that was said is on disk. */
  committed(): Promise<void>;
}

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-broker-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(folder: string, more: Partial<SegmentJournalOptions> = {}): Opened {
  const clock = new ManualClock();
  const failures: Error[] = [];
  const confirms: string[] = [];
  const got: string[] = [];
  const onFailed = (error: Error): void => void failures.push(error);
  const store = openStore({ folder, clock, random: seededRandom(3), log: silentLog, onFailed, ...more });
  const owner = {};
  const channel = new Channel({
    broker: store.broker,
    owner,
    user: "guest",
    port: {
      deliver: (_tag, { message }) => void got.push(message.body.toString()),
      consumerCancelled() {},
      returned() {},
      confirm: (tag, isMultiple, isAck) => void confirms.push(`${isAck ? "ack" : "nack"}${isMultiple ? " to" : ""} ${tag}`),
      canTake: () => true,
    },
  });
  return {
    ...store,
    clock,
    failures,
    confirms,
    got,
    channel,
    publish: (routingKey, body) => channel.publish({ exchange: "", routingKey, properties: PERSISTENT, body: Buffer.from(body) }, false),
    declare: (name, args = {}) =>
      void store.broker.declareQueue({ name, isDurable: true, isExclusive: false, isAutoDelete: false, args: table(args) }, owner),
    committed: () => new Promise((resolve, reject) => store.journal.commit((error) => (error === undefined ? resolve() : reject(error)))),
  };
}

/** Bodies of all that is ready, in order. */
function drain({ channel, got }: Opened, queue: string): string[] {
  got.length = 0;
  channel.consume({ queue, consumerTag: "", isNoAck: true, isExclusive: false, args: new Map() }, () => undefined);
  return [...got];
}

const files = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".log"));

test("exchanges, queues, bindings and messages are there again, those that were taken are not", async (context) => {
  const folder = newFolder(context);
  const before = open(folder);
  before.broker.declareExchange({
    name: "e",
    type: "topic",
    isDurable: true,
    isAutoDelete: false,
    isInternal: false,
    args: table({ "alternate-exchange": "amq.fanout" }),
  });
  before.declare("q", { "x-max-priority": 3 });
  before.declare("gone");
  before.broker.bind({ source: "e", to: "queue", destination: "q", routingKey: "a.*", args: table({ n: 1 }) }, undefined);
  before.publish("q", "first");
  before.channel.publish(
    { exchange: "e", routingKey: "a.b", properties: writeProperties({ deliveryMode: 2, priority: 2 }), body: Buffer.from("high") },
    false,
  );
  before.channel.publish({ exchange: "", routingKey: "q", properties: writeProperties({}), body: Buffer.from("transient") }, false);
  before.publish("gone", "x");
  before.publish("q", "taken");
  before.broker.deleteQueue("gone", undefined);
  before.channel.get("q", false, (got) => before.channel.ack(got?.deliveryTag ?? 0, false));
  await before.journal.close();
  const after = open(folder);
  assert.deepEqual(after.damaged, []);
  assert.equal(after.broker.findQueue("gone"), undefined);
  assert.equal(after.broker.getExchange("e").options.alternate, "amq.fanout");
  after.channel.publish({ exchange: "e", routingKey: "a.c", properties: PERSISTENT, body: Buffer.from("bound") }, false);
  after.declare("q", { "x-max-priority": 3 });
  assert.deepEqual(drain(after, "q"), ["first", "taken", "bound"]);
  await after.journal.close();
  const last = open(folder);
  assert.equal(last.broker.findQueue("q")?.readyCount, 0);
  await last.journal.close();
});

test("nothing is confirmed before the sync that covers it has returned", async (context) => {
  const folder = newFolder(context);
  const events: string[] = [];
  const disk: Disk = {
    async append(descriptor, bytes) {
      events.push("write");
      await systemDisk.append(descriptor, bytes);
    },
    async sync(descriptor) {
      await systemDisk.sync(descriptor);
      events.push("synced");
    },
  };
  const store = open(folder, { disk });
  store.declare("q");
  store.channel.selectConfirms();
  await store.committed();
  for (let round = 0; round < 20; round++) {
    events.length = 0;
    const before = store.confirms.length;
    for (let index = 0; index < 5; index++) store.publish("q", "m");
    assert.equal(store.confirms.length, before);
    await store.committed();
    assert.deepEqual(events, ["write", "synced"]);
    assert.equal(store.confirms.at(-1), `ack to ${(round + 1) * 5}`);
    assert.equal(store.confirms.length, before + 1, "one answer for the whole batch");
  }
  await store.journal.close();
});

test("a disk that has refused a sync is never believed again", async (context) => {
  for (const call of ["append", "sync"] as const) {
    let isBroken = false;
    const refuse = async (): Promise<void> => {
      throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    };
    const disk: Disk = {
      append: (descriptor, bytes) => (isBroken && call === "append" ? refuse() : systemDisk.append(descriptor, bytes)),
      sync: (descriptor) => (isBroken && call === "sync" ? refuse() : systemDisk.sync(descriptor)),
    };
    const store = open(newFolder(context), { disk });
    store.declare("q");
    store.channel.selectConfirms();
    store.publish("q", "good");
    await store.committed();
    isBroken = true;
    store.publish("q", "lost");
    await assert.rejects(store.committed(), (error) => isOrreryError(error, "broker/not-kept"));
    isBroken = false;
    store.publish("q", "late");
    await assert.rejects(store.committed(), (error) => isOrreryError(error, "broker/not-kept"));
    assert.deepEqual(store.confirms, ["ack 1", "nack 2", "nack 3"]);
    assert.equal(store.failures.length, 1);
    await store.journal.close();
  }
});

test("wherever a loss of power cuts what was not synced, all that was confirmed is there, in order", async (context) => {
  const folder = newFolder(context);
  const store = open(folder);
  store.declare("q");
  store.channel.selectConfirms();
  await store.committed();
  const confirmed: string[] = [];
  const states: { readonly size: number; readonly confirmed: readonly string[] }[] = [];
  const [name = ""] = files(folder);
  for (let batch = 0; batch < 8; batch++) {
    const bodies = Array.from({ length: 3 }, (_, index) => `${batch}.${index} ${"x".repeat(batch * 30)}`);
    for (const body of bodies) store.publish("q", body);
    await store.committed();
    confirmed.push(...bodies);
    states.push({ size: statSync(path.join(folder, name)).size, confirmed: [...confirmed] });
  }
  await store.journal.close();
  for (const [index, { size, confirmed: expected }] of states.entries()) {
    const end = states[index + 1]?.size ?? size + 1;
    for (let cut = size; cut < end; cut += Math.max(1, Math.floor((end - size) / 9))) {
      const copy = newFolder(context);
      cpSync(folder, copy, { recursive: true });
      truncateSync(path.join(copy, name), cut);
      const after = open(copy);
      assert.deepEqual(after.damaged, [], "what a kill has cut off is no damage");
      assert.deepEqual(drain(after, "q").slice(0, expected.length), expected);
      await after.journal.close();
    }
  }
});

test("bytes that turn cost the records that they stand in, and are told; the rest is there", async (context) => {
  const folder = newFolder(context);
  const store = open(folder);
  store.declare("q");
  const bodies = Array.from({ length: 40 }, (_, index) => `message ${index}`);
  for (const body of bodies) store.publish("q", body);
  await store.journal.close();
  const [name = ""] = files(folder);
  const whole = readFileSync(path.join(folder, name));
  const from = whole.indexOf("message 0");
  // What is wrong with the last record may be a kill's.
  const to = whole.indexOf("message 38");
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: from, max: to }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const copy = newFolder(context);
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      writeFileSync(path.join(copy, name), bytes);
      const after = open(copy);
      const found = drain(after, "q");
      assert.equal(found.length, bodies.length - 1);
      assert.ok(found.every((body) => bodies.includes(body)));
      assert.equal(after.damaged.length, 1);
      assert.match(after.damaged[0] ?? "", /damaged/);
      await after.journal.close();
      assert.ok(readFileSync(path.join(copy, "damaged", name)).equals(bytes), "kept for a person to look at");
    }),
    { numRuns: 30 },
  );
});

test("how often a message was handed out survives a kill, and so does the limit of that", async (context) => {
  const folder = newFolder(context);
  const store = open(folder);
  store.declare("dead");
  store.declare("q", { "x-delivery-limit": 5, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" });
  store.declare("plain");
  for (const queue of ["q", "plain"]) store.publish(queue, "poison");
  await store.committed();
  let last = store;
  for (let delivery = 1; delivery <= 5; delivery++) {
    const tell: boolean[] = [];
    for (const queue of ["q", "plain"])
      await new Promise<void>((resolve) => last.channel.get(queue, false, (got) => resolve(void tell.push(got?.isRedelivered ?? false))));
    assert.deepEqual(tell, delivery === 1 ? [false, false] : [true, true]);
    assert.equal(last.broker.findQueue("dead")?.readyCount, 0);
    // Killed: nothing is given back, nothing is closed.
    await last.committed();
    const copy = newFolder(context);
    cpSync(folder, copy, { recursive: true });
    await last.journal.close();
    rmSync(folder, { recursive: true });
    cpSync(copy, folder, { recursive: true });
    last = open(folder);
  }
  assert.equal(last.broker.findQueue("q")?.readyCount, 0);
  assert.deepEqual(drain(last, "dead"), ["poison"]);
  await last.journal.close();
});

test("the disk comes back when messages are taken, also with one in the way that stays", async (context) => {
  const folder = newFolder(context);
  const segmentBytes = 64 * 1024;
  const store = open(folder, { segmentBytes });
  store.declare("stays");
  store.declare("q");
  store.publish("stays", "old");
  for (let round = 0; round < 120; round++) {
    for (let index = 0; index < 10; index++) store.publish("q", "x".repeat(1024));
    if (round % 10 === 0) store.publish("stays", `old ${round}`);
    await store.committed();
    drainAcked(store, "q");
  }
  for (let looks = 0; looks < 20; looks++) await store.committed();
  const { onDisk, needed } = store.journal.bytes;
  assert.ok(onDisk <= needed * 3 + 6 * segmentBytes, `${onDisk} bytes on disk, ${needed} needed`);
  assert.equal(
    files(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0),
    onDisk,
  );
  await store.journal.close();
  const after = open(folder, { segmentBytes });
  assert.deepEqual(drain(after, "stays"), ["old", ...Array.from({ length: 12 }, (_, index) => `old ${index * 10}`)]);
  assert.equal(after.broker.findQueue("q")?.readyCount, 0);
  await after.journal.close();
});

function drainAcked({ channel }: Opened, queue: string): void {
  for (let isEmpty = false; !isEmpty; )
    channel.get(queue, false, (got) => {
      isEmpty = got === undefined;
      if (got !== undefined) channel.ack(got.deliveryTag, false);
    });
}

test("whatever was done before it, a broker that begins again holds what the former one held", async (context) => {
  const act = fc.oneof(
    fc.record({ do: fc.constant("publish" as const), to: fc.nat(2) }),
    fc.record({ do: fc.constant("fanout" as const), to: fc.nat(2) }),
    fc.record({ do: fc.constantFrom("take" as const, "reject" as const, "requeue" as const, "purge" as const, "delete" as const), to: fc.nat(2) }),
    fc.record({ do: fc.constantFrom("commit" as const, "restart" as const), to: fc.constant(0) }),
  );
  const args = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q0", "x-max-length": 7 };
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 50 }), async (acts) => {
      const folder = newFolder(context);
      let store = open(folder, { segmentBytes: 600 });
      const prepare = (): void => {
        for (const at of [0, 1, 2]) {
          store.declare(`q${at}`, at === 0 ? {} : args);
          store.broker.bind({ source: "amq.fanout", to: "queue", destination: `q${at}`, routingKey: "", args: new Map() }, undefined);
        }
      };
      const contents = (): unknown =>
        [0, 1, 2].map((at) => [store.broker.findQueue(`q${at}`)?.readyCount, store.broker.findQueue(`q${at}`)?.options.id]);
      const restart = async (): Promise<void> => {
        const before = contents();
        await store.journal.close();
        store = open(folder, { segmentBytes: 600 });
        assert.deepEqual(store.damaged, []);
        assert.deepEqual(contents(), before);
      };
      prepare();
      let next = 0;
      for (const { do: what, to } of acts) {
        const queue = `q${to}`;
        if (what === "publish") store.publish(queue, String(next++));
        if (what === "fanout")
          store.channel.publish({ exchange: "amq.fanout", routingKey: "", properties: PERSISTENT, body: Buffer.from(String(next++)) }, false);
        if (what === "take" || what === "reject" || what === "requeue")
          store.channel.get(queue, false, (got) => {
            if (got === undefined) return;
            if (what === "take") store.channel.ack(got.deliveryTag, false);
            else store.channel.nack(got.deliveryTag, false, what === "requeue");
          });
        if (what === "purge") store.broker.findQueue(queue)?.purge();
        if (what === "delete") {
          store.broker.deleteQueue(queue, undefined);
          prepare();
        }
        if (what === "commit") await store.committed();
        if (what === "restart") await restart();
      }
      await restart();
      const inOrder = drain(store, "q1").map(Number);
      assert.deepEqual(
        inOrder,
        inOrder.toSorted((a, b) => a - b),
      );
      await store.journal.close();
      rmSync(folder, { recursive: true });
    }),
    { numRuns: 40 },
  );
});
