import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32, zstdDecompressSync } from "node:zlib";
import { OrreryError } from "#/base/index.ts";
import { type BlockRef, MAGIC, type SegmentFooter, TRAILER_BYTES } from "./segment-writer.ts";

/** No block nor footer is larger when decompressed: a damaged length must not take the memory of the process. */
const BLOCK_BYTES_MAX = 512 * 1024 * 1024;

/** A sealed segment that is read. It stays readable after its file was removed, until it is closed. */
export class SegmentFile<F extends SegmentFooter = SegmentFooter> {
  readonly file: string;
  readonly bytes: number;
  readonly footer: F;
  #descriptor: number | undefined;
  #pins = 0;
  #isClosing = false;

  /** @throws segments/damaged: it is no segment, or not as it was written */
  constructor(file: string) {
    this.file = file;
    this.#descriptor = openSync(file, "r");
    try {
      this.bytes = fstatSync(this.#descriptor).size;
      this.footer = this.#readFooter();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws segments/damaged */
  read([offset, length, crc]: BlockRef): Buffer {
    const stored = this.#readBytes(offset, length);
    if (crc32(stored) !== crc) throw this.#damaged(`the block at ${offset} is not as it was written`);
    return zstdDecompressSync(stored, { maxOutputLength: BLOCK_BYTES_MAX });
  }

  /** A part of what `addRaw` wrote, not checked.
   *  @throws segments/damaged: it ends before that */
  readRaw(offset: number, length: number): Buffer {
    return this.#readBytes(offset, length);
  }

  /** Keeps it readable until what this returns is called, also when it is closed meanwhile. */
  pin(): () => void {
    this.#pins += 1;
    let isPinned = true;
    return () => {
      if (!isPinned) return;
      isPinned = false;
      this.#pins -= 1;
      if (this.#pins === 0 && this.#isClosing) this.close();
    };
  }

  close(): void {
    this.#isClosing = true;
    if (this.#pins > 0) return;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }

  #readFooter(): F {
    if (this.bytes < MAGIC.length + TRAILER_BYTES) throw this.#damaged(`it has ${this.bytes} bytes only`);
    const trailer = this.#readBytes(this.bytes - TRAILER_BYTES, TRAILER_BYTES);
    if (!trailer.subarray(8).equals(MAGIC)) throw this.#damaged("it does not end as a segment does");
    const length = trailer.readUInt32LE(0);
    if (length > this.bytes - MAGIC.length - TRAILER_BYTES) throw this.#damaged("its footer is longer than the file");
    const stored = this.#readBytes(this.bytes - TRAILER_BYTES - length, length);
    if (crc32(stored) !== trailer.readUInt32LE(4)) throw this.#damaged("its footer is not as it was written");
    return JSON.parse(zstdDecompressSync(stored, { maxOutputLength: BLOCK_BYTES_MAX }).toString("utf8")) as F;
  }

  #readBytes(offset: number, length: number): Buffer {
    if (this.#descriptor === undefined) throw this.#damaged("it was closed");
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    while (at < length) {
      const read = readSync(this.#descriptor, bytes, at, length - at, offset + at);
      if (read === 0) throw this.#damaged(`it ends before byte ${offset + length}`);
      at += read;
    }
    return bytes;
  }

  #damaged(why: string): OrreryError {
    return new OrreryError(
      "segments/damaged",
      `segment ${this.file}: ${why}; what is in it is left out. Move the file away, or put it back from a backup`,
      {
        details: { file: this.file },
      },
    );
  }
}
