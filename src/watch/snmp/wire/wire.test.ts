import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { BerReader, BerWriter } from "./ber.ts";
import { readMessage, readScopedPdu, writeCommunityMessage, writeScopedPdu, writeSecureMessage } from "./message.ts";
import { compareOids, formatOid, type Oid, parseOid } from "./oid.ts";
import { PDU, type Pdu } from "./pdu.ts";
import { decrypt, encrypt, isAuthentic, localizeKey, sign } from "./usm.ts";
import { counter, counter64, gauge, TAG, text, ticks, type Value, type VarBind } from "./value.ts";

const part = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(127, 128, 16_383, 16_384, 0xffff_ffff),
);
const oids: fc.Arbitrary<Oid> = fc
  .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 39 }), fc.array(part, { maxLength: 20 }))
  .map(([first, second, rest]) => [first, second, ...rest]);
const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one));
const unsigned = fc.oneof(fc.constantFrom(0, 127, 128, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(0xffff_ffff));
const values: fc.Arbitrary<Value> = fc.oneof(
  fc
    .oneof(fc.constantFrom(0, -1, 127, 128, -128, -129, 0x7fff_ffff, -0x8000_0000), fc.integer())
    .map((value): Value => ({ tag: TAG.integer, value })),
  bytes.map((value): Value => ({ tag: TAG.octets, value })),
  bytes.map((value): Value => ({ tag: TAG.opaque, value })),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((value): Value => ({ tag: TAG.ipAddress, value: Buffer.from(value) })),
  oids.map((value): Value => ({ tag: TAG.oid, value })),
  fc.tuple(fc.constantFrom(TAG.counter32, TAG.gauge32, TAG.timeTicks), unsigned).map(([tag, value]): Value => ({ tag, value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Value => ({ tag: TAG.counter64, value })),
  fc.constantFrom(TAG.null, TAG.noSuchObject, TAG.noSuchInstance, TAG.endOfMibView).map((tag): Value => ({ tag })),
);
const varbinds: fc.Arbitrary<VarBind[]> = fc.array(fc.record({ oid: oids, value: values }), { maxLength: 12 });
const pdus: fc.Arbitrary<Pdu> = fc.record({
  type: fc.constantFrom(PDU.get, PDU.getNext, PDU.response, PDU.set, PDU.getBulk, PDU.inform, PDU.trap, PDU.report),
  requestId: fc.integer(),
  status: fc.integer({ min: 0, max: 18 }),
  index: fc.nat(1000),
  varbinds,
});

/** As plain data: a Buffer and a part of another one are the same bytes. */
const plain = (one: unknown): unknown =>
  JSON.parse(
    JSON.stringify(one, (_, value: unknown) =>
      typeof value === "bigint" ? `${value}n` : value instanceof Uint8Array ? [...value] : value,
    ).replaceAll('{"type":"Buffer","data":', '{"bytes":'),
  );

test("what is written is read back exactly, whatever it holds", () => {
  fc.assert(
    fc.property(pdus, bytes, (pdu, community) => {
      const message = readMessage(writeCommunityMessage({ version: 1, community, pdu }));
      assert.ok(message.version === 1);
      assert.deepEqual(plain(message.pdu), plain(pdu));
      assert.deepEqual([...message.community], [...community]);
      const scoped = { contextEngineId: community.subarray(0, 32), contextName: new Uint8Array(), pdu };
      assert.deepEqual(plain(readScopedPdu(writeScopedPdu(scoped)).pdu), plain(pdu));
    }),
  );
});

test("numbers are as short as BER wants them, and no sign is lost", () => {
  const encode = (write: (writer: BerWriter) => void): string => {
    const writer = new BerWriter(1);
    write(writer);
    return writer.take().toString("hex");
  };
  const of = (value: Value): string => encode((writer) => writer.value(value));
  assert.equal(of({ tag: TAG.integer, value: 0 }), "020100");
  assert.equal(of({ tag: TAG.integer, value: 127 }), "02017f");
  assert.equal(of({ tag: TAG.integer, value: 128 }), "02020080");
  assert.equal(of({ tag: TAG.integer, value: -128 }), "020180");
  assert.equal(of({ tag: TAG.integer, value: -129 }), "0202ff7f");
  assert.equal(of(gauge(0xffff_ffff)), "420500ffffffff");
  assert.equal(of(counter64(2n ** 64n - 1n)), "460900ffffffffffffffff");
  assert.equal(
    encode((writer) => writer.oid([1, 3, 6, 1, 4, 1, 32_473])),
    "06082b0601040181fd59",
  );
  assert.equal(
    encode((writer) => writer.oid([2, 999, 3])),
    "0603883703",
  );
});

test("counters begin anew after their ends, gauges stay at theirs, texts are cut between two characters", () => {
  assert.deepEqual(counter(2 ** 32 + 5), { tag: TAG.counter32, value: 5 });
  assert.deepEqual(ticks(2 ** 32 + 7), { tag: TAG.timeTicks, value: 7 });
  assert.deepEqual(gauge(2 ** 40), { tag: TAG.gauge32, value: 0xffff_ffff });
  assert.deepEqual(counter64(2n ** 64n + 1n), { tag: TAG.counter64, value: 1n });
  const cut = text("星".repeat(100));
  assert.equal(Buffer.from((cut as { readonly value: Uint8Array }).value).toString("utf8"), "星".repeat(85));
});

test("whatever comes in is a message or is refused, and reading it ends", () => {
  const whole = fc.tuple(pdus, bytes).map(([pdu, community]) => writeCommunityMessage({ version: 1, community, pdu }));
  const hurt = fc.tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }), fc.nat()).map(([datagram, edits, end]) => {
    const copy = Buffer.from(datagram);
    for (const [at, byte] of edits) copy[at % copy.length] = byte;
    return copy.subarray(0, end % 3 === 0 ? end % copy.length : copy.length);
  });
  fc.assert(
    fc.property(fc.oneof(bytes, hurt), (datagram) => {
      for (const read of [readMessage, readScopedPdu])
        try {
          read(datagram);
        } catch (error) {
          assert.ok(isOrreryError(error, "snmp/malformed"), String(error));
        }
    }),
    { numRuns: 3000 },
  );
});

