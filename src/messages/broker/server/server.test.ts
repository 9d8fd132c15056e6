import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type ChannelModel, type ConsumeMessage, connect, type GetMessage, type Options } from "amqplib";
import { LastGuard, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { Broker, memoryJournal } from "../model/index.ts";
import { type Authority, type BrokerServer, type ServerLimits, startBrokerServer } from "./index.ts";

/** `ann` may do everything, `bob` only what begins with `bob.`. */
const authority: Authority = {
  async authenticate(name, password) {
    if (password !== "right") return undefined;
    return { name, may: (_action, _of, what) => name === "ann" || what.startsWith("bob.") };
  },
};

interface Rig {
  readonly server: BrokerServer;
  readonly broker: Broker;
  readonly guard: LastGuard;
  readonly disk: { freeBytes: number };
  connect(user?: string, options?: Options.Connect, password?: string): Promise<ChannelModel>;
  raw(): Promise<Socket>;
}

async function start(context: TestContext, limits: Partial<ServerLimits> = {}): Promise<Rig> {
  const guard = new LastGuard({ clock: systemClock, log: silentLog, giveUp: () => undefined });
  const broker = new Broker({ clock: systemClock, random: systemRandom, journal: memoryJournal });
  const disk = { freeBytes: 1e12 };
  const server = await startBrokerServer({
    broker,
    authority,
    host: "127.0.0.1",
    port: 0,
    version: "test",
    clock: systemClock,
    log: silentLog,
    guard,
    freeBytes: async () => disk.freeBytes,
    limits,
  });
  const clients: ChannelModel[] = [];
  context.after(async () => {
    for (const client of clients) streamOf(client).destroy();
    await server.stop();
    assert.equal(guard.count, 0, guard.last ?? "");
  });
  return {
    server,
    broker,
    guard,
    disk,
    async connect(username = "ann", options = {}, password = "right") {
      const client = await connect({ hostname: "127.0.0.1", port: server.port, username, password, ...options });
      client.on("error", () => undefined);
      clients.push(client);
      return client;
    },
    async raw() {
      const socket = connectTcp(server.port, "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect");
      return socket;
    },
  };
}

/** The client's own socket, to do to it what networks do. */
function streamOf(client: ChannelModel): Socket {
  return (client.connection as unknown as { readonly stream: Socket }).stream;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, "it has not come about in a minute");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("amqplib publishes, consumes, gets, confirms and is returned what nobody takes", async (context) => {
  const rig = await start(context);
  const client = await rig.connect();
  const channel = await client.createConfirmChannel();
  await channel.assertExchange("station", "topic");
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "station", "station.*.fault");
  const got: ConsumeMessage[] = [];
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message === null) return;
    got.push(message);
    channel.ack(message);
  });
  const returned: string[] = [];
  channel.on("return", (message: { readonly content: Buffer }) => void returned.push(message.content.toString()));
  const headers = { text: "星", number: 5, flag: true, list: [1, "two", { three: 3 }], none: null };
  for (const size of [0, 1, 1000, 131_064, 1_000_000])
    channel.publish("station", "station.antenna.fault", Buffer.alloc(size, 7), { persistent: true, headers, messageId: String(size), timestamp: 5 });
  channel.publish("station", "elsewhere", Buffer.from("nobody"), { mandatory: true });
  await channel.waitForConfirms();
  await until(() => got.length === 5);
  assert.deepEqual(
    got.map(({ content }) => content.length),
    [0, 1, 1000, 131_064, 1_000_000],
  );
  assert.deepEqual(got[2]?.properties.headers, headers);
  assert.equal(got[2]?.properties.messageId, "1000");
  assert.deepEqual(returned, ["nobody"]);
  await channel.cancel(consumerTag);
  channel.sendToQueue(queue, Buffer.from("one"));
  await channel.waitForConfirms();
  const message = (await channel.get(queue)) as GetMessage;
  assert.equal(message.content.toString(), "one");
  channel.nack(message);
  const again = (await channel.get(queue)) as GetMessage;
  assert.equal(again.fields.redelivered, true);
  channel.reject(again, false);
  assert.equal(await channel.get(queue), false);
  assert.deepEqual(await channel.purgeQueue(queue), { messageCount: 0 });
  await channel.unbindQueue(queue, "station", "station.*.fault");
  await channel.assertExchange("second", "fanout");
  await channel.bindExchange("second", "station", "#");
  await channel.unbindExchange("second", "station", "#");
  await channel.deleteExchange("second");
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 0 });
  await channel.prefetch(3, true);
  await channel.recover();
  await channel.close();
});

