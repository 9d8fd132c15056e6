import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32, zstdCompressSync } from "node:zlib";

/** Where a block stands in a segment: offset, length, CRC-32 of what is stored. */
export type BlockRef = readonly [offset: number, length: number, crc: number];

/** What a segment says of itself; each room adds its own fields. */
export interface SegmentFooter {
  /** Files whose contents are in this one: what is left of them is removed. */
  readonly replaces?: readonly string[];
}

export const MAGIC: Buffer = Buffer.from("orrseg1\n");
/** Length of the footer, its CRC-32, and the magic again. */
export const TRAILER_BYTES = 16;

/** Writes one sealed segment: blocks, compressed one by one, then a footer that says where they are. The file has its name only when it is whole and on disk. */
export class SegmentWriter {
  readonly #file: string;
  readonly #partial: string;
  #descriptor: number | undefined;
  #offset = 0;

  /** @throws what the system says: ENOSPC, EACCES */
  constructor(file: string) {
    this.#file = file;
    this.#partial = `${file}.partial`;
    this.#descriptor = openSync(this.#partial, "w", 0o600);
    this.#write(MAGIC);
  }

  get bytes(): number {
    return this.#offset;
  }

  add(bytes: Uint8Array): BlockRef {
    const stored = zstdCompressSync(bytes);
    const ref: BlockRef = [this.#offset, stored.length, crc32(stored)];
    this.#write(stored);
    return ref;
  }

  /** Bytes as they are, of which parts can be read (`SegmentFile.readRaw`); returns their place. Who writes them sees to it that damage is found. */
  addRaw(bytes: Uint8Array): number {
    const at = this.#offset;
    this.#write(bytes);
    return at;
  }

  /** Ends the segment and gives it its name. */
  finish(footer: SegmentFooter): void {
    const stored = zstdCompressSync(Buffer.from(JSON.stringify(footer)));
    this.#write(stored);
    const trailer = Buffer.alloc(TRAILER_BYTES);
    trailer.writeUInt32LE(stored.length, 0);
    trailer.writeUInt32LE(crc32(stored), 4);
    MAGIC.copy(trailer, 8);
    this.#write(trailer);
    const descriptor = this.#descriptor as number;
    fsyncSync(descriptor);
    this.#close();
    renameSync(this.#partial, this.#file);
    syncFolder(path.dirname(this.#file));
  }

  /** Gives up what was written. */
  abandon(): void {
    this.#close();
    rmSync(this.#partial, { force: true });
  }

  #write(bytes: Uint8Array): void {
    writeFileSync(this.#descriptor as number, bytes);
    this.#offset += bytes.length;
  }

  #close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Makes names in `folder` last. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
