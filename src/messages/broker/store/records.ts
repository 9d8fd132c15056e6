import { crc32 } from "node:zlib";
import {
  type FieldTable,
  type FieldValue,
  fieldNumber,
  fieldText,
  longField,
  OctetReader,
  OctetWriter,
  readTable,
  textField,
  writeTable,
} from "#/messages/amqp/index.ts";
import type { Definition, Message, Place } from "../model/index.ts";

/** What the log tells when it is read, in the order in which it was written. */
export interface RecordReader {
  define(key: string, definition: Definition | undefined, at: RecordPlace): void;
  add(message: Message, places: readonly Place[], at: RecordPlace): void;
  remove(queue: number, seq: number): void;
  delivered(queue: number, seq: number, count: number): void;
}

/** Where a record stands in its file, its head included. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

const KIND = { add: 1, remove: 2, delivered: 3, define: 4, forget: 5 } as const;
/** Begins each record, so that reading goes on behind damage. */
const MARK = Buffer.from([0xb5, 0x4f, 0x52, 0x01]);
/** Mark, length, check. */
const HEAD_BYTES = 12;

/** Records one behind the other, as they go into a file. */
export class RecordWriter {
  readonly #writer = new OctetWriter(4096);

  get length(): number {
    return this.#writer.length;
  }

  /** The bytes written so far; to be used before anything else is written. */
  view(): Buffer {
    return this.#writer.view();
  }

  add(message: Message, places: readonly Place[]): RecordPlace {
    return this.#record(KIND.add, (writer) => {
      writer.long(places.length);
      for (const { queue, seq, expiresAtMs } of places) {
        writer.long(queue);
        writer.longlong(seq);
        writer.double(expiresAtMs);
      }
      writer.shortstr(message.exchange);
      writer.shortstr(message.routingKey);
      writer.longstr(message.properties);
      writer.longstr(message.body);
    });
  }

  remove(queue: number, seq: number): void {
    this.#record(KIND.remove, (writer) => {
      writer.long(queue);
      writer.longlong(seq);
    });
  }

  delivered(queue: number, seq: number, count: number): void {
    this.#record(KIND.delivered, (writer) => {
      writer.long(queue);
      writer.longlong(seq);
      writer.long(count);
    });
  }

  define(key: string, definition: Definition | undefined): RecordPlace {
    return this.#record(definition === undefined ? KIND.forget : KIND.define, (writer) => {
      writer.longstr(Buffer.from(key));
      if (definition !== undefined) writeTable(writer, tableOf(definition));
    });
  }

  #record(kind: number, write: (writer: OctetWriter) => void): RecordPlace {
    const writer = this.#writer;
    const offset = writer.length;
    writer.bytes(MARK);
    writer.longlong(0);
    writer.octet(kind);
    write(writer);
    const record = writer.view().subarray(offset);
    record.writeUInt32BE(record.length - HEAD_BYTES, 4);
    record.writeUInt32BE(crc32(record.subarray(HEAD_BYTES)), 8);
    return { offset, length: record.length };
  }
}

/** Reads all records of a file. Behind bytes that are none, reading goes on at the next one.
 *  Returns how many bytes could not be read; those at the end alone are what a kill leaves of a record: `cutOff`. */
export function readRecords(bytes: Buffer, reader: RecordReader): { readonly damaged: number; readonly cutOff: number } {
  let at = 0;
  let damaged = 0;
  while (at < bytes.length) {
    const length = recordLength(bytes, at);
    if (length !== undefined && readRecord(bytes, at, length, reader)) {
      at += length;
      continue;
    }
    let next = bytes.indexOf(MARK, at + 1);
    while (next >= 0 && recordLength(bytes, next) === undefined) next = bytes.indexOf(MARK, next + 1);
    if (next < 0) return { damaged, cutOff: bytes.length - at };
    damaged += next - at;
    at = next;
  }
  return { damaged, cutOff: 0 };
}

/** `undefined`: no whole record stands there. */
function recordLength(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < HEAD_BYTES || bytes.compare(MARK, 0, MARK.length, at, at + MARK.length) !== 0) return undefined;
  const end = at + HEAD_BYTES + bytes.readUInt32BE(at + 4);
  if (end > bytes.length) return undefined;
  return crc32(bytes.subarray(at + HEAD_BYTES, end)) === bytes.readUInt32BE(at + 8) ? end - at : undefined;
}

/** False: its check holds, and yet it is nothing that this version has written. */
function readRecord(bytes: Buffer, offset: number, length: number, reader: RecordReader): boolean {
  try {
    const body = new OctetReader(bytes, offset + HEAD_BYTES, offset + length);
    const place = { offset, length };
    const kind = body.octet();
    switch (kind) {
      case KIND.add: {
        const places = Array.from({ length: Math.min(body.long(), body.left) }, () => ({
          queue: body.long(),
          seq: body.longlong(),
          expiresAtMs: body.double(),
        }));
        reader.add({ exchange: body.shortstr(), routingKey: body.shortstr(), properties: body.longstr(), body: body.longstr() }, places, place);
        return true;
      }
      case KIND.remove:
        reader.remove(body.long(), body.longlong());
        return true;
      case KIND.delivered:
        reader.delivered(body.long(), body.longlong(), body.long());
        return true;
      case KIND.define: {
        const key = body.longstr().toString();
        const definition = definitionOf(readTable(body));
        if (definition !== undefined) reader.define(key, definition, place);
        return definition !== undefined;
      }
      case KIND.forget:
        reader.define(body.longstr().toString(), undefined, place);
        return true;
      default:
        return false;
    }
  } catch {
    return false;
  }
}

function tableOf(definition: Definition): FieldTable {
  return new Map(
    Object.entries(definition).map(([name, value]: [string, string | number | boolean | FieldTable]): [string, FieldValue] => [
      name,
      typeof value === "string"
        ? textField(value)
        : typeof value === "number"
          ? longField(value)
          : typeof value === "boolean"
            ? { tag: "t", value }
            : { tag: "F", value },
    ]),
  );
}

function definitionOf(table: FieldTable): Definition | undefined {
  const values = Object.fromEntries(
    [...table].map(([name, field]) => [
      name,
      fieldText(field) ?? fieldNumber(field) ?? (field.tag === "t" || field.tag === "F" ? field.value : undefined),
    ]),
  ) as Readonly<Record<string, unknown>>;
  return ["exchange", "queue", "binding"].includes(String(values["is"])) ? (values as unknown as Definition) : undefined;
}
