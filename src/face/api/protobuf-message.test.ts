import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { coreEventMessage, decodeMessage, deleteOptionsMessage, leaseMessage, newEventMessage } from "./protobuf-message.ts";

/** A field as protobuf's wire format has it. */
function field(number: number, value: string | number | Buffer): Buffer {
  const varint = (rest: bigint): number[] => (rest < 128n ? [Number(rest)] : [Number(rest & 127n) | 128, ...varint(rest >> 7n)]);
  if (typeof value === "number") return Buffer.from([...varint(BigInt(number * 8)), ...varint(BigInt.asUintN(64, BigInt(value)))]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([...varint(BigInt(number * 8 + 2)), ...varint(BigInt(bytes.length))]), bytes]);
}
const all = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);
const microTime = all(field(1, 1_893_456_000), field(2, 123_456_789));

test("a Lease and an Event are read as client-go sends them", () => {
  const metadata = all(
    field(1, "锁"),
    field(2, ""),
    field(6, "7"),
    field(7, 0),
    field(8, Buffer.alloc(0)),
    field(11, all(field(1, "a"), field(2, "b"))),
  );
  const spec = all(field(1, ""), field(2, 15), field(3, microTime), field(5, 0));
  assert.deepEqual(decodeMessage(leaseMessage, all(field(1, metadata), field(2, spec))), {
    metadata: { name: "锁", resourceVersion: "7", labels: { a: "b" } },
    // Of pointers in Go what is empty was set so: nobody holds it.
    spec: { holderIdentity: "", leaseDurationSeconds: 15, acquireTime: "2030-01-01T00:00:00.123456Z", leaseTransitions: 0 },
  });
  const event = all(
    field(1, all(field(1, "e"), field(14, "f1"), field(14, "f2"))),
    field(2, all(field(1, "Pod"), field(3, "p"), field(7, ""))),
    field(6, all(field(1, 1_893_456_000))),
    field(7, all(field(1, -1))),
    field(8, 2),
    field(10, Buffer.alloc(0)),
    field(99, "later"),
  );
  assert.deepEqual(decodeMessage(coreEventMessage, event), {
    metadata: { name: "e", finalizers: ["f1", "f2"] },
    involvedObject: { kind: "Pod", name: "p" },
    firstTimestamp: "2030-01-01T00:00:00Z",
    lastTimestamp: "1969-12-31T23:59:59Z",
    count: 2,
  });
});

test("any bytes are read or refused, and what is cut is refused", () => {
  const types = [coreEventMessage, newEventMessage, leaseMessage, deleteOptionsMessage];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...types), (bytes, type) => {
      try {
        decodeMessage(type, Buffer.from(bytes));
      } catch (error) {
        assert.ok(isOrreryError(error, "api/bad-request"), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
  const whole = field(1, field(1, "name"));
  for (let length = 1; length < whole.length; length++) assert.throws(() => decodeMessage(leaseMessage, whole.subarray(0, length)), /cut/);
  assert.throws(() => decodeMessage(leaseMessage, field(1, 7)), /another type for metadata/);
});

test("three megabytes of labels take no more than their share", () => {
  const entry = (index: number): Buffer => field(11, all(field(1, `k${index}`), field(2, "v")));
  const message = field(1, Buffer.concat(Array.from({ length: 200_000 }, (_, index) => entry(index))));
  const startMs = performance.now();
  const { metadata } = decodeMessage(leaseMessage, message) as { readonly metadata: { readonly labels: object } };
  assert.equal(Object.keys(metadata.labels).length, 200_000);
  assert.ok(performance.now() - startMs < 5_000);
});
