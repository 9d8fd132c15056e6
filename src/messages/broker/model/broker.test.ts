import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import {
  EMPTY_TABLE,
  type FieldTable,
  type FieldValue,
  fieldNumber,
  fieldText,
  type Properties,
  readProperties,
  textField,
} from "#/messages/amqp/index.ts";
import { type Broker, checkReplyQueue, commandInvalid, notAllowed, notFound, notImplemented, preconditionFailed, REPLY_TO } from "./index.ts";
import { ModelRig, table } from "./model-rig.ts";

const PERSISTENT: Properties = { deliveryMode: 2 };

function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isOrreryError(error)) return error.code;
    throw error;
  }
  return "nothing";
}

const headersOf = (properties: Buffer): FieldTable => readProperties(properties).headers ?? EMPTY_TABLE;

/** `queue/reason` and how often, newest first. */
function deathsOf(properties: Buffer): string[] {
  const field = headersOf(properties).get("x-death");
  assert.equal(field?.tag, "A");
  return (field as { readonly value: readonly FieldValue[] }).value.map((one) => {
    const death = (one as { readonly value: FieldTable }).value;
    return `${fieldText(death.get("queue"))}/${fieldText(death.get("reason"))} ${fieldNumber(death.get("count"))}`;
  });
}

test("each fault has the number that its client is told", () => {
  const numbers = [notFound("x"), preconditionFailed("x"), notAllowed("x"), notImplemented("x"), commandInvalid("x")];
  assert.deepEqual(
    numbers.map(({ details }) => details["replyCode"]),
    [404, 406, 530, 540, 503],
  );
});

test("messages go by key, to all, by pattern and by headers, once to each queue", () => {
  const rig = new ModelRig();
  const { publish, get } = rig.channel();
  for (const type of ["direct", "fanout", "topic", "headers"]) rig.exchange(type, type);
  for (const name of ["q1", "q2"]) rig.queue(name);
  rig.bind("direct", "q1", "k");
  rig.bind("direct", "q1", "k2");
  rig.bind("fanout", "q1", "whatever");
  rig.bind("fanout", "q2", "");
  rig.bind("topic", "q1", "station.*.fault");
  rig.bind("topic", "q1", "#");
  rig.bind("headers", "q1", "", table({ "x-match": "all", a: 1, b: "x" }));
  rig.bind("headers", "q2", "", table({ "x-match": "any", a: 2, b: "x", "x-c": 9 }));
  const waiting = (): string[] => ["q1", "q2"].map((name) => `${rig.broker.getQueue(name, rig).readyCount}`);
  const sent = (key: string, exchange: string, headers: FieldTable = EMPTY_TABLE): string => {
    for (const name of ["q1", "q2"]) while (get(name) !== undefined);
    publish(key, "m", { exchange, properties: { headers } });
    return waiting().join(" ");
  };
  assert.equal(sent("k", "direct"), "1 0");
  assert.equal(sent("other", "direct"), "0 0");
  assert.equal(sent("k", "fanout"), "1 1");
  assert.equal(sent("station.antenna.fault", "topic"), "1 0");
  assert.equal(sent("", "headers", table({ a: 1, b: "x" })), "1 1");
  assert.equal(sent("", "headers", table({ a: 1 })), "0 0");
  assert.equal(sent("", "headers", table({ "x-c": 9 })), "0 0");
  assert.equal(sent("q2", ""), "0 1");
});

test("exchanges lead on to exchanges, round and round without an end, and to their alternates where nothing is reached", () => {
  const rig = new ModelRig();
  const { publish, get } = rig.channel();
  rig.exchange("fallback", "fanout");
  rig.exchange("channel", "topic");
  for (const group of ["g1", "g2"]) {
    rig.exchange(group, "direct", { "alternate-exchange": "fallback" });
    rig.bind("channel", group, "#", EMPTY_TABLE, "exchange");
  }
  rig.bind("g1", "channel", "k", EMPTY_TABLE, "exchange");
  for (const name of ["q1", "rest"]) rig.queue(name);
  rig.bind("g1", "q1", "k");
  rig.bind("fallback", "rest", "");
  publish("k", "m", { exchange: "channel" });
  assert.equal(get("q1"), "m");
  assert.equal(get("rest"), "m", "what the second group has nobody for goes to its own alternate");
  assert.equal(get("rest"), undefined);
});

