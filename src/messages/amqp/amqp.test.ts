import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { readTable, writeTable } from "./field-table.ts";
import {
  ContentAssembler,
  contentFrames,
  EMPTY_TABLE,
  type FieldTable,
  type FieldValue,
  FRAME,
  FRAME_BYTES_MIN,
  FrameReader,
  fieldNumber,
  fieldText,
  HEARTBEAT,
  longField,
  METHODS,
  type Method,
  type MethodName,
  methodFrame,
  methodNumbers,
  PROTOCOL_HEADER,
  type Properties,
  readProperties,
  sameTable,
  TABLE_LEVELS_MAX,
  textField,
  writeProperties,
} from "./index.ts";
import { readMethod } from "./method-codec.ts";
import { CONTENT_METHODS } from "./methods.ts";
import { OctetReader } from "./octet-reader.ts";
import { OctetWriter } from "./octet-writer.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one));
/** At most 255 bytes of UTF-8, whole characters only. */
const shortstr = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => Buffer.byteLength(text) <= 255);
const numberOf = (tag: "b" | "B" | "s" | "u" | "I" | "i", min: number, max: number): fc.Arbitrary<FieldValue> =>
  fc.oneof(fc.constantFrom(min, max, 0), fc.integer({ min, max })).map((value): FieldValue => ({ tag, value }));

const { table } = fc.letrec<{ table: FieldTable; value: FieldValue }>((tie) => ({
  table: fc.array(fc.tuple(shortstr, tie("value")), { maxLength: 6 }).map((entries): FieldTable => new Map(entries)),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.boolean().map((value): FieldValue => ({ tag: "t", value })),
    numberOf("b", -128, 127),
    numberOf("B", 0, 255),
    numberOf("s", -32_768, 32_767),
    numberOf("u", 0, 65_535),
    numberOf("I", -0x8000_0000, 0x7fff_ffff),
    numberOf("i", 0, 0xffff_ffff),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): FieldValue => ({ tag: "l", value })),
    fc.tuple(fc.constantFrom("L", "T"), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(([tag, value]): FieldValue => ({ tag, value })),
    fc.float().map((value): FieldValue => ({ tag: "f", value })),
    fc.double().map((value): FieldValue => ({ tag: "d", value })),
    fc.tuple(fc.nat(255), fc.nat(0xffff_ffff)).map(([scale, value]): FieldValue => ({ tag: "D", scale, value })),
    fc.tuple(fc.constantFrom("S", "x"), bytes).map(([tag, value]): FieldValue => ({ tag, value })),
    fc.array(tie("value"), { maxLength: 4 }).map((value): FieldValue => ({ tag: "A", value })),
    tie("table").map((value): FieldValue => ({ tag: "F", value })),
    fc.constant<FieldValue>({ tag: "V" }),
  ),
}));

const ARGUMENTS = {
  bit: fc.boolean(),
  octet: fc.nat(255),
  short: fc.nat(0xffff),
  long: fc.nat(0xffff_ffff),
  longlong: fc.maxSafeNat(),
  shortstr,
  longstr: bytes,
  table,
} as const;

const methods: fc.Arbitrary<Method> = fc.oneof(
  ...Object.entries(METHODS).map(([method, [, , fields]]) =>
    fc
      .record(
        Object.fromEntries(
          Object.entries(fields)
            .filter(([name]) => !name.startsWith("reserved"))
            .map(([name, type]) => [name, ARGUMENTS[type as keyof typeof ARGUMENTS] as fc.Arbitrary<unknown>]),
        ),
      )
      .map((values) => ({ method: method as MethodName, ...values }) as unknown as Method),
  ),
);

const properties: fc.Arbitrary<Properties> = fc.record(
  {
    contentType: shortstr,
    contentEncoding: shortstr,
    headers: table,
    deliveryMode: fc.nat(255),
    priority: fc.nat(255),
    correlationId: shortstr,
    replyTo: shortstr,
    expiration: shortstr,
    messageId: shortstr,
    timestamp: fc.maxSafeNat(),
    type: shortstr,
    userId: shortstr,
    appId: shortstr,
    clusterId: shortstr,
  },
  { requiredKeys: [] },
);

