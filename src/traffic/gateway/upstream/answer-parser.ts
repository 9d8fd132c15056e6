import { createRequire } from "node:module";

/** What `AnswerParser` finds. Each is called from within `execute`. */
export interface AnswerSink {
  /** A head is complete; `headers` are names and values in turn, as written. Returns what follows. */
  onHead(status: number, headers: string[], isKept: boolean): "body" | "no body" | "other protocol";
  /** `chunk` is part of what was given to `execute`. */
  onBody(chunk: Buffer): void;
  /** `trailers`: names and values in turn. */
  onComplete(trailers: string[]): void;
}

/** As much of the WebAssembly API as is used; Node has it, the types of Node do not. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { readonly env: object }) => { readonly exports: unknown };
};

/** llhttp as undici brings it, compiled to WebAssembly: the parser of Node itself. */
interface Llhttp {
  readonly memory: { readonly buffer: ArrayBuffer };
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, data: number, length: number): number;
  llhttp_finish(parser: number): number;
  llhttp_get_http_major(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
  malloc(bytes: number): number;
}

const RESPONSE = 2;
const OK = 0;
const PAUSED_UPGRADE = 22;
/** More than what one read of a socket brings; longer chunks go in parts. */
const ROOM_BYTES = 64 * 1024;

let llhttp: Llhttp | undefined;
/** Where `llhttp` reads the chunk that is being parsed. All parsers share it: each call of `execute` runs to its end. */
let room: Uint8Array;
let roomAt = 0;
let current: AnswerParser | undefined;
let chunk: Buffer;
/** The chunk as text; made once for all headers in it. */
let text: string | undefined;

/** Compiles llhttp, so that the first request need not wait for it. */
export function prepareParser(): void {
  instance();
}

function instance(): Llhttp {
  if (llhttp !== undefined) return llhttp;
  const require = createRequire(import.meta.url);
  const code = require("undici/lib/llhttp/llhttp_simd-wasm.js") as Uint8Array;
  const at = (): AnswerParser => current as AnswerParser;
  const env = {
    wasm_on_url: () => 0,
    wasm_on_status: () => 0,
    wasm_on_message_begin: () => at().begin(),
    wasm_on_header_field: (_parser: number, from: number, length: number) => at().name(textAt(from - roomAt, length)),
    wasm_on_header_value: (_parser: number, from: number, length: number) => at().value(textAt(from - roomAt, length)),
    wasm_on_headers_complete: (_parser: number, status: number, _upgrade: number, isKept: number) => at().head(status, isKept === 1),
    wasm_on_body: (_parser: number, from: number, length: number) => at().body(chunk.subarray(from - roomAt, from - roomAt + length)),
    wasm_on_message_complete: () => at().complete(),
  };
  llhttp = new WebAssembly.Instance(new WebAssembly.Module(code), { env }).exports as unknown as Llhttp;
  roomAt = llhttp.malloc(ROOM_BYTES);
  return llhttp;
}

function textAt(from: number, length: number): string {
  text ??= chunk.toString("latin1");
  return text.slice(from, from + length);
}

/** Reads the answers of one connection with llhttp, strictly. Answers that nobody has asked for are an error. */
export class AnswerParser {
  readonly #sink: AnswerSink;
  readonly #headBytesMax: number;
  readonly #llhttp = instance();
  #pointer: number;
  #fields: string[] = [];
  #headBytes = 0;
  #isInHead = false;
  /** Nothing of the next answer has come. */
  #isAtStart = true;
  #error: Error | undefined;
  /** True while an answer is expected. Set by whoever has asked. */
  isExpected = false;

  constructor(sink: AnswerSink, headBytesMax: number) {
    this.#sink = sink;
    this.#headBytesMax = headBytesMax;
    this.#pointer = this.#llhttp.llhttp_alloc(RESPONSE);
  }

