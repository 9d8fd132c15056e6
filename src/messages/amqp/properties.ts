import { type FieldTable, readTable, writeTable } from "./field-table.ts";
import { malformed, REPLY } from "./malformed.ts";
import { OctetReader } from "./octet-reader.ts";
import { OctetWriter } from "./octet-writer.ts";

/** What a message says of itself (AMQP's basic properties). */
export interface Properties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: FieldTable;
  /** 2: persistent; everything else is transient. */
  readonly deliveryMode?: number;
  /** 0 to 255. */
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  /** How long it lives in a queue, in ms, as text. */
  readonly expiration?: string;
  readonly messageId?: string;
  /** Seconds since 1970. */
  readonly timestamp?: number;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
  readonly clusterId?: string;
}

/** In the order in which they travel; the first one has the highest bit of the flags. */
const LAYOUT = [
  ["contentType", "shortstr"],
  ["contentEncoding", "shortstr"],
  ["headers", "table"],
  ["deliveryMode", "octet"],
  ["priority", "octet"],
  ["correlationId", "shortstr"],
  ["replyTo", "shortstr"],
  ["expiration", "shortstr"],
  ["messageId", "shortstr"],
  ["timestamp", "longlong"],
  ["type", "shortstr"],
  ["userId", "shortstr"],
  ["appId", "shortstr"],
  ["clusterId", "shortstr"],
] as const;

/** Reads flags and values, as they stand at the end of a content header.
 *  @throws amqp/malformed */
export function readProperties(bytes: Buffer): Properties {
  const reader = new OctetReader(bytes);
  const flags = reader.short();
  if ((flags & 1) !== 0) throw malformed(REPLY.syntaxError, "a second word of property flags, which no property has");
  const found: Record<string, unknown> = {};
  LAYOUT.forEach(([name, type], index) => {
    if ((flags & (0x8000 >> index)) === 0) return;
    found[name] = type === "table" ? readTable(reader) : reader[type]();
  });
  return found;
}

/** The bytes that `readProperties` reads back. */
export function writeProperties(properties: Properties): Buffer {
  const writer = new OctetWriter();
  let flags = 0;
  LAYOUT.forEach(([name], index) => {
    if (properties[name] !== undefined) flags |= 0x8000 >> index;
  });
  writer.short(flags);
  for (const [name, type] of LAYOUT) {
    const value = properties[name];
    if (value === undefined) continue;
    if (type === "table") writeTable(writer, value as FieldTable);
    else if (type === "shortstr") writer.shortstr(value as string);
    else writer[type](value as number);
  }
  return writer.take();
}