/** Cut at the given places, in whatever order they come. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (whole.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...ends].map((at, index) => whole.subarray(at, ends[index] ?? whole.length));
}

function readAll(chunks: readonly Buffer[], reader: FrameReader): { type: number; channel: number; payload: Buffer }[] {
  return chunks.flatMap((chunk) => [...reader.read(chunk)].map((frame) => ({ ...frame })));
}

test("a table is read back exactly as it was written, whatever it holds", () => {
  fc.assert(
    fc.property(table, (one) => {
      const writer = new OctetWriter(1);
      writeTable(writer, one);
      const reader = new OctetReader(writer.take());
      const read = readTable(reader);
      assert.ok(reader.isDone);
      assert.ok(sameTable(read, one));
      assert.deepEqual([...read.keys()], [...one.keys()]);
    }),
  );
});

test("the letters of a table are RabbitMQ's", () => {
  const hex = (value: FieldValue): string => {
    const writer = new OctetWriter();
    writeTable(writer, new Map([["k", value]]));
    return writer.take().subarray(6).toString("hex");
  };
  assert.equal(hex({ tag: "b", value: -1 }), "62ff");
  assert.equal(hex({ tag: "B", value: 255 }), "42ff");
  assert.equal(hex({ tag: "s", value: -2 }), "73fffe");
  assert.equal(hex({ tag: "u", value: 65_534 }), "75fffe");
  assert.equal(hex({ tag: "I", value: -1 }), "49ffffffff");
  assert.equal(hex({ tag: "l", value: 1n }), "6c0000000000000001");
  assert.equal(hex({ tag: "D", scale: 2, value: 314 }), "44020000013a");
  assert.equal(hex(textField("星")), "5300000003e6989f");
  assert.equal(hex({ tag: "A", value: [{ tag: "V" }, { tag: "t", value: true }] }), "410000000356" + "7401");
});

test("two tables are the same if their numbers are, whatever their widths", () => {
  const of = (value: FieldValue): FieldTable => new Map([["n", value]]);
  assert.ok(sameTable(of({ tag: "l", value: 5n }), of({ tag: "B", value: 5 })));
  assert.ok(!sameTable(of({ tag: "l", value: 5n }), of(textField("5"))));
  assert.ok(!sameTable(of({ tag: "t", value: true }), of({ tag: "t", value: false })));
  assert.ok(!sameTable(of({ tag: "V" }), EMPTY_TABLE));
});

test("a field gives its text or its number, and nothing where it has none", () => {
  assert.equal(fieldText(textField("星")), "星");
  assert.equal(fieldText(longField(5)), undefined);
  assert.equal(fieldNumber(longField(-5)), -5);
  assert.equal(fieldNumber({ tag: "u", value: 5 }), 5);
  assert.equal(fieldNumber({ tag: "l", value: 2n ** 60n }), undefined);
  assert.equal(fieldNumber({ tag: "d", value: 5 }), undefined);
  assert.deepEqual(methodNumbers("exchange.unbindOk"), { classId: 40, methodId: 51 });
});

test("a method is read back with all its arguments, and with no others", () => {
  fc.assert(
    fc.property(methods, fc.nat(0xffff), (method, channel) => {
      const [frame, ...others] = readAll([methodFrame(channel, method)], new FrameReader({ frameMax: 1 << 24 }));
      assert.deepEqual(others, []);
      assert.equal(frame?.channel, channel);
      const read = readMethod(frame?.payload as Buffer);
      assert.deepEqual(Object.keys(read).toSorted(), Object.keys(method).toSorted());
      for (const [name, value] of Object.entries(method)) {
        const found = (read as unknown as Record<string, unknown>)[name];
        if (value instanceof Map) assert.ok(sameTable(found as FieldTable, value as FieldTable));
        else assert.deepEqual(found, value);
      }
    }),
  );
});

test("properties are read back exactly", () => {
  fc.assert(
    fc.property(properties, (one) => {
      const { headers, ...read } = readProperties(writeProperties(one));
      const { headers: expected, ...others } = one;
      assert.deepEqual(read, others);
      assert.equal(headers === undefined, expected === undefined);
      if (headers !== undefined && expected !== undefined) assert.ok(sameTable(headers, expected));
    }),
  );
});

test("messages come whole out of a stream, wherever it is cut, and no frame is larger than agreed on", () => {
  const message = fc.record({ properties, body: fc.integer({ min: 0, max: 20_000 }), fill: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(), { maxLength: 30 }), (messages, places) => {
      const sent = messages.map((one) => ({ properties: writeProperties(one.properties), body: Buffer.alloc(one.body, one.fill) }));
      const method: Method = { method: "basic.publish", exchange: "e", routingKey: "k", mandatory: true, immediate: false };
      const written = sent.flatMap((one) => contentFrames({ channel: 7, method, ...one, frameMax: FRAME_BYTES_MIN + 4096 }));
      const stream = Buffer.concat([PROTOCOL_HEADER, ...written, HEARTBEAT]);
      const frames = readAll(cut(stream, places), new FrameReader({ onHeader() {}, frameMax: FRAME_BYTES_MIN + 4096 }));
      assert.equal(frames.at(-1)?.type, FRAME.heartbeat);
      const assembler = new ContentAssembler(1 << 20);
      const commands = frames
        .slice(0, -1)
        .map((frame) => assembler.take(frame))
        .filter((command) => command !== undefined);
      assert.equal(commands.length, sent.length);
      commands.forEach((command, index) => {
        assert.deepEqual(command.method, method);
        assert.deepEqual(command.content?.properties, sent[index]?.properties);
        assert.ok(command.content?.body.equals(sent[index]?.body as Buffer));
      });
    }),
    { numRuns: 60 },
  );
});

test("whatever comes in is frames or is refused by its code, and what is kept stays small", () => {
  const whole = fc
    .array(fc.tuple(methods, properties, bytes), { minLength: 1, maxLength: 3 })
    .map((all) =>
      Buffer.concat([
        PROTOCOL_HEADER,
        ...all.flatMap(([method, one, body]) =>
          CONTENT_METHODS.has(method.method)
            ? contentFrames({ channel: 1, method, properties: writeProperties(one), body, frameMax: FRAME_BYTES_MIN })
            : [methodFrame(1, method)],
        ),
      ]),
    );
  const hurt = fc.tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat()).map(([stream, edits, end]) => {
    const copy = Buffer.from(stream);
    for (const [at, byte] of edits) copy[at % 3 === 0 ? at % copy.length : 8 + (at % Math.max(1, copy.length - 8))] = byte;
    return copy.subarray(0, end % 3 === 0 ? end % copy.length : copy.length);
  });
  const garbage = bytes.map((one) => Buffer.concat([PROTOCOL_HEADER, one]));
  fc.assert(
    fc.property(fc.oneof(bytes, garbage, hurt), fc.array(fc.nat(), { maxLength: 4 }), (stream, places) => {
      const reader = new FrameReader({ onHeader() {} });
      const assembler = new ContentAssembler(1000);
      try {
        for (const chunk of cut(stream, places))
          for (const frame of reader.read(chunk)) {
            if (frame.type === FRAME.heartbeat) continue;
            const command = assembler.take(frame);
            if (command?.content !== undefined) readProperties(command.content.properties);
          }
      } catch (error) {
        const codes = ["amqp/malformed", "amqp/bad-header", "amqp/too-large"] as const;
        assert.ok(
          codes.some((code) => isOrreryError(error, code)),
          String(error),
        );
        if (isOrreryError(error, "amqp/malformed")) assert.ok([501, 502, 505, 540].includes(error.details["replyCode"] as number));
      }
    }),
    { numRuns: 3000 },
  );
});

/** The reply code with which `run` is refused. */
function refusal(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (isOrreryError(error)) return error.details["replyCode"] ?? error.code;
    throw error;
  }
  return undefined;
}

