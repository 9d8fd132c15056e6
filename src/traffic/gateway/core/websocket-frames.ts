/** Follows the frames of one direction of a WebSocket, so that something can be said between two of them (RFC 6455, 5.2). Control frames may stand between the fragments of a message, so the end of any frame will do. */
export class WebSocketFrames {
  /** Of the frame whose header is not complete yet. */
  readonly #header: number[] = [];
  /** Bytes of the present frame that are still to come after its header. */
  #left = 0;

  /** True between two frames. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#header.length === 0;
  }

  /** Takes all of `chunk`. */
  take(chunk: Uint8Array): void {
    for (let index = 0; index < chunk.length; ) index = this.#frame(chunk, index);
  }

  /** Takes the rest of the present frame, if there is one; returns how many bytes of `chunk` belong to it. */
  finish(chunk: Uint8Array): number {
    let index = 0;
    while (index < chunk.length && !this.isBetween) index = this.#frame(chunk, index);
    return index;
  }

  /** Goes on from `index` to the end of the present frame, or of its header, or of `chunk`. */
  #frame(chunk: Uint8Array, index: number): number {
    if (this.#left > 0) {
      const taken = Math.min(this.#left, chunk.length - index);
      this.#left -= taken;
      return index + taken;
    }
    this.#header.push(chunk[index] as number);
    const [, second] = this.#header;
    if (second === undefined) return index + 1;
    const short = second & 0x7f;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const size = 2 + extended + ((second & 0x80) === 0 ? 0 : 4);
    if (this.#header.length < size) return index + 1;
    this.#left = extended === 0 ? short : this.#header.slice(2, 2 + extended).reduce((length, byte) => length * 256 + byte, 0);
    this.#header.length = 0;
    return index + 1;
  }
}