  /** Takes all of `data`; returns what is left of it after a change of protocol.
   *  @throws Error: this is not HTTP/1.1, or one of the sink's calls has thrown; the parser is of no more use */
  execute(data: Buffer): Buffer | undefined {
    for (let from = 0; from < data.length; from += ROOM_BYTES) {
      const part = data.length <= ROOM_BYTES ? data : data.subarray(from, from + ROOM_BYTES);
      const code = this.#run(part);
      if (code === PAUSED_UPGRADE) return data.subarray(from + this.#llhttp.llhttp_get_error_pos(this.#pointer) - roomAt);
    }
    return undefined;
  }

  #run(part: Buffer): number {
    const { memory } = this.#llhttp;
    if (room === undefined || room.buffer !== memory.buffer) room = new Uint8Array(memory.buffer, roomAt, ROOM_BYTES);
    room.set(part);
    const former = current;
    if (former !== undefined) throw new Error("answers are parsed one at a time");
    current = this;
    chunk = part;
    text = undefined;
    try {
      const isAtStart = this.#isAtStart;
      if (isAtStart && this.isExpected) checkProtocol(part);
      const code = this.#llhttp.llhttp_execute(this.#pointer, roomAt, part.length);
      if (this.#error !== undefined) throw this.#error;
      if (code !== OK && code !== PAUSED_UPGRADE)
        throw new Error(
          `the answer is not HTTP/1.1: ${this.#reason()}${isAtStart && !SPOKEN.test(part.toString("latin1", 0, 9)) ? `: ${beginningOf(part)}` : ""}`,
        );
      return code;
    } finally {
      current = undefined;
      text = undefined;
    }
  }

  /** The connection has ended. True if that is the end of an answer, as it is of one without a length.
   *  @throws Error: one of the sink's calls has thrown */
  finish(): boolean {
    current = this;
    try {
      const code = this.#llhttp.llhttp_finish(this.#pointer);
      if (this.#error !== undefined) throw this.#error;
      return code === OK;
    } finally {
      current = undefined;
    }
  }

  #reason(): string {
    const at = this.#llhttp.llhttp_get_error_reason(this.#pointer);
    if (at === 0) return "malformed";
    const bytes = new Uint8Array(this.#llhttp.memory.buffer, at, 200);
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString("latin1");
  }

  /** Frees its memory in `llhttp`. To be called once, not from within `execute`. */
  free(): void {
    this.#llhttp.llhttp_free(this.#pointer);
    this.#pointer = 0;
  }

  // What follows is called by llhttp. An exception must not pass through WebAssembly: it is kept, and -1 ends the parsing.

  begin(): number {
    if (!this.isExpected) return this.#fail(new Error("an answer that nobody has asked for"));
    this.#fields = [];
    this.#headBytes = 0;
    this.#isInHead = true;
    this.#isAtStart = false;
    return 0;
  }

  name(part: string): number {
    const fields = this.#fields;
    if (fields.length % 2 === 0) fields.push(part);
    else fields[fields.length - 1] += part;
    return this.#count(part);
  }

  value(part: string): number {
    const fields = this.#fields;
    if (fields.length % 2 === 1) fields.push(part);
    else fields[fields.length - 1] += part;
    return this.#count(part);
  }

  /** Of trailers as well. */
  #count(part: string): number {
    this.#headBytes += part.length + 2;
    if (this.#headBytes <= this.#headBytesMax) return 0;
    return this.#fail(new Error(`the answer has more than ${this.#headBytesMax} bytes of ${this.#isInHead ? "head" : "trailers"}`));
  }

  head(status: number, isKept: boolean): number {
    const headers = this.#fields;
    this.#fields = [];
    this.#isInHead = false;
    // llhttp reads 0.9 and 2.0 as well: whoever says so means another framing than is read here.
    const major = this.#llhttp.llhttp_get_http_major(this.#pointer);
    const minor = this.#llhttp.llhttp_get_http_minor(this.#pointer);
    if (major !== 1 || minor > 1) return this.#fail(new Error(`the answer is in HTTP/${major}.${minor}: answer in HTTP/1.1 or HTTP/1.0`));
    try {
      const next = this.#sink.onHead(status, headers, isKept);
      return next === "body" ? 0 : next === "no body" ? 1 : 2;
    } catch (error) {
      return this.#fail(error);
    }
  }

  body(part: Buffer): number {
    try {
      this.#sink.onBody(part);
      return 0;
    } catch (error) {
      return this.#fail(error);
    }
  }

  complete(): number {
    this.#isAtStart = true;
    try {
      this.#sink.onComplete(this.#fields);
      return 0;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): number {
    this.#error ??= error instanceof Error ? error : new Error(String(error));
    return -1;
  }
}

const CR = 13;
const LF = 10;
const H = 72;

/** llhttp takes RTSP and ICE, too, which look like HTTP; of the three only one begins with an H.
 *  @throws Error */
function checkProtocol(part: Buffer): void {
  const first = part.find((byte) => byte !== CR && byte !== LF);
  if (first !== undefined && first !== H) throw new Error(`the answer is not HTTP/1.1: ${beginningOf(part)}`);
}

const SPOKEN = /^HTTP\/1\.[01] /;

function beginningOf(part: Buffer): string {
  return `it begins with ${JSON.stringify(part.toString("latin1", 0, 20))}`;
}
