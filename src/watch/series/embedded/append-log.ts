import { closeSync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { syncFolder } from "#/watch/segments/index.ts";

const NAME = /^(\d+)\.log$/;
const HEAD_BYTES = 8;
const SERIES = 1;
const SAMPLES = 2;
/** Of one series' key with its source, and of one record: what claims more is damaged. */
const RECORD_BYTES_MAX = 64 * 1024 * 1024;

/** What a log tells when it is read again, in the order in which it was written. */
export interface LogReader {
  series(id: number, key: string, source: string): void;
  samples(ids: Uint32Array, times: Float64Array, values: Float64Array): void;
}

/** The log of what is not sealed yet: written before a batch is answered, dropped when its samples are sealed. A record that is not whole, as the process or the machine ended while it was written, ends the log. */
export class AppendLog {
  readonly #folder: string;
  #number = 0;
  #descriptor: number | undefined;
  #offset = 0;
  #isUnsynced = false;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Reads all files that are there, each up to a record that is not as it was written. Returns the bytes that could not be read. */
  read(reader: LogReader): number {
    let unread = 0;
    for (const number of this.#numbers()) {
      this.#number = number;
      const bytes = readFileSync(this.#file(number));
      unread += bytes.length - readRecords(bytes, reader);
    }
    return unread;
  }

  get number(): number {
    return this.#number;
  }

  get bytes(): number {
    return this.#numbers().reduce((sum, number) => sum + statSync(this.#file(number)).size, 0);
  }

  /** Goes on in a new file. */
  begin(): void {
    this.sync();
    const next = openSync(this.#file(this.#number + 1), "ax", 0o600);
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#number += 1;
    this.#descriptor = next;
    this.#offset = 0;
    syncFolder(this.#folder);
  }

  /** Writes one record whole or not at all.
   *  @throws what the system says: ENOSPC */
  write(
    defined: readonly { readonly id: number; readonly key: string; readonly source: string }[],
    ids: Uint32Array,
    times: Float64Array,
    values: Float64Array,
  ): void {
    const records = [
      ...defined.map(({ id, key, source }) => seriesRecord(id, key, source)),
      ...(ids.length > 0 ? [samplesRecord(ids, times, values)] : []),
    ];
    if (records.length === 0) return;
    const bytes = records.length === 1 ? (records[0] as Buffer) : Buffer.concat(records);
    const descriptor = this.#descriptor as number;
    try {
      writeFileSync(descriptor, bytes);
    } catch (error) {
      // What was written of it would end the log for all that comes after.
      ftruncateSync(descriptor, this.#offset);
      throw error;
    }
    this.#offset += bytes.length;
    this.#isUnsynced = true;
  }

  /** Puts what was written on disk. */
  sync(): void {
    if (this.#descriptor === undefined || !this.#isUnsynced) return;
    fdatasyncSync(this.#descriptor);
    this.#isUnsynced = false;
  }

  /** Removes the files up to `number`. */
  drop(number: number): void {
    for (const one of this.#numbers()) if (one <= number) rmSync(this.#file(one), { force: true });
  }

  close(): void {
    this.sync();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #file(number: number): string {
    return path.join(this.#folder, `${String(number).padStart(10, "0")}.log`);
  }

  #numbers(): readonly number[] {
    return readdirSync(this.#folder)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }
}

/** How many bytes of it are records. */
function readRecords(bytes: Buffer, reader: LogReader): number {
  let at = 0;
  while (at + HEAD_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + HEAD_BYTES + length;
    if (length === 0 || length > RECORD_BYTES_MAX || end > bytes.length) return at;
    const body = bytes.subarray(at + HEAD_BYTES, end);
    if (crc32(body) !== bytes.readUInt32LE(at + 4)) return at;
    readRecord(body, reader);
    at = end;
  }
  return at;
}

function readRecord(body: Buffer, reader: LogReader): void {
  if (body[0] === SERIES) {
    const text = body.subarray(5).toString("utf8");
    const mark = text.indexOf("\u0002");
    return reader.series(body.readUInt32LE(1), text.slice(mark + 1), text.slice(0, mark));
  }
  const count = body.readUInt32LE(4);
  // Copied, so that each column begins where its type may.
  const part = (offset: number, length: number): ArrayBuffer => Uint8Array.from(body.subarray(offset, offset + length)).buffer;
  reader.samples(
    new Uint32Array(part(8, count * 4)),
    new Float64Array(part(8 + count * 4, count * 8)),
    new Float64Array(part(8 + count * 12, count * 8)),
  );
}

function seriesRecord(id: number, key: string, source: string): Buffer {
  const text = Buffer.from(`${source}\u0002${key}`);
  const body = Buffer.alloc(5 + text.length);
  body[0] = SERIES;
  body.writeUInt32LE(id, 1);
  text.copy(body, 5);
  return framed(body);
}

function samplesRecord(ids: Uint32Array, times: Float64Array, values: Float64Array): Buffer {
  const body = Buffer.alloc(8 + ids.length * 20);
  body[0] = SAMPLES;
  body.writeUInt32LE(ids.length, 4);
  body.set(bytesOf(ids), 8);
  body.set(bytesOf(times), 8 + ids.length * 4);
  body.set(bytesOf(values), 8 + ids.length * 12);
  return framed(body);
}

function bytesOf(array: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function framed(body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(body.length, 0);
  head.writeUInt32LE(crc32(body), 4);
  return Buffer.concat([head, body]);
}
