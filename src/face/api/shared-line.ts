/** More are made anew for each watcher. */
const TURN_LINES_MAX = 1_000;

/** A line that is sent to many watchers at once: its bytes are made once. */
export class SharedLine {
  readonly text: string;
  #chunk: Buffer | undefined;
  #textAt = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** As one chunk of HTTP/1.1 (RFC 9112, section 7.1). */
  get chunk(): Buffer {
    if (this.#chunk === undefined) {
      const size = `${Buffer.byteLength(this.text).toString(16)}\r\n`;
      this.#textAt = size.length;
      this.#chunk = Buffer.from(`${size}${this.text}\r\n`);
    }
    return this.#chunk;
  }

  get bytes(): Buffer {
    const { chunk } = this;
    return chunk.subarray(this.#textAt, -2);
  }
}

/** Lines of this turn, by their events: all who watch are told of a change in one turn. */
export class TurnLines {
  #lines = new Map<object, SharedLine>();

  /** The line of `event`; `make` is asked once in a turn. */
  of(event: object, make: () => string): SharedLine {
    const known = this.#lines.get(event);
    if (known !== undefined) return known;
    if (this.#lines.size === 0) void endOfTurn().then(() => this.#lines.clear());
    const line = new SharedLine(make());
    if (this.#lines.size < TURN_LINES_MAX) this.#lines.set(event, line);
    return line;
  }
}

let turn: Promise<void> | undefined;

/** Resolves when the present turn of the event loop is over: one wait for all watchers, who otherwise would each cost the loop a turn of callbacks of its own. */
export function endOfTurn(): Promise<void> {
  turn ??= new Promise<void>((resolve) =>
    setImmediate(() => {
      turn = undefined;
      resolve();
    }),
  );
  return turn;
}