const frameOf = (type: number, channel: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(7);
  head.writeUInt8(type);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
};

test("each breach of the protocol is told by the number that the protocol has for it", () => {
  const read = (stream: Buffer): unknown => refusal(() => readAll([stream], new FrameReader()));
  assert.equal(read(frameOf(FRAME.heartbeat, 1, Buffer.alloc(0))), 505);
  assert.equal(read(frameOf(FRAME.heartbeat, 0, Buffer.alloc(1))), 501);
  assert.equal(read(frameOf(4, 0, Buffer.alloc(0))), 501);
  assert.equal(read(frameOf(FRAME.method, 0, Buffer.alloc(FRAME_BYTES_MIN))), 501);
  assert.equal(read(Buffer.concat([frameOf(FRAME.method, 0, Buffer.alloc(4)).subarray(0, -1), Buffer.from([0])])), 501);
  assert.equal(
    refusal(() => readAll([Buffer.from("GET / HTTP/1.1\r\n")], new FrameReader({ onHeader() {} }))),
    "amqp/bad-header",
  );
  const take = (...frames: Buffer[]): unknown =>
    refusal(() => {
      const assembler = new ContentAssembler(100);
      for (const frame of readAll(frames, new FrameReader())) assembler.take(frame);
    });
  const publish = methodFrame(1, { method: "basic.publish", exchange: "", routingKey: "q", mandatory: false, immediate: false });
  const header = (classId: number, size: number): Buffer => {
    const payload = Buffer.alloc(14);
    payload.writeUInt16BE(classId);
    payload.writeUInt32BE(size, 8);
    return frameOf(FRAME.header, 1, payload);
  };
  assert.equal(take(publish, publish), 505);
  assert.equal(take(header(60, 1)), 505);
  assert.equal(take(publish, header(50, 1)), 505);
  assert.equal(take(publish, frameOf(FRAME.body, 1, Buffer.alloc(1))), 505);
  assert.equal(take(publish, header(60, 4), frameOf(FRAME.body, 1, Buffer.alloc(5))), 501);
  assert.equal(take(publish, header(60, 101)), "amqp/too-large");
  assert.equal(take(frameOf(FRAME.method, 1, Buffer.from([0, 60, 0, 99]))), 540);
  assert.equal(take(frameOf(FRAME.method, 1, Buffer.from([0, 60, 0]))), 502);
});

