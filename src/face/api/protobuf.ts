import { badRequest } from "./status.ts";

/** Fields of one protobuf message by number; of a repeated field the last. Only what lengths delimit (texts, bytes, messages). */
export type ProtobufFields = ReadonlyMap<number, Buffer>;

const MAGIC = Buffer.from("k8s\0");

/** The message inside of Kubernetes' envelope: `k8s\0`, then runtime.Unknown with the message in field 2.
 *  @throws api/bad-request */
export function readUnknown(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, 4).equals(MAGIC)) throw badRequest("the body is no Kubernetes protobuf: it does not begin with k8s\\0");
  return readFields(bytes.subarray(4)).get(2) ?? Buffer.alloc(0);
}

/** @throws api/bad-request: cut or not understood */
export function readFields(bytes: Buffer): ProtobufFields {
  const fields = new Map<number, Buffer>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw badRequest("the protobuf body is cut");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw badRequest("the protobuf body holds a number that is too long");
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      if (at + length > bytes.length) throw badRequest("the protobuf body is cut");
      fields.set(field, bytes.subarray(at, at + length));
      at += length;
    } else throw badRequest("the protobuf body cannot be read");
  }
  return fields;
}

/** Field `number` as text; empty when absent. */
export function textField(fields: ProtobufFields, number: number): string {
  return fields.get(number)?.toString("utf8") ?? "";
}
