import { OrreryError } from "#/base/index.ts";
import { malformed, REPLY } from "./malformed.ts";
import { writeMethod } from "./method-codec.ts";
import { METHODS, type Method } from "./methods.ts";
import { OctetWriter } from "./octet-writer.ts";

export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;

/** Head and end of a frame. */
export const FRAME_OVERHEAD = 8;
const HEAD = 7;
const END = 0xce;
/** What every peer takes before something larger is agreed on. */
export const FRAME_BYTES_MIN = 4096;

/** What a client says first. */
export const PROTOCOL_HEADER: Buffer = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

export interface Frame {
  readonly type: number;
  readonly channel: number;
  /** A part of what was given to the reader, not a copy. */
  readonly payload: Buffer;
}

/** Cuts a stream of bytes into frames, however they are chunked. What it keeps is at most one frame, and what it does is linear in the bytes given. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;
  #needed: number;
  #onHeader: (() => void) | undefined;
  #frameMax: number;

  /** A server gives `onHeader`: the protocol's name and version come before the first frame, and it is called then. */
  constructor({ onHeader, frameMax = FRAME_BYTES_MIN }: { readonly onHeader?: () => void; readonly frameMax?: number } = {}) {
    this.#onHeader = onHeader;
    this.#needed = onHeader === undefined ? HEAD : PROTOCOL_HEADER.length;
    this.#frameMax = frameMax;
  }

  /** Bytes of a whole frame that are taken from now on, as agreed on. */
  set frameMax(bytes: number) {
    this.#frameMax = bytes;
  }

  /** The frames that `chunk` completes, one after the other: what is agreed on by one counts for the next. To be read to its end before the next chunk is given.

   *  @throws amqp/bad-header: it begins with something else than AMQP 0-9-1; answer with `PROTOCOL_HEADER` and close
   *  @throws amqp/malformed: too large (501), without its end (501), or a heartbeat for a channel (505) */
  *read(chunk: Buffer): Generator<Frame, void, undefined> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    let at = 0;
    if (this.#onHeader !== undefined) {
      if (!bytes.subarray(0, PROTOCOL_HEADER.length).equals(PROTOCOL_HEADER))
        throw new OrreryError("amqp/bad-header", "the client speaks something else than AMQP 0-9-1: another protocol, another version, or TLS");
      this.#onHeader();
      this.#onHeader = undefined;
      at = PROTOCOL_HEADER.length;
    }
    for (;;) {
      const left = bytes.length - at;
      if (left < HEAD) {
        this.#keep(bytes, at, HEAD);
        return;
      }
      const size = bytes.readUInt32BE(at + 3);
      if (size + FRAME_OVERHEAD > this.#frameMax)
        throw malformed(REPLY.frameError, `a frame of ${size + FRAME_OVERHEAD} bytes where at most ${this.#frameMax} are agreed on`);
      if (left < size + FRAME_OVERHEAD) {
        this.#keep(bytes, at, size + FRAME_OVERHEAD);
        return;
      }
      yield cutFrame(bytes, at, size);
      at += size + FRAME_OVERHEAD;
    }
  }

  #keep(bytes: Buffer, at: number, needed: number): void {
    const rest = bytes.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    this.#needed = needed;
  }
}

function cutFrame(bytes: Buffer, at: number, size: number): Frame {
  const type = bytes.readUInt8(at);
  const channel = bytes.readUInt16BE(at + 1);
  if (bytes[at + HEAD + size] !== END) throw malformed(REPLY.frameError, `a frame of ${size} bytes that does not end where it should`);
  if (type !== FRAME.method && type !== FRAME.header && type !== FRAME.body && type !== FRAME.heartbeat)
    throw malformed(REPLY.frameError, `a frame of the unknown type ${type}`);
  if (type === FRAME.heartbeat && channel !== 0) throw malformed(REPLY.unexpectedFrame, `a heartbeat for channel ${channel}`);
  if (type === FRAME.heartbeat && size !== 0) throw malformed(REPLY.frameError, "a heartbeat with contents");
  return { type, channel, payload: bytes.subarray(at + HEAD, at + HEAD + size) };
}

export const HEARTBEAT: Buffer = Buffer.from([FRAME.heartbeat, 0, 0, 0, 0, 0, 0, END]);

/** Below this a message travels in one piece of memory: copying costs less than a further write. */
const COPY_BYTES_MAX = 8192;

const scratch = new OctetWriter(1024);

/** The frame of a method. */
export function methodFrame(channel: number, method: Method): Buffer {
  scratch.clear();
  putMethod(channel, method);
  return scratch.take();
}

/** A method with its content, as the pieces to be written one after the other; no frame is larger than `frameMax`.
 *  `properties` are flags and values as `writeProperties` makes them. */
export function contentFrames(options: {
  readonly channel: number;
  readonly method: Method;
  readonly properties: Buffer;
  readonly body: Buffer;
  readonly frameMax: number;
}): readonly Buffer[] {
  const { channel, method, properties, body, frameMax } = options;
  scratch.clear();
  putMethod(channel, method);
  putFrame(FRAME.header, channel, () => {
    scratch.short(METHODS[method.method][0]);
    scratch.short(0);
    scratch.longlong(body.length);
    scratch.bytes(properties);
  });
  const room = frameMax - FRAME_OVERHEAD;
  if (body.length <= Math.min(room, COPY_BYTES_MAX)) {
    if (body.length > 0) putFrame(FRAME.body, channel, () => scratch.bytes(body));
    return [scratch.take()];
  }
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += room) {
    const part = body.subarray(at, at + room);
    putHead(FRAME.body, channel, part.length);
    pieces.push(scratch.take(), part);
    scratch.clear();
    scratch.octet(END);
  }
  pieces.push(scratch.take());
  return pieces;
}

function putMethod(channel: number, method: Method): void {
  putFrame(FRAME.method, channel, () => writeMethod(scratch, method));
}

function putFrame(type: number, channel: number, write: () => void): void {
  scratch.octet(type);
  scratch.short(channel);
  scratch.sized(write);
  scratch.octet(END);
}

function putHead(type: number, channel: number, size: number): void {
  scratch.octet(type);
  scratch.short(channel);
  scratch.long(size);
}