test("a declaration is the same one or is refused, and names of the broker are its own", () => {
  const rig = new ModelRig();
  rig.queue("q", { "x-max-length": 3 });
  rig.queue("q", { "x-max-length": 3 });
  assert.equal(
    refused(() => rig.queue("q", { "x-max-length": 4 })),
    "broker/precondition-failed",
  );
  assert.equal(
    refused(() => rig.queue("q", { "x-max-length": 3 }, true)),
    "broker/precondition-failed",
  );
  rig.exchange("e", "topic");
  assert.equal(
    refused(() => rig.exchange("e", "direct")),
    "broker/precondition-failed",
  );
  assert.equal(
    refused(() => rig.exchange("e2", "x-delayed")),
    "broker/command-invalid",
  );
  for (const run of [
    () => rig.queue("amq.mine"),
    () => rig.exchange("amq.mine", "direct"),
    () => rig.bind("", "q", "k"),
    () => rig.broker.deleteExchange("amq.topic", false),
  ])
    assert.equal(refused(run), "broker/access-refused");
  for (const args of [
    { "x-max-length": -1 },
    { "x-message-ttl": "soon" },
    { "x-overflow": "burst" },
    { "x-dead-letter-routing-key": "k" },
    { "x-max-priority": 256 },
    { "x-expires": 0 },
    { "x-queue-type": "stream" },
  ])
    assert.equal(
      refused(() => rig.queue("bad", args)),
      "broker/precondition-failed",
      JSON.stringify(args),
    );
  assert.equal(rig.broker.findQueue("bad"), undefined);
  assert.equal(
    refused(() => rig.bind("nowhere", "q", "k")),
    "broker/not-found",
  );
});

test("an exclusive queue is its connection's alone, and goes with it", () => {
  const rig = new ModelRig();
  const other = {};
  const declare = (owner: object): unknown =>
    rig.broker.declareQueue({ name: "mine", isDurable: true, isExclusive: true, isAutoDelete: false, args: EMPTY_TABLE }, owner);
  declare(rig);
  declare(rig);
  assert.equal(
    refused(() => declare(other)),
    "broker/locked",
  );
  assert.equal(
    refused(() => rig.channel({ owner: other }).consume("mine")),
    "broker/locked",
  );
  rig.broker.forgetOwner(rig);
  declare(other);
});

test("what nobody uses any longer goes: queues with their last consumer or after a time, exchanges with their last binding", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  const auto = { isDurable: false, isAutoDelete: true, args: EMPTY_TABLE };
  rig.broker.declareQueue({ name: "auto", isExclusive: false, ...auto }, rig);
  rig.broker.declareExchange({ name: "auto", type: "fanout", isInternal: false, ...auto });
  rig.bind("auto", "auto", "");
  const tag = client.consume("auto");
  client.channel.cancel(tag);
  assert.equal(rig.broker.findQueue("auto"), undefined);
  assert.equal(rig.broker.findExchange("auto"), undefined);
  rig.queue("rare", { "x-expires": 1000 });
  rig.clock.advance(900);
  client.get("rare");
  rig.clock.advance(900);
  const rare = client.consume("rare");
  rig.clock.advance(5000);
  assert.notEqual(rig.broker.findQueue("rare"), undefined);
  client.channel.cancel(rare);
  rig.clock.advance(1001);
  assert.equal(rig.broker.findQueue("rare"), undefined);
});

test("consumers are told that their queue has gone, and what they hold is settled to no effect", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("q");
  const tag = client.consume("q");
  client.publish("q", "a");
  rig.broker.deleteQueue("q", rig);
  assert.deepEqual(client.cancelled, [tag]);
  client.channel.ack(1, false);
  assert.equal(rig.broker.bytes, 0);
});

test("conditions of a deletion hold, or nothing is deleted", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("q");
  client.publish("q", "a");
  assert.equal(
    refused(() => rig.broker.deleteQueue("q", rig, { ifEmpty: true })),
    "broker/precondition-failed",
  );
  client.consume("q");
  assert.equal(
    refused(() => rig.broker.deleteQueue("q", rig, { ifUnused: true })),
    "broker/precondition-failed",
  );
  rig.exchange("e", "fanout");
  rig.bind("e", "q", "");
  assert.equal(
    refused(() => rig.broker.deleteExchange("e", true)),
    "broker/precondition-failed",
  );
  rig.broker.unbind({ source: "e", to: "queue", destination: "q", routingKey: "", args: EMPTY_TABLE }, rig);
  rig.broker.deleteExchange("e", true);
  assert.equal(rig.broker.deleteQueue("nowhere", rig), 0);
});

