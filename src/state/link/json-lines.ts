import { OrreryError } from "#/base/index.ts";

const NEWLINE = 10;

/** Cuts a stream of bytes into lines, each at most `lineBytesMax` bytes long; holds no more than one unfinished line. */
export class LineReader {
  readonly #lineBytesMax: number;
  #parts: Buffer[] = [];
  #partBytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The lines that `chunk` completes, as UTF-8 text without the newline; empty lines are left out.
   *  @throws link/too-large: a line is longer than allowed; nothing after it can be read */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      const line = this.#take();
      if (line !== "") lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** What stands behind the last newline. */
  rest(): string {
    return this.#take();
  }

  #keep(part: Buffer): void {
    this.#partBytes += part.length;
    if (this.#partBytes > this.#lineBytesMax) throw new OrreryError("link/too-large", `a line is longer than ${this.#lineBytesMax} bytes`);
    this.#parts.push(part);
  }

  #take(): string {
    const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer).toString("utf8") : Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#partBytes = 0;
    return line;
  }
}