test("tables inside tables are read to their bound, and refused above it", () => {
  const nested = (levels: number): Buffer => {
    let inner: FieldTable = new Map([["k", { tag: "V" } as FieldValue]]);
    for (let level = 1; level < levels; level++) inner = new Map([["k", { tag: "F", value: inner } as FieldValue]]);
    const writer = new OctetWriter();
    writeTable(writer, inner);
    return writer.take();
  };
  readTable(new OctetReader(nested(TABLE_LEVELS_MAX)));
  assert.equal(
    refusal(() => readTable(new OctetReader(nested(TABLE_LEVELS_MAX + 1)))),
    502,
  );
});

test("a body of single bytes costs no more than its size", () => {
  const size = 200_000;
  const assembler = new ContentAssembler(size);
  assembler.take({
    type: FRAME.method,
    channel: 1,
    payload: Buffer.from([0, 60, 0, 40, 0, 0, 0, 0, 0]),
  });
  const header = Buffer.alloc(14);
  header.writeUInt16BE(60);
  header.writeUInt32BE(size, 8);
  assembler.take({ type: FRAME.header, channel: 1, payload: header });
  let command: ReturnType<ContentAssembler["take"]>;
  for (let at = 0; at < size; at++) command = assembler.take({ type: FRAME.body, channel: 1, payload: Buffer.from([at & 0xff]) });
  assert.equal(command?.content?.body.length, size);
  assert.equal(command?.content?.body[777], 777 & 0xff);
});

test("texts that AMQP cannot carry are refused, at both ends", () => {
  const writer = new OctetWriter();
  assert.equal(
    refusal(() => writer.shortstr("星".repeat(86))),
    "amqp/too-long",
  );
  assert.equal(writer.length, 0);
  assert.equal(
    refusal(() => new OctetReader(Buffer.from([2, 0xff, 0xfe])).shortstr()),
    502,
  );
  writer.shortstr("\ufffd");
  assert.equal(new OctetReader(writer.take()).shortstr(), "\ufffd");
});