test("lengths that lie are refused", () => {
  for (const hex of [
    "",
    "30",
    "3080",
    "308400000001",
    "3085000000000130",
    "30ff",
    "3003020103",
    "0201",
    "300402020101",
    "30050203010101",
    "3006060180020101",
  ])
    assert.throws(
      () => readMessage(Buffer.from(hex, "hex")),
      (error) => isOrreryError(error, "snmp/malformed"),
      hex,
    );
  assert.throws(() => new BerReader(Buffer.from("0600", "hex")).oid(), /empty/);
  assert.throws(() => new BerReader(Buffer.from("06028180", "hex")).oid(), /cut off/);
  assert.throws(() => new BerReader(Buffer.from("060790808080808000", "hex")).oid(), /above/);
});

test("object identifiers are ordered by their numbers, and read as people write them", () => {
  fc.assert(fc.property(oids, oids, (one, other) => Math.sign(compareOids(one, other)) === -Math.sign(compareOids(other, one))));
  assert.ok(compareOids([1, 3, 6], [1, 3, 6, 1]) < 0 && compareOids([1, 3, 10], [1, 3, 9, 9]) > 0);
  fc.assert(fc.property(oids, (one) => assert.deepEqual(parseOid(`.${formatOid(one)}`), one)));
  for (const wrong of ["", "1", ".", "1..3", "1.3.x", "3.1", "1.40", "1.3.4294967296", "-1.3", "1.3.", "sysUpTime"])
    assert.equal(parseOid(wrong), undefined, wrong);
});

test("keys are those of RFC 3414, A.3.2 and RFC 7860's hashes", () => {
  const engineId = Buffer.from("000000000000000000000002", "hex");
  assert.equal(localizeKey("SHA", "maplesyrup", engineId).toString("hex"), "6695febc9288e36282235fc7151f128497b38f3f");
  assert.equal(localizeKey("SHA-256", "maplesyrup", engineId).length, 32);
});

test("a message that was changed on its way is not authentic, and what is encrypted comes back", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 500 }),
      fc.nat(),
      fc.constantFrom("SHA" as const, "SHA-512" as const),
      (data, at, protocol) => {
        const keys = { protocol, auth: localizedOnce(protocol), priv: localizedOnce(protocol) };
        const salt = Buffer.alloc(8, 7);
        const codeBytes = protocol === "SHA" ? 12 : 48;
        const { datagram, authenticationAt } = writeSecureMessage({
          id: 7,
          sizeMax: 1500,
          isAuthenticated: true,
          isPrivate: true,
          isReportable: true,
          security: { engineId: ENGINE, boots: 3, time: 9, user: Buffer.from("anna"), authentication: new Uint8Array(codeBytes), privacy: salt },
          data: encrypt(data, keys.priv, { boots: 3, time: 9, salt }),
        });
        sign(datagram, authenticationAt, keys);
        const message = readMessage(datagram);
        assert.ok(message.version === 3);
        assert.equal(message.authenticationAt, authenticationAt);
        assert.ok(isAuthentic(datagram, authenticationAt, message.security.authentication, keys));
        assert.deepEqual([...decrypt(message.data, keys.priv, { boots: 3, time: 9, salt })], [...data]);
        const hurt = Buffer.from(datagram);
        hurt[at % hurt.length] = (hurt[at % hurt.length] ?? 0) ^ 1;
        const code = hurt.subarray(authenticationAt, authenticationAt + codeBytes);
        assert.equal(isAuthentic(hurt, authenticationAt, code, keys), false);
      },
    ),
    { numRuns: 50 },
  );
});

const ENGINE = Buffer.from("80007ed90501", "hex");
const made = new Map<string, Buffer>();
function localizedOnce(protocol: "SHA" | "SHA-512"): Buffer {
  const known = made.get(protocol) ?? localizeKey(protocol, "a password", ENGINE);
  made.set(protocol, known);
  return known;
}