test("a fault in one channel closes that channel with the protocol's number, and no other", async (context) => {
  const rig = await start(context);
  const client = await rig.connect();
  const other = await client.createChannel();
  const fault = async (run: (channel: Awaited<ReturnType<typeof client.createChannel>>) => Promise<unknown> | unknown): Promise<string> => {
    const channel = await client.createChannel();
    const failed = new Promise<string>((resolve) => channel.on("error", (error: Error) => resolve(error.message)));
    void Promise.resolve(run(channel)).catch(() => undefined);
    return (
      /code = (\d+)|\b(\d{3}) \(/
        .exec(await failed)
        ?.slice(1)
        .find(Boolean) ?? "?"
    );
  };
  assert.equal(await fault((channel) => channel.checkQueue("nowhere")), "404");
  assert.equal(await fault((channel) => channel.checkExchange("nowhere")), "404");
  assert.equal(await fault((channel) => channel.publish("nowhere", "k", Buffer.from("x"))), "404");
  assert.equal(await fault((channel) => channel.ack({ fields: { deliveryTag: 77 } } as never)), "406");
  assert.equal(await fault((channel) => channel.assertQueue("amq.mine")), "403");
  await other.assertQueue("q", { durable: false });
  assert.equal(await fault((channel) => channel.assertQueue("q", { durable: true })), "406");
  const stranger = await (await rig.connect()).createChannel();
  await stranger.assertQueue("theirs", { exclusive: true });
  assert.equal(await fault((channel) => channel.consume("theirs", () => undefined)), "405");
  assert.equal((await other.checkQueue("q")).messageCount, 0);
});

test("a fault of the protocol closes the connection with its number", async (context) => {
  const rig = await start(context);
  const close = async (run: (client: ChannelModel) => unknown): Promise<string> => {
    const client = await rig.connect();
    const failed = new Promise<string>((resolve) => client.on("error", (error: Error) => resolve(error.message)));
    void Promise.resolve(run(client)).catch(() => undefined);
    return /(\d{3})/.exec(await failed)?.[1] ?? "?";
  };
  assert.equal(await close(async (client) => (await client.createChannel()).assertExchange("e", "x-unknown")), "503");
  assert.equal(await close((client) => streamOf(client).write(Buffer.from([9, 0, 0, 0, 0, 0, 0, 0xce]))), "501");
  assert.equal(await close((client) => streamOf(client).write(Buffer.from([8, 0, 1, 0, 0, 0, 0, 0xce]))), "505");
  assert.equal(await close((client) => streamOf(client).write(Buffer.from([1, 0, 9, 0, 0, 0, 5, 0, 20, 0, 20, 1, 0xce]))), "504");
});

test("who one is and what one may do is asked at every door", async (context) => {
  const rig = await start(context);
  await assert.rejects(rig.connect("ann", {}, "wrong"), /ACCESS|403|refused|closed/i);
  await assert.rejects(rig.connect("ann", { vhost: "/other" }), /ConnectionClose|530/);
  const client = await rig.connect("bob");
  const may = async (run: (channel: Awaited<ReturnType<typeof client.createChannel>>) => Promise<unknown> | unknown): Promise<string> => {
    const channel = await client.createChannel();
    const failed = new Promise<string>((resolve) => channel.on("error", (error: Error) => resolve(error.message)));
    const done = Promise.resolve(run(channel)).then(
      () => "done",
      () => failed,
    );
    return /403/.test(await Promise.race([done, failed])) ? "403" : "done";
  };
  const ann = await (await rig.connect()).createChannel();
  await ann.assertQueue("secret");
  await ann.assertExchange("news", "fanout");
  assert.equal(await may((channel) => channel.assertQueue("bob.q")), "done");
  for (const run of [
    (channel) => channel.assertQueue("other"),
    (channel) => channel.assertQueue("bob.dlx", { deadLetterExchange: "news" }),
    (channel) => channel.assertExchange("bob.ae", "fanout", { alternateExchange: "news" }),
    (channel) => channel.assertExchange("other", "fanout"),
    (channel) => channel.deleteExchange("news"),
    (channel) => channel.deleteQueue("secret"),
    (channel) => channel.purgeQueue("secret"),
    (channel) => channel.bindQueue("bob.q", "news", ""),
    (channel) => channel.bindQueue("secret", "amq.fanout", ""),
    (channel) => channel.consume("secret", () => undefined),
    (channel) => channel.get("secret"),
    async (channel) => {
      channel.publish("news", "", Buffer.from("x"));
      await channel.checkQueue("bob.q");
    },
  ] as ((channel: Awaited<ReturnType<typeof client.createChannel>>) => Promise<unknown>)[])
    assert.equal(await may(run), "403", String(run));
});

test("a connection that goes takes with it what was its own, and gives back what it held, once", async (context) => {
  const rig = await start(context);
  const first = await rig.connect();
  const channel = await first.createChannel();
  await channel.assertQueue("own", { exclusive: true });
  await channel.assertQueue("q");
  for (const one of [channel, await first.createChannel()]) await one.consume("q", () => undefined);
  for (let index = 0; index < 10; index++) channel.sendToQueue("q", Buffer.from(String(index)));
  await until(() => rig.broker.findQueue("q")?.unackedCount === 10);
  streamOf(first).destroy();
  await until(() => rig.broker.findQueue("q")?.readyCount === 10);
  assert.equal(rig.broker.findQueue("own"), undefined);
  const second = await (await rig.connect()).createChannel();
  const bodies: string[] = [];
  await second.consume("q", (message) => void bodies.push(`${message?.content} ${message?.fields.redelivered}`), { noAck: true });
  await until(() => bodies.length === 10);
  assert.deepEqual(
    bodies,
    Array.from({ length: 10 }, (_, index) => `${index} true`),
  );
});

test("while there is an alarm nothing is taken and nothing is lost; acknowledging and getting go on, on the same connection, too", async (context) => {
  const rig = await start(context, { memoryBytesMax: 40_000, heldBytesMax: 5_000 });
  const client = await rig.connect();
  const blocked: string[] = [];
  client.on("blocked", (reason: string) => void blocked.push(reason));
  client.on("unblocked", () => void blocked.push("over"));
  const channel = await client.createConfirmChannel();
  await channel.assertQueue("q");
  const outcomes = new Map<number, string>();
  const send = (index: number): void =>
    void channel.sendToQueue("q", Buffer.alloc(1000, index), {}, (error) => outcomes.set(index, error === null ? "ack" : "nack"));
  for (let index = 0; index < 60; index++) send(index);
  await until(() => blocked.length === 1 && [...outcomes.values()].includes("nack"));
  assert.deepEqual(blocked, ["low on memory"]);
  const kept = (): number[] => [...outcomes].filter(([, outcome]) => outcome === "ack").map(([index]) => index);
  const got: number[] = [];
  for (;;) {
    const message = await channel.get("q");
    if (message === false) {
      if (blocked.length === 2) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    got.push(message.content[0] ?? -1);
    channel.ack(message);
  }
  await until(() => outcomes.size === 60);
  for (let message = await channel.get("q", { noAck: true }); message !== false; message = await channel.get("q", { noAck: true }))
    got.push(message.content[0] ?? -1);
  assert.deepEqual(got, kept(), "what was confirmed came, in order; what was refused did not");
  assert.ok(got.length > 30 && got.length < 60);
});

test("what waits is bounded for all connections together, and a message whose exchange has gone meanwhile costs its channel alone", async (context) => {
  const rig = await start(context, { heldBytesMaxOfAll: 3_000 });
  const client = await rig.connect();
  const keeper = await client.createChannel();
  await keeper.assertExchange("leaves", "fanout", { durable: false });
  rig.disk.freeBytes = 0;
  await until(() => rig.server.alarm !== undefined);
  const channel = await client.createConfirmChannel();
  const failed = new Promise<string>((resolve) => channel.on("error", (error: Error) => resolve(error.message)));
  channel.publish("leaves", "", Buffer.alloc(1000));
  await channel.checkExchange("amq.fanout");
  const other = await (await rig.connect()).createConfirmChannel();
  const outcomes: string[] = [];
  for (let index = 0; index < 3; index++)
    other.sendToQueue("nowhere", Buffer.alloc(900), {}, (error) => outcomes.push(error === null ? "ack" : "nack"));
  await until(() => outcomes.length === 1);
  await keeper.deleteExchange("leaves");
  rig.disk.freeBytes = 1e12;
  assert.match(await failed, /404/);
  await until(() => outcomes.length === 3);
  assert.deepEqual(outcomes, ["nack", "ack", "ack"]);
  await keeper.checkExchange("amq.fanout");
});

test("a disk that is nearly full is told at each door, and a declaration that is refused is not done", async (context) => {
  const rig = await start(context);
  const client = await rig.connect();
  const channel = await client.createChannel();
  channel.on("error", () => undefined);
  await channel.assertQueue("before");
  rig.disk.freeBytes = 0;
  await until(() => rig.server.alarm === "low on disk");
  await channel.assertQueue("before");
  await assert.rejects(channel.assertQueue("durable"), /406/);
  assert.equal(rig.broker.findQueue("durable"), undefined);
  rig.disk.freeBytes = 1e12;
  await until(() => rig.server.alarm === undefined);
  await (await client.createChannel()).assertQueue("durable");
});

test("who does not read is given a little, and costs nobody else anything", async (context) => {
  const rig = await start(context, { unreadBytesMax: 200_000 });
  const slow = await rig.connect();
  const fast = await (await rig.connect()).createConfirmChannel();
  await fast.assertQueue("q");
  await (await slow.createChannel()).consume("q", () => undefined, { noAck: true });
  streamOf(slow).pause();
  // More than the system's own buffers of a connection hold.
  await until(async () => {
    for (let index = 0; index < 100; index++) fast.sendToQueue("q", Buffer.alloc(50_000));
    await fast.waitForConfirms();
    return (rig.broker.findQueue("q")?.readyCount ?? 0) > 50;
  });
  streamOf(slow).resume();
  await until(() => rig.broker.findQueue("q")?.readyCount === 0);
});

test("whoever says nothing is cut off: at the beginning, and by missing heartbeats", async (context) => {
  const rig = await start(context, { handshakeMs: 100 });
  const silent = await rig.raw();
  await once(silent, "close");
  const stranger = await rig.raw();
  stranger.write("GET / HTTP/1.1\r\n\r\n");
  const [answer] = (await once(stranger, "data")) as [Buffer];
  assert.equal(answer.toString("latin1"), "AMQP\0\0\x09\x01");
  stranger.destroy();
  const client = await rig.connect("ann", { heartbeat: 1 });
  const stream = streamOf(client);
  for (let beats = 0; beats < 5; beats++) await once(stream, "readable");
  assert.equal(rig.server.connectionCount, 1, "a client that lives stays");
  stream.write = () => true;
  await until(() => rig.server.connectionCount === 0);
});

test("nobody beyond the bound is let in, and all are told when it ends", async (context) => {
  const rig = await start(context, { connectionsMax: 2 });
  const [first] = [await rig.connect(), await rig.connect()];
  await assert.rejects(rig.connect());
  const ended = new Promise<string>((resolve) => first.on("close", (error?: Error) => resolve(error?.message ?? "")));
  await rig.server.stop();
  assert.match(await ended, /320|CONNECTION/);
});

test("a message that is too large costs its channel, and bytes in any order cost their connection alone", async (context) => {
  const rig = await start(context, { messageBytesMax: 10_000 });
  const client = await rig.connect();
  const channel = await client.createChannel();
  const failed = new Promise<string>((resolve) => channel.on("error", (error: Error) => resolve(error.message)));
  channel.sendToQueue("q", Buffer.alloc(300_000));
  assert.match(await failed, /406/);
  const random = await rig.raw();
  random.write(Buffer.concat([Buffer.from("AMQP\0\0\x09\x01", "latin1"), Buffer.from([1, 0, 0, 0xff, 0xff, 0xff, 0xff])]));
  await once(random.resume(), "close");
  assert.equal((await (await client.createChannel()).assertQueue("still")).messageCount, 0);
  assert.ok((rig.server.port satisfies AddressInfo["port"]) > 0);
});