test("consumers take turns; those with a higher priority go first while they can", () => {
  const rig = new ModelRig();
  const [low, high, other] = [rig.channel(), rig.channel(), rig.channel()];
  rig.queue("q");
  for (const one of [low, high, other]) one.channel.limit(2, false);
  low.consume("q");
  high.consume("q", { args: table({ "x-priority": 5 }) });
  other.consume("q");
  for (let index = 0; index < 6; index++) low.publish("q", String(index));
  assert.deepEqual(high.bodies, ["0", "1"]);
  assert.equal(low.bodies.length, 2);
  assert.equal(other.bodies.length, 2);
  high.channel.ack(2, true);
  low.publish("q", "6");
  assert.deepEqual(high.bodies, ["0", "1", "6"]);
});

test("of one queue with a single active consumer one takes, and the next one when it leaves", () => {
  const rig = new ModelRig();
  const [first, second] = [rig.channel(), rig.channel()];
  rig.queue("q", { "x-single-active-consumer": true });
  const tag = first.consume("q");
  second.consume("q");
  for (const body of ["a", "b"]) first.publish("q", body);
  assert.deepEqual([first.bodies, second.bodies], [["a", "b"], []]);
  first.channel.cancel(tag);
  first.publish("q", "c");
  assert.deepEqual(second.bodies, ["c"]);
  first.channel.close();
  assert.deepEqual(second.bodies, ["c", "a", "b"]);
});

test("an exclusive consumer is alone", () => {
  const rig = new ModelRig();
  const [first, second] = [rig.channel(), rig.channel()];
  rig.queue("q");
  const tag = first.consume("q", { isExclusive: true });
  assert.equal(
    refused(() => second.consume("q")),
    "broker/access-refused",
  );
  first.channel.cancel(tag);
  second.consume("q");
  assert.equal(
    refused(() => first.consume("q", { isExclusive: true })),
    "broker/access-refused",
  );
});

test("prefetch holds for each consumer, or for all of a channel, and acknowledging goes on", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  for (const name of ["q1", "q2"]) rig.queue(name);
  for (let index = 0; index < 5; index++) for (const name of ["q1", "q2"]) client.publish(name, `${name} ${index}`);
  client.channel.limit(2, false);
  client.consume("q1");
  client.consume("q2");
  assert.equal(client.bodies.length, 4);
  client.channel.limit(3, true);
  client.channel.ack(0, true);
  assert.equal(client.bodies.length, 4 + 3);
  client.channel.ack(7, true);
  assert.equal(client.bodies.length, 10);
  assert.equal(client.channel.unsettledCount, 3);
  assert.equal(client.channel.consumerCount, 2);
});

test("a client that does not read is given nothing until it reads again, also without acknowledgements", () => {
  const rig = new ModelRig();
  const [slow, other] = [rig.channel(), rig.channel()];
  rig.queue("q");
  slow.consume("q", { isNoAck: true });
  slow.isReading = false;
  for (let index = 0; index < 3; index++) other.publish("q", String(index));
  assert.deepEqual(slow.bodies, []);
  slow.isReading = true;
  slow.channel.wake();
  assert.deepEqual(slow.bodies, ["0", "1", "2"]);
});

test("what is given back returns to its place, and says that it comes again", () => {
  const rig = new ModelRig();
  const [first, second] = [rig.channel(), rig.channel()];
  rig.queue("q");
  const tag = first.consume("q");
  for (const body of ["a", "b", "c"]) first.publish("q", body);
  first.channel.cancel(tag);
  first.publish("q", "d");
  first.channel.nack(2, false, true);
  first.channel.close();
  second.consume("q");
  assert.deepEqual(second.bodies, ["a", "b", "c", "d"]);
  assert.deepEqual(
    second.deliveries.map(({ isRedelivered }) => isRedelivered),
    [true, true, true, false],
  );
});

test("a delivery that is not there cannot be settled", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("q");
  client.consume("q");
  client.publish("q", "a");
  assert.equal(
    refused(() => client.channel.ack(2, false)),
    "broker/precondition-failed",
  );
  client.channel.ack(1, false);
  for (const isMultiple of [false, true])
    assert.equal(
      refused(() => client.channel.nack(1, isMultiple, true)),
      "broker/precondition-failed",
    );
  client.channel.ack(0, true);
});

