import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ModelRig, type TestChannel } from "./model-rig.ts";

/** What a queue is, in the fewest words: messages in order; who takes one holds it. */
interface Expected {
  readonly ready: number[];
  /** By channel, in the order of their tags: tag and message. */
  readonly held: [number, number][][];
}

type Step =
  | { readonly do: "publish" }
  | { readonly do: "get"; readonly channel: number }
  | {
      readonly do: "settle";
      readonly channel: number;
      readonly which: number;
      readonly isMultiple: boolean;
      readonly how: "ack" | "reject" | "requeue";
    }
  | { readonly do: "close"; readonly channel: number }
  | { readonly do: "purge" };

const CHANNELS = 3;
const channelNumber = fc.nat(CHANNELS - 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant<Step>({ do: "publish" }) },
    { weight: 5, arbitrary: channelNumber.map((channel): Step => ({ do: "get", channel })) },
    {
      weight: 5,
      arbitrary: fc
        .record({ channel: channelNumber, which: fc.nat(), isMultiple: fc.boolean(), how: fc.constantFrom("ack", "reject", "requeue") })
        .map((one): Step => ({ do: "settle", ...one })),
    },
    { weight: 1, arbitrary: channelNumber.map((channel): Step => ({ do: "close", channel })) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: "purge" }) },
  ),
  { maxLength: 60 },
);

test("whatever is done, a queue holds what its simplest model holds, in its order, and the bytes of that", () => {
  fc.assert(
    fc.property(steps, fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }), (all, lengthMax) => {
      const rig = new ModelRig();
      const queue = rig.queue("q", lengthMax === undefined ? {} : { "x-max-length": lengthMax });
      const channels: TestChannel[] = Array.from({ length: CHANNELS }, () => rig.channel());
      const expected: Expected = { ready: [], held: channels.map(() => []) };
      const tags = channels.map(() => 0);
      const trim = (): void => {
        while (expected.ready.length > (lengthMax ?? Number.POSITIVE_INFINITY)) expected.ready.shift();
      };
      const giveBack = (messages: readonly number[]): void => {
        expected.ready.push(...messages);
        expected.ready.sort((a, b) => a - b);
        trim();
      };
      let next = 1;
      for (const step of all) {
        if (step.do === "publish") {
          (channels[0] as TestChannel).publish("q", String(next));
          expected.ready.push(next++);
          trim();
        } else if (step.do === "purge") {
          assert.equal(queue.purge(), expected.ready.length);
          expected.ready.length = 0;
        } else {
          const { channel: at } = step;
          const { channel } = channels[at] as TestChannel;
          const held = expected.held[at] as [number, number][];
          if (step.do === "get") {
            let body: string | undefined;
            channel.get("q", false, (got) => {
              body = got?.message.body.toString();
              if (got !== undefined) assert.equal(got.readyCount, expected.ready.length - 1);
            });
            const message = expected.ready.shift();
            assert.equal(body, message === undefined ? undefined : String(message));
            if (message !== undefined) {
              tags[at] = (tags[at] ?? 0) + 1;
              held.push([tags[at], message]);
            }
          } else if (step.do === "close") {
            channel.close();
            giveBackEach(
              held.splice(0).map(([, message]) => message),
              giveBack,
            );
            channels[at] = rig.channel();
            tags[at] = 0;
          } else if (held.length > 0) {
            const index = step.which % held.length;
            const [tag] = held[index] as [number, number];
            if (step.how === "ack") channel.ack(tag, step.isMultiple);
            else channel.nack(tag, step.isMultiple, step.how === "requeue");
            const settled = step.isMultiple ? held.splice(0, index + 1) : held.splice(index, 1);
            if (step.how === "requeue")
              giveBackEach(
                settled.map(([, message]) => message),
                giveBack,
              );
          }
        }
        assert.equal(queue.readyCount, expected.ready.length);
        assert.equal(queue.unackedCount, expected.held.flat().length);
      }
      const last = rig.channel();
      last.consume("q", { isNoAck: true });
      assert.deepEqual(last.bodies, expected.ready.map(String));
      for (const { channel } of channels) channel.close();
      assert.deepEqual(queue.readyCount, 0);
      assert.equal(rig.broker.bytes, 0);
    }),
    { numRuns: 400 },
  );
});

/** One after the other, as each may push another out. */
function giveBackEach(messages: readonly number[], giveBack: (messages: readonly number[]) => void): void {
  for (const message of messages) giveBack([message]);
}

test("with consumers that take as they can, every message is settled once, in each consumer's order", () => {
  const acts = fc.array(fc.tuple(fc.constantFrom("publish", "ack", "requeue", "stall", "read"), channelNumber), { maxLength: 80 });
  fc.assert(
    fc.property(acts, fc.integer({ min: 1, max: 3 }), (all, prefetch) => {
      const rig = new ModelRig();
      rig.queue("q");
      const channels = Array.from({ length: CHANNELS }, () => {
        const one = rig.channel();
        one.channel.limit(prefetch, false);
        one.consume("q");
        return one;
      });
      const open = channels.map(() => new Map<number, string>());
      const done = new Map<string, number>();
      let published = 0;
      const read = channels.map(() => 0);
      const look = (): void =>
        channels.forEach(({ deliveries }, at) => {
          for (; (read[at] as number) < deliveries.length; read[at] = (read[at] as number) + 1) {
            const delivery = deliveries[read[at] as number];
            if (delivery !== undefined) open[at]?.set(delivery.deliveryTag, delivery.message.body.toString());
          }
          assert.ok((open[at]?.size ?? 0) <= prefetch);
        });
      for (const [act, at] of all) {
        const client = channels[at] as TestChannel;
        const [first] = open[at] as Map<number, string>;
        if (act === "publish") client.publish("q", String(published++));
        if (act === "stall") client.isReading = false;
        if (act === "read") {
          client.isReading = true;
          client.channel.wake();
        }
        if (first !== undefined && (act === "ack" || act === "requeue")) {
          open[at]?.delete(first[0]);
          if (act === "ack") {
            done.set(first[1], (done.get(first[1]) ?? 0) + 1);
            client.channel.ack(first[0], false);
          } else client.channel.nack(first[0], false, true);
        }
        look();
      }
      for (let rounds = 0; done.size < published && rounds <= published * 2 + CHANNELS; rounds++)
        channels.forEach((client, at) => {
          client.isReading = true;
          client.channel.wake();
          look();
          for (const [tag, body] of open[at] ?? []) {
            open[at]?.delete(tag);
            done.set(body, (done.get(body) ?? 0) + 1);
            client.channel.ack(tag, false);
          }
          look();
        });
      assert.equal(done.size, published);
      assert.ok([...done.values()].every((count) => count === 1));
      assert.equal(rig.broker.bytes, 0);
    }),
    { numRuns: 200 },
  );
});
