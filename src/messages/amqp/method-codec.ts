import { readTable, writeTable } from "./field-table.ts";
import { malformed, REPLY } from "./malformed.ts";
import { type ArgumentTypes, METHODS, type Method, type MethodName } from "./methods.ts";
import { OctetReader } from "./octet-reader.ts";
import type { OctetWriter } from "./octet-writer.ts";

interface Layout {
  readonly name: MethodName;
  readonly classId: number;
  readonly methodId: number;
  readonly fields: readonly { readonly name: string; readonly type: keyof ArgumentTypes; readonly isReserved: boolean }[];
}

const LAYOUTS: readonly Layout[] = Object.entries(METHODS).map(([name, [classId, methodId, fields]]) => ({
  name: name as MethodName,
  classId,
  methodId,
  fields: Object.entries(fields).map(([field, type]) => ({
    name: field,
    type: type as keyof ArgumentTypes,
    isReserved: field.startsWith("reserved"),
  })),
}));
const BY_NUMBER: ReadonlyMap<number, Layout> = new Map(LAYOUTS.map((layout) => [layout.classId * 0x1_0000 + layout.methodId, layout]));
const BY_NAME: ReadonlyMap<string, Layout> = new Map(LAYOUTS.map((layout) => [layout.name, layout]));

/** Class and number of a method, as a close tells them. */
export function methodNumbers(name: MethodName): { readonly classId: number; readonly methodId: number } {
  const [classId, methodId] = METHODS[name];
  return { classId, methodId };
}

/** The method in the payload of a method frame. Bytes behind its arguments are not looked at, as RabbitMQ does not.
 *  @throws amqp/malformed: unknown (540 with RabbitMQ: it is refused by number), or cut off */
export function readMethod(payload: Buffer): Method {
  const reader = new OctetReader(payload);
  const classId = reader.short();
  const methodId = reader.short();
  const layout = BY_NUMBER.get(classId * 0x1_0000 + methodId);
  if (layout === undefined) throw malformed(REPLY.notImplemented, `the unknown method ${methodId} of class ${classId}`);
  const found: Record<string, unknown> = { method: layout.name };
  let bits = 0;
  let bitsLeft = 0;
  for (const { name, type, isReserved } of layout.fields) {
    let value: unknown;
    if (type === "bit") {
      if (bitsLeft === 0) {
        bits = reader.octet();
        bitsLeft = 8;
      }
      value = (bits & 1) === 1;
      bits >>= 1;
      bitsLeft -= 1;
    } else {
      bitsLeft = 0;
      value = readArgument(reader, type);
    }
    if (!isReserved) found[name] = value;
  }
  return found as unknown as Method;
}

function readArgument(reader: OctetReader, type: Exclude<keyof ArgumentTypes, "bit">): unknown {
  return type === "table" ? readTable(reader) : reader[type]();
}

/** Writes class, number and arguments of a method: the payload of a method frame. */
export function writeMethod(writer: OctetWriter, method: Method): void {
  const layout = BY_NAME.get(method.method) as Layout;
  const values = method as unknown as Record<string, unknown>;
  writer.short(layout.classId);
  writer.short(layout.methodId);
  let bits = 0;
  let count = 0;
  const flush = (): void => {
    if (count === 0) return;
    writer.octet(bits);
    bits = 0;
    count = 0;
  };
  for (const { name, type, isReserved } of layout.fields) {
    if (type === "bit") {
      if (count === 8) flush();
      if (!isReserved && values[name] === true) bits |= 1 << count;
      count += 1;
      continue;
    }
    flush();
    writeArgument(writer, type, isReserved ? undefined : values[name]);
  }
  flush();
}

function writeArgument(writer: OctetWriter, type: Exclude<keyof ArgumentTypes, "bit">, value: unknown): void {
  switch (type) {
    case "shortstr":
      return writer.shortstr((value as string | undefined) ?? "");
    case "longstr":
      return writer.longstr((value as Buffer | undefined) ?? Buffer.alloc(0));
    case "table":
      return writeTable(writer, value as ArgumentTypes["table"]);
    default:
      return writer[type]((value as number | undefined) ?? 0);
  }
}