test("higher priorities go first, and in each the older ones", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("q", { "x-max-priority": 5 });
  for (const [body, priority] of [
    ["a", 0],
    ["b", 9],
    ["c", 5],
    ["d", 1],
  ] as const)
    client.publish("q", body, { properties: { priority } });
  client.publish("q", "e");
  assert.deepEqual(
    ["", "", "", "", ""].map(() => client.get("q")),
    ["b", "c", "d", "a", "e"],
  );
});

test("what its time has passed goes, by the queue's time or its own, and into the dead letters with the reason", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("dead");
  rig.queue("q", { "x-message-ttl": 1000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" });
  client.publish("q", "own", { properties: { expiration: "500" } });
  client.publish("q", "queue's");
  rig.clock.advance(501);
  assert.equal(client.get("dead"), "own");
  client.consume("dead");
  rig.clock.advance(500);
  assert.deepEqual(client.bodies, ["queue's"]);
  const { message } = client.deliveries[0] ?? assert.fail();
  assert.deepEqual(deathsOf(message.properties), ["q/expired 1"]);
  assert.equal(
    refused(() => client.publish("q", "x", { properties: { expiration: "soon" } })),
    "broker/precondition-failed",
  );
  assert.equal(client.get("q"), undefined);
});

test("a queue that is full lets its oldest go, or sends back what comes", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  client.channel.selectConfirms();
  rig.queue("dead");
  const dlx = { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" };
  rig.queue("drop", { "x-max-length": 2, ...dlx });
  rig.queue("bytes", { "x-max-length-bytes": 900 });
  rig.queue("reject", { "x-max-length": 1, "x-overflow": "reject-publish" });
  rig.queue("reject-dlx", { "x-max-length": 1, "x-overflow": "reject-publish-dlx", ...dlx });
  for (const body of ["a", "b", "c"]) client.publish("drop", body);
  assert.deepEqual([client.get("drop"), client.get("drop"), client.get("dead")], ["b", "c", "a"]);
  for (let index = 0; index < 9; index++) client.publish("bytes", "x".repeat(100));
  assert.equal(rig.broker.findQueue("bytes")?.readyCount, 2);
  client.confirms.length = 0;
  for (const body of ["a", "b"]) client.publish("reject", body);
  for (const body of ["c", "d"]) client.publish("reject-dlx", body);
  assert.deepEqual(client.confirms, ["ack 13", "nack 14", "ack 15", "nack 16"]);
  assert.equal(client.get("dead"), "d");
});

test("a message that is rejected over and over comes back after its time, as often as it is rejected", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("work", { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "retry" });
  rig.queue("retry", { "x-message-ttl": 1000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work" });
  client.consume("work");
  client.publish("work", "m");
  for (let round = 1; round <= 3; round++) {
    client.channel.nack(round, false, false);
    rig.clock.advance(1001);
    assert.equal(client.bodies.length, round + 1);
    const { message } = client.deliveries.at(-1) ?? assert.fail();
    assert.deepEqual(deathsOf(message.properties), [`retry/expired ${round}`, `work/rejected ${round}`]);
    assert.equal(fieldText(headersOf(message.properties).get("x-first-death-queue")), "work");
  }
});

test("what goes round without anybody having rejected it is dropped, at the second time round", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  for (const [name, other] of [
    ["a", "b"],
    ["b", "a"],
  ] as const)
    rig.queue(name, { "x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": other });
  rig.queue("self", { "x-message-ttl": 10, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "self" });
  for (let index = 0; index < 1000; index++) client.publish("a", String(index));
  assert.equal(rig.broker.findQueue("a")?.readyCount, 1);
  assert.equal(rig.broker.findQueue("b")?.readyCount, 1);
  client.publish("self", "m");
  rig.clock.advance(1000);
  assert.equal(rig.broker.findQueue("self")?.readyCount, 0);
});

test("a cycle is looked for in each destination by itself", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.exchange("dlx", "fanout");
  rig.queue("q", { "x-message-ttl": 10, "x-dead-letter-exchange": "dlx" });
  rig.queue("kept");
  for (const name of ["q", "kept"]) rig.bind("dlx", name, "");
  client.publish("q", "m");
  rig.clock.advance(11);
  assert.equal(client.get("kept"), "m");
  assert.equal(rig.broker.findQueue("q")?.readyCount, 0);
});

