import { type Labels, type MetricMetadata, STALE } from "../contract.ts";

/** Samples of one series, as they go over. */
export interface WrittenSeries {
  readonly labels: Labels;
  readonly samples: readonly { readonly atMs: number; readonly value: number }[];
}

/** The bits by which Prometheus says that a series has ended. */
const STALE_BITS = 0x7ff0_0000_0000_0002n;
const TYPES: Readonly<Record<MetricMetadata["type"], number>> = { unknown: 0, counter: 1, gauge: 2, histogram: 3, summary: 5 };

/** A WriteRequest of Prometheus' remote write 1.0, in protobuf, not compressed yet: labels in the order of their names. */
export function encodeWriteRequest(series: readonly WrittenSeries[], metadata: Readonly<Record<string, MetricMetadata>> = {}): Uint8Array {
  const out = new MessageWriter();
  for (const { labels, samples } of series) {
    const one = new MessageWriter();
    for (const name of Object.keys(labels).sort()) {
      const value = labels[name] as string;
      if (value !== "") one.message(1, new MessageWriter().text(1, name).text(2, value));
    }
    for (const { atMs, value } of samples) one.message(2, new MessageWriter().double(1, value).number(2, atMs));
    out.message(1, one);
  }
  for (const [metric, { type, help, unit }] of Object.entries(metadata)) {
    out.message(3, new MessageWriter().number(1, TYPES[type]).text(2, metric).text(4, help).text(5, unit));
  }
  return out.bytes;
}

/** One protobuf message, written field by field. */
class MessageWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  get bytes(): Uint8Array {
    return Buffer.concat(this.#parts, this.#length);
  }

  text(field: number, value: string): this {
    return this.#delimited(field, Buffer.from(value));
  }

  message(field: number, message: MessageWriter): this {
    return this.#delimited(field, message.bytes);
  }

  /** A whole number from 0 on. */
  number(field: number, value: number): this {
    return this.#push(varint(field * 8)).#push(varint(value));
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(9);
    bytes[0] = field * 8 + 1;
    if (value === STALE) bytes.writeBigUInt64LE(STALE_BITS, 1);
    else bytes.writeDoubleLE(value, 1);
    return this.#push(bytes);
  }

  #delimited(field: number, bytes: Uint8Array): this {
    return this.#push(varint(field * 8 + 2))
      .#push(varint(bytes.length))
      .#push(bytes);
  }

  #push(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
