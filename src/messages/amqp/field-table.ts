import { malformed, REPLY } from "./malformed.ts";
import type { OctetReader } from "./octet-reader.ts";
import type { OctetWriter } from "./octet-writer.ts";

/** A value with the letter under which it travels, so that what is passed on is what came in. The letters are RabbitMQ's, which differ from the text of AMQP 0-9-1 (its `s` is a 16-bit number, its `b` has a sign; `x` is bytes). */
export type FieldValue =
  | { readonly tag: "t"; readonly value: boolean }
  /** `b` and `B`: 8 bits with and without a sign; `s`, `u`: 16; `I`, `i`: 32; `f`, `d`: float and double. */
  | { readonly tag: "b" | "B" | "s" | "u" | "I" | "i" | "f" | "d"; readonly value: number }
  /** 64 bits with a sign, without; a time in seconds since 1970. */
  | { readonly tag: "l" | "L" | "T"; readonly value: bigint }
  /** `value` / 10^`scale`. */
  | { readonly tag: "D"; readonly scale: number; readonly value: number }
  /** Text (of whatever encoding; usually UTF-8), and bytes. */
  | { readonly tag: "S" | "x"; readonly value: Buffer }
  | { readonly tag: "A"; readonly value: readonly FieldValue[] }
  | { readonly tag: "F"; readonly value: FieldTable }
  | { readonly tag: "V" };

export type FieldTable = ReadonlyMap<string, FieldValue>;

export const EMPTY_TABLE: FieldTable = new Map();

/** Tables and lists inside each other. RabbitMQ has no bound; a stack has one. */
export const TABLE_LEVELS_MAX = 64;

/** A table with its size before it. Of a name that stands there twice the last value counts.
 *  @throws amqp/malformed: it is cut off, has an unknown letter, or more than `TABLE_LEVELS_MAX` levels */
export function readTable(reader: OctetReader, level = 1): FieldTable {
  const inside = reader.inside(reader.long());
  if (inside.isDone) return EMPTY_TABLE;
  if (level > TABLE_LEVELS_MAX) throw malformed(REPLY.syntaxError, `tables of more than ${TABLE_LEVELS_MAX} levels`);
  const table = new Map<string, FieldValue>();
  while (!inside.isDone) table.set(inside.shortstr(), readFieldValue(inside, level));
  return table;
}

function readFieldValue(reader: OctetReader, level: number): FieldValue {
  const letter = reader.octet();
  const tag = String.fromCharCode(letter);
  switch (tag) {
    case "t":
      return { tag, value: reader.octet() !== 0 };
    case "b":
      return { tag, value: reader.int8() };
    case "B":
      return { tag, value: reader.octet() };
    case "s":
      return { tag, value: reader.int16() };
    case "u":
      return { tag, value: reader.short() };
    case "I":
      return { tag, value: reader.int32() };
    case "i":
      return { tag, value: reader.long() };
    case "f":
      return { tag, value: reader.float() };
    case "d":
      return { tag, value: reader.double() };
    case "l":
      return { tag, value: reader.int64() };
    case "L":
    case "T":
      return { tag, value: reader.uint64() };
    case "D":
      return { tag, scale: reader.octet(), value: reader.long() };
    case "S":
    case "x":
      return { tag, value: reader.longstr() };
    case "A": {
      const inside = reader.inside(reader.long());
      const values: FieldValue[] = [];
      if (!inside.isDone && level >= TABLE_LEVELS_MAX) throw malformed(REPLY.syntaxError, `lists of more than ${TABLE_LEVELS_MAX} levels`);
      while (!inside.isDone) values.push(readFieldValue(inside, level + 1));
      return { tag, value: values };
    }
    case "F":
      return { tag, value: readTable(reader, level + 1) };
    case "V":
      return { tag };
    default:
      throw malformed(REPLY.syntaxError, `a table's value of the unknown type ${letter}`);
  }
}

/** Writes a table with its size before it. */
export function writeTable(writer: OctetWriter, table: FieldTable): void {
  writer.sized(() => {
    for (const [name, value] of table) {
      writer.shortstr(name);
      writeFieldValue(writer, value);
    }
  });
}

function writeFieldValue(writer: OctetWriter, field: FieldValue): void {
  writer.octet(field.tag.charCodeAt(0));
  switch (field.tag) {
    case "t":
      return writer.octet(field.value ? 1 : 0);
    case "b":
      return writer.int8(field.value);
    case "B":
      return writer.octet(field.value);
    case "s":
      return writer.int16(field.value);
    case "u":
      return writer.short(field.value);
    case "I":
      return writer.int32(field.value);
    case "i":
      return writer.long(field.value);
    case "f":
      return writer.float(field.value);
    case "d":
      return writer.double(field.value);
    case "l":
      return writer.int64(field.value);
    case "L":
    case "T":
      return writer.uint64(field.value);
    case "D":
      writer.octet(field.scale);
      return writer.long(field.value);
    case "S":
    case "x":
      return writer.longstr(field.value);
    case "A":
      return writer.sized(() => {
        for (const one of field.value) writeFieldValue(writer, one);
      });
    case "F":
      return writeTable(writer, field.value);
    case "V":
      return;
  }
}

/** A text as a table carries it. */
export function textField(text: string): FieldValue {
  return { tag: "S", value: Buffer.from(text) };
}

/** A whole number that fits into 64 bits. */
export function longField(value: number): FieldValue {
  return { tag: "l", value: BigInt(value) };
}

/** The text of a field; `undefined` where it is none. */
export function fieldText(field: FieldValue | undefined): string | undefined {
  return field?.tag === "S" ? field.value.toString("utf8") : undefined;
}

/** The whole number of a field, whatever its width; `undefined` where it is none, or one that a double does not hold exactly. */
export function fieldNumber(field: FieldValue | undefined): number | undefined {
  switch (field?.tag) {
    case "b":
    case "B":
    case "s":
    case "u":
    case "I":
    case "i":
      return field.value;
    case "l":
    case "L": {
      const value = Number(field.value);
      return Number.isSafeInteger(value) ? value : undefined;
    }
    default:
      return undefined;
  }
}

/** True if both are the same value. Numbers of different widths are the same if their values are, as RabbitMQ compares arguments of a second declaration. */
export function sameField(a: FieldValue | undefined, b: FieldValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const number = fieldNumber(a);
  if (number !== undefined) return number === fieldNumber(b);
  switch (a.tag) {
    case "S":
    case "x":
      return a.tag === b.tag && a.value.equals(b.value);
    case "A":
      return b.tag === "A" && a.value.length === b.value.length && a.value.every((one, index) => sameField(one, b.value[index]));
    case "F":
      return b.tag === "F" && sameTable(a.value, b.value);
    case "D":
      return b.tag === "D" && a.scale === b.scale && a.value === b.value;
    case "V":
      return b.tag === "V";
    default:
      return a.tag === b.tag && "value" in b && Object.is(a.value, b.value);
  }
}

/** True if both have the same names with the same values, in whatever order. */
export function sameTable(a: FieldTable, b: FieldTable): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) if (!sameField(value, b.get(name))) return false;
  return true;
}