test("a message is handed out as often as the limit says, then it is a dead letter", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("dead");
  rig.queue("q", { "x-delivery-limit": 3, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" });
  client.publish("q", "m");
  client.consume("q");
  for (let tag = 1; tag <= 3; tag++) client.channel.nack(tag, false, true);
  assert.equal(client.bodies.length, 3);
  assert.deepEqual(
    client.deliveries.map(({ message }) => fieldNumber(headersOf(message.properties).get("x-delivery-count"))),
    [undefined, 1, 2],
  );
  client.consume("dead");
  assert.deepEqual(deathsOf((client.deliveries.at(-1) ?? assert.fail()).message.properties), ["q/delivery_limit 1"]);
});

test("what no queue takes comes back if it is mandatory, and is confirmed all the same", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  client.channel.selectConfirms();
  client.publish("nowhere", "a", { isMandatory: true });
  client.publish("nowhere", "b");
  assert.deepEqual(client.returned, ["312 a"]);
  assert.deepEqual(client.confirms, ["ack 1", "ack 2"]);
  assert.equal(
    refused(() => client.publish("k", "c", { exchange: "gone" })),
    "broker/not-found",
  );
});

test("an internal exchange takes from exchanges alone; who a message says it is from is who sends it", () => {
  const rig = new ModelRig();
  const client = rig.channel({ user: "ann" });
  rig.broker.declareExchange({ name: "inner", type: "fanout", isDurable: false, isAutoDelete: false, isInternal: true, args: EMPTY_TABLE });
  assert.equal(
    refused(() => client.publish("k", "m", { exchange: "inner" })),
    "broker/access-refused",
  );
  client.publish("k", "m", { properties: { userId: "ann" } });
  assert.equal(
    refused(() => client.publish("k", "m", { properties: { userId: "bob" } })),
    "broker/precondition-failed",
  );
});

test("copies go to further keys, and those in secret are not told", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  for (const name of ["to", "cc", "bcc"]) rig.queue(name);
  const keys = (name: string): FieldValue => ({ tag: "A", value: [textField(name)] });
  client.publish("to", "m", {
    properties: {
      headers: new Map([
        ["CC", keys("cc")],
        ["BCC", keys("bcc")],
      ]),
    },
  });
  client.consume("bcc");
  assert.deepEqual([client.get("to"), client.get("cc"), client.bodies[0]], ["m", "m", "m"]);
  const { message } = client.deliveries[0] ?? assert.fail();
  assert.deepEqual([...headersOf(message.properties).keys()], ["CC"]);
  assert.equal(
    refused(() => client.publish("to", "m", { properties: { headers: table({ CC: "cc" }) } })),
    "broker/precondition-failed",
  );
});

test("answers come straight to the channel that asked, without a queue", () => {
  const rig = new ModelRig();
  const [asking, serving] = [rig.channel(), rig.channel()];
  rig.queue("rpc");
  assert.equal(
    refused(() => asking.publish("rpc", "x", { properties: { replyTo: REPLY_TO } })),
    "broker/precondition-failed",
  );
  assert.equal(
    refused(() => asking.consume(REPLY_TO)),
    "broker/precondition-failed",
  );
  const tag = asking.consume(REPLY_TO, { isNoAck: true });
  serving.consume("rpc");
  asking.publish("rpc", "question", { properties: { replyTo: REPLY_TO, correlationId: "7" } });
  const { replyTo = "" } = readProperties((serving.deliveries[0] ?? assert.fail()).message.properties);
  checkReplyQueue(rig.broker, replyTo);
  checkReplyQueue(rig.broker, REPLY_TO);
  serving.publish(replyTo, "answer", { isMandatory: true });
  assert.deepEqual([asking.bodies, asking.deliveries[0]?.consumerTag], [["answer"], tag]);
  asking.channel.cancel(tag);
  serving.publish(replyTo, "late", { isMandatory: true });
  assert.deepEqual([asking.bodies, serving.returned], [["answer"], ["312 late"]]);
  assert.equal(
    refused(() => checkReplyQueue(rig.broker, replyTo)),
    "broker/not-found",
  );
});

