import { OrreryError } from "#/base/index.ts";
import { FRAME, type Frame } from "./frames.ts";
import { malformed, REPLY } from "./malformed.ts";
import { readMethod } from "./method-codec.ts";
import { CONTENT_METHODS, METHODS, type Method } from "./methods.ts";
import { OctetReader } from "./octet-reader.ts";

const NOTHING = Buffer.alloc(0);

/** A method, with its content where it has one. */
export interface Command {
  readonly method: Method;
  readonly content?: Content;
}

export interface Content {
  /** Flags and values: what `readProperties` reads. Bytes of its own. */
  readonly properties: Buffer;
  /** Bytes of its own. */
  readonly body: Buffer;
}

/** Puts the frames of one channel together to commands. It keeps at most one content, of at most `bodyBytesMax`. */
export class ContentAssembler {
  readonly #bodyBytesMax: number;
  #method: Method | undefined;
  #properties: Buffer | undefined;
  #body: Buffer = NOTHING;
  #bodySize = 0;
  #bodyFilled = 0;

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** The command that `frame` completes; `undefined` while more is to come.
   *  @throws amqp/malformed: out of turn (505), or a body of another size than was said (501)
   *  @throws amqp/too-large: a body larger than `bodyBytesMax` is announced; nothing of it is kept: close the channel */
  take(frame: Frame): Command | undefined {
    switch (frame.type) {
      case FRAME.method:
        return this.#takeMethod(frame.payload);
      case FRAME.header:
        return this.#takeHeader(frame.payload);
      case FRAME.body:
        return this.#takeBody(frame.payload);
      default:
        throw malformed(REPLY.unexpectedFrame, `a frame of type ${frame.type} in a channel`);
    }
  }

  #takeMethod(payload: Buffer): Command | undefined {
    const method = readMethod(payload);
    if (this.#method !== undefined)
      throw malformed(REPLY.unexpectedFrame, `${method.method} where the content of ${this.#method.method} is expected`);
    if (!CONTENT_METHODS.has(method.method)) return { method };
    this.#method = method;
    return undefined;
  }

  #takeHeader(payload: Buffer): Command | undefined {
    const method = this.#method;
    if (method === undefined || this.#properties !== undefined) throw malformed(REPLY.unexpectedFrame, "a content header that follows no method");
    const reader = new OctetReader(payload);
    const classId = reader.short();
    if (classId !== METHODS[method.method][0]) throw malformed(REPLY.unexpectedFrame, `a content header of class ${classId} after ${method.method}`);
    reader.short();
    const size = reader.longlong();
    if (size > this.#bodyBytesMax) {
      this.#method = undefined;
      throw new OrreryError("amqp/too-large", `a message of ${size} bytes; at most ${this.#bodyBytesMax} are taken: send files by other means`, {
        details: { size, max: this.#bodyBytesMax },
      });
    }
    // The chunk that it stands in may be large, and would be kept by the smallest part of it.
    this.#properties = Buffer.from(reader.rest());
    this.#bodySize = size;
    this.#bodyFilled = 0;
    return size === 0 ? this.#complete() : undefined;
  }

  #takeBody(payload: Buffer): Command | undefined {
    if (this.#properties === undefined) throw malformed(REPLY.unexpectedFrame, "a body that follows no content header");
    const filled = this.#bodyFilled + payload.length;
    if (filled > this.#bodySize) throw malformed(REPLY.frameError, `a body of more than the ${this.#bodySize} bytes that its header said`);
    if (filled > this.#body.length) this.#grow(filled);
    payload.copy(this.#body, this.#bodyFilled);
    this.#bodyFilled = filled;
    return filled === this.#bodySize ? this.#complete() : undefined;
  }

  /** Room is made as bytes come: an announcement alone costs nothing, and neither do bodies of one byte each. */
  #grow(filled: number): void {
    const larger = Buffer.allocUnsafe(Math.min(this.#bodySize, Math.max(filled, this.#body.length * 2)));
    this.#body.copy(larger, 0, 0, this.#bodyFilled);
    this.#body = larger;
  }

  #complete(): Command {
    const command = { method: this.#method as Method, content: { properties: this.#properties as Buffer, body: this.#body } };
    this.#method = undefined;
    this.#properties = undefined;
    this.#body = NOTHING;
    return command;
  }
}
