import { OrreryError } from "#/base/index.ts";
import type { Answer, Reading } from "./answer.ts";
import type { Silence } from "./source.ts";
import { findChange, type Shown } from "./window-change.ts";

/** Of one whole window. */
const WINDOW_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Somebody to whom a view is told. */
export interface Member {
  /** A change; `messageFor` gives the message with the member's own name of the view. */
  change(view: SharedView, body: Body): void;
  /** The view cannot be shown any more. */
  fail(view: SharedView, error: unknown): void;
}

/** What is the same of a message for all; its bytes are made once for each name that members have for the view. */
export class Body {
  readonly #text: string;
  readonly #messages = new Map<string, Buffer>();

  /** `text`: the members of a JSON object, with the bracket that ends it. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The message for who calls the view `id`. */
  message(id: string, more = ""): Buffer {
    const head = `{"id":${JSON.stringify(id)},${more}`;
    const known = this.#messages.get(head);
    if (known !== undefined) return known;
    const made = Buffer.from(head + this.#text);
    if (this.#messages.size < NAMES_MAX) this.#messages.set(head, made);
    return made;
  }
}

/** Clients of one kind give their views the same names; whoever does not pays for it. */
const NAMES_MAX = 8;

/** A view, and all who have it open with the same rights: what has changed is found out and written once for all of them. */
export class SharedView {
  readonly #answer: Answer;
  readonly #members = new Set<Member>();
  readonly #onEmpty: () => void;
  #rows: readonly Shown[] = [];
  #reading: Reading;
  #rev = 1;
  #whole: Body | undefined;

  /** @throws OrreryError: the answer cannot be shown; it is closed then */
  constructor(answer: Answer, onEmpty: () => void) {
    this.#answer = answer;
    this.#onEmpty = onEmpty;
    try {
      this.#reading = this.#read();
    } catch (error) {
      answer.close();
      onEmpty();
      throw error;
    }
    this.#rows = this.#reading.rows;
  }

  get rev(): number {
    return this.#rev;
  }

  get silence(): Silence | undefined {
    return this.#answer.silence;
  }

  get memberCount(): number {
    return this.#members.size;
  }

  add(member: Member): void {
    this.#members.add(member);
  }

  remove(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#answer.close();
    this.#onEmpty();
  }

  /** The whole window, as changes have told it so far. */
  whole(): Body {
    this.#whole ??= this.#makeWhole();
    return this.#whole;
  }

  /** Tells all members what has changed since the last time. */
  flush(): void {
    if (!this.#answer.isChanged) return;
    let reading: Reading;
    try {
      reading = this.#read();
    } catch (error) {
      for (const member of [...this.#members]) member.fail(this, error);
      return;
    }
    const change = findChange(this.#rows, reading.rows);
    if (change === undefined && reading.total === this.#reading.total) return;
    this.#rows = reading.rows;
    this.#reading = reading;
    this.#rev += 1;
    this.#whole = undefined;
    const put = (change?.put ?? []).map(({ key, at, text }) => entryText(key, reading.offset + at, text));
    const gone = JSON.stringify(change?.gone ?? []);
    const body = new Body(`"rev":${this.#rev},"total":${reading.total},"put":[${put.join(",")}],"gone":${gone}}`);
    for (const member of [...this.#members]) member.change(this, body);
  }

  #read(): Reading {
    const reading = this.#answer.read();
    const characters = reading.rows.reduce((sum, row) => sum + row.text.length, 0);
    if (characters > WINDOW_CHARACTERS_MAX)
      throw new OrreryError(
        "views/too-large",
        `the rows from ${reading.offset} on are ${characters} characters, more than ${WINDOW_CHARACTERS_MAX}: ask for fewer (limit), or for columns`,
      );
    return reading;
  }

  #makeWhole(): Body {
    const { total, offset, columns } = this.#reading;
    const rows = this.#rows.map(({ key, text }, at) => entryText(key, offset + at, text));
    const shown = columns === undefined ? "" : `,"columns":${JSON.stringify(columns)}`;
    return new Body(`"rev":${this.#rev},"total":${total},"offset":${offset},"rows":[${rows.join(",")}]${shown}}`);
  }
}

function entryText(key: string, index: number, text: string | undefined): string {
  return `{"key":${JSON.stringify(key)},"index":${index}${text === undefined ? "" : `,${text}`}}`;
}
