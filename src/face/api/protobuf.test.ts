import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { readFields, readUnknown, textField } from "./protobuf.ts";

const field = (number: number, bytes: Buffer): Buffer => Buffer.concat([Buffer.from([number * 8 + 2]), length(bytes.length), bytes]);
function length(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, value >> 7]);
}

test("the message inside of Kubernetes' envelope is found, whatever stands beside it", () => {
  const message = Buffer.concat([
    Buffer.from([8, 5]),
    field(3, Buffer.from("x".repeat(200))),
    Buffer.from([0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8]),
  ]);
  const envelope = Buffer.concat([Buffer.from("k8s\0"), field(1, Buffer.from("type")), field(2, message)]);
  assert.equal(textField(readFields(readUnknown(envelope)), 3), "x".repeat(200));
  assert.equal(textField(readFields(readUnknown(envelope)), 4), "");
});

test("no bytes at all make it fail otherwise than with a clear refusal", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        readFields(readUnknown(Buffer.concat([Buffer.from("k8s\0"), bytes])));
      } catch (error) {
        assert.ok(isOrreryError(error, "api/bad-request"));
      }
    }),
  );
  assert.throws(
    () => readUnknown(Buffer.from("json")),
    (error) => isOrreryError(error, "api/bad-request"),
  );
});