test("a dead letter is in its new place before it leaves its old one, and one batch confirms all its messages", () => {
  const said: string[] = [];
  const waiting: ((error?: unknown) => void)[] = [];
  const journal = {
    openBatch: 1,
    define: (key: string, definition: unknown) => void said.push(`${definition === undefined ? "-" : "+"}${key.split("\0").join(" ")}`),
    add: (_message: unknown, places: readonly { readonly queue: number; readonly seq: number }[]) =>
      void said.push(`add ${places.map(({ queue, seq }) => `${queue}.${seq}`).join(" ")}`),
    remove: (queue: number, seq: number) => void said.push(`remove ${queue}.${seq}`),
    delivered: (queue: number, seq: number, count: number) => void said.push(`delivered ${queue}.${seq} ${count}`),
    commit: (done: (error?: unknown) => void) => void waiting.push(done),
  };
  const rig = new ModelRig(journal);
  const client = rig.channel();
  client.channel.selectConfirms();
  rig.queue("dead", {}, true);
  rig.queue("q", { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" }, true);
  client.consume("q");
  for (const body of ["a", "b"]) client.publish("q", body, { properties: PERSISTENT });
  client.publish("q", "transient");
  client.channel.nack(1, false, false);
  client.channel.ack(3, true);
  assert.deepEqual(said, [
    "+queue dead",
    "+queue q",
    "add 2.1",
    "delivered 2.1 1",
    "add 2.2",
    "delivered 2.2 1",
    "add 1.1",
    "remove 2.1",
    "remove 2.2",
  ]);
  assert.equal(waiting.length, 1);
  assert.deepEqual(client.confirms, []);
  journal.openBatch = 2;
  client.publish("q", "c", { properties: PERSISTENT });
  waiting[0]?.();
  waiting[1]?.(new Error("the disk has gone"));
  assert.deepEqual(client.confirms, ["ack to 3", "nack 4"]);
  rig.broker.deleteQueue("q", rig);
  assert.equal(said.at(-1), "-queue q");
});

test("with a limit of deliveries a message leaves only when the disk knows that it does", () => {
  const waiting: (() => void)[] = [];
  const journal = { openBatch: 1, define() {}, add() {}, remove() {}, delivered() {}, commit: (done: () => void) => void waiting.push(done) };
  const rig = new ModelRig(journal);
  const [client, other] = [rig.channel(), rig.channel()];
  rig.queue("q", { "x-delivery-limit": 2 }, true);
  const tag = client.consume("q");
  client.publish("q", "a", { properties: PERSISTENT });
  assert.deepEqual(client.bodies, []);
  client.channel.cancel(tag);
  waiting.shift()?.();
  other.consume("q");
  waiting.shift()?.();
  assert.deepEqual([client.bodies, other.bodies, other.deliveries[0]?.isRedelivered], [[], ["a"], false]);
});

test("what was kept comes back as it was, and what had been handed out too often is a dead letter", () => {
  const rig = new ModelRig();
  const client = rig.channel();
  rig.queue("dead");
  rig.broker.skipQueueIds(40);
  const args = table({ "x-delivery-limit": 2, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" });
  const queue = rig.broker.restoreQueue({ id: 50, name: "q", isAutoDelete: false, args });
  const entry = (seq: number, deliveries: number): Parameters<typeof queue.restore>[0] => ({
    seq,
    message: { exchange: "", routingKey: "q", properties: Buffer.alloc(2), body: Buffer.from(String(seq)) },
    priority: 0,
    expiresAtMs: Number.POSITIVE_INFINITY,
    isStored: true,
    deliveries,
  });
  queue.restore(entry(5, 1));
  queue.restore(entry(6, 2));
  client.consume("q");
  assert.deepEqual([client.bodies, client.deliveries[0]?.isRedelivered, client.get("dead")], [["5"], true, "6"]);
  client.publish("q", "new");
  assert.deepEqual(client.bodies, ["5", "new"]);
  assert.equal(rig.queue("later").options.id, 51);
});

test("a broker that is stopped does nothing by the clock", () => {
  const rig = new ModelRig();
  const { broker }: { readonly broker: Broker } = rig;
  const client = rig.channel();
  rig.queue("q", { "x-message-ttl": 10, "x-expires": 20 });
  client.publish("q", "m");
  broker.stop();
  rig.clock.advance(1000);
  assert.equal(broker.queues.get("q")?.readyCount, 1);
  assert.equal(broker.exchanges.size, 6);
});
