import { type Clock, describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import type { WatchEvent } from "#/state/store/index.ts";
import type { ServedObject } from "./collection.ts";
import { endedReason } from "./open-streams.ts";
import { endOfTurn, type SharedLine, type TurnLines } from "./shared-line.ts";
import { failureStatus } from "./status.ts";

/** Text gathered for one write; more waits in the store's own bounded queue of shared objects. */
const BATCH_CHARACTERS = 256 * 1024;
const PER_USER_MAX = 1_000;
const IN_ALL_MAX = 4_000;

/** Counts who watches, so that nobody takes all. */
export class WatcherCount {
  readonly #byUser = new Map<string, number>();
  #all = 0;

  get all(): number {
    return this.#all;
  }

  /** Returns what gives the place back.
   *  @throws api/busy: too many watches, of this user or in all */
  enter(user: string): () => void {
    const count = this.#byUser.get(user) ?? 0;
    if (count >= PER_USER_MAX || this.#all >= IN_ALL_MAX)
      throw new OrreryError(
        "api/busy",
        `${count >= PER_USER_MAX ? `user ${user} has ${count}` : `there are ${this.#all}`} watches open: close some`,
        { retry: "backoff" },
      );
    this.#byUser.set(user, count + 1);
    this.#all += 1;
    return () => {
      this.#all -= 1;
      const rest = (this.#byUser.get(user) ?? 1) - 1;
      if (rest === 0) this.#byUser.delete(user);
      else this.#byUser.set(user, rest);
    };
  }
}

export interface WatchLinesOptions {
  /** Begins the watch; `signal` ends it. */
  readonly open: (signal: AbortSignal) => AsyncIterable<WatchEvent<ServedObject>>;
  /** JSON text of an object in the form asked for; `isFirst` for the first of all. */
  readonly render: (object: ServedObject, isFirst: boolean) => string;
  /** Of all watches that render an object the same way, first or not; absent: nobody else does. */
  readonly shared?: TurnLines;
  readonly apiVersion: string;
  readonly kind: string;
  readonly bookmarks: boolean;
  /** The first bookmark says that the initial objects are complete. */
  readonly marksInitialEnd: boolean;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The lines of a watch, several at once when they come fast. A failure is told as an ERROR event; then, at the time limit, or at `signal` it ends. */
export async function* watchLines(options: WatchLinesOptions): AsyncGenerator<string | SharedLine, void, undefined> {
  const ending = new AbortController();
  const stop = (): void => ending.abort();
  const cancel = options.clock.after(options.timeoutMs, stop, { background: true });
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();
  const gathered = new Gathering();
  const gathering = gather(options, ending.signal, gathered);
  try {
    for (;;) {
      const lines = await gathered.take();
      if (lines === undefined) return;
      yield lines;
    }
  } finally {
    cancel();
    options.signal.removeEventListener("abort", stop);
    stop();
    gathered.close();
    await gathering;
  }
}

async function gather(options: WatchLinesOptions, signal: AbortSignal, gathered: Gathering): Promise<void> {
  const { render, shared, bookmarks } = options;
  let isFirst = true;
  let awaitsInitialEnd = options.marksInitialEnd;
  try {
    for await (const event of options.open(signal)) {
      if (event.type === "BOOKMARK") {
        if (bookmarks || awaitsInitialEnd) gathered.add(bookmark(options, event.resourceVersion, awaitsInitialEnd));
        awaitsInitialEnd = false;
      } else {
        const { type, object } = event;
        const line = (): string => `{"type":"${type}","object":${render(object, isFirst)}}\n`;
        gathered.add(shared?.of(event, line) ?? line());
        isFirst = false;
      }
      if (gathered.isFull) await gathered.taken();
    }
  } catch (error) {
    if (!signal.aborted)
      gathered.add(
        `${JSON.stringify({ type: "ERROR", object: failureStatus(isOrreryError(error) ? error : new OrreryError("api/internal", describeError(error)), { verb: "watch" }) })}\n`,
      );
  }
  const ended = endedReason(options.signal);
  if (ended !== undefined) gathered.add(`${JSON.stringify({ type: "ERROR", object: failureStatus(ended, { verb: "watch" }) })}\n`);
  gathered.end();
}

function bookmark({ apiVersion, kind }: WatchLinesOptions, resourceVersion: string, isInitialEnd: boolean): string {
  const metadata = { resourceVersion, ...(isInitialEnd && { annotations: { "k8s.io/initial-events-end": "true" } }) };
  return `${JSON.stringify({ type: "BOOKMARK", object: { apiVersion, kind, metadata } })}\n`;
}

/** Lines between the one who makes and the one who sends them. */
class Gathering {
  #lines: (string | SharedLine)[] = [];
  #characters = 0;
  #isEnded = false;
  #wakeTaker: () => void = () => {};
  #wakeMaker: () => void = () => {};

  get isFull(): boolean {
    return this.#characters > BATCH_CHARACTERS && !this.#isEnded;
  }

  add(line: string | SharedLine): void {
    if (this.#isEnded) return;
    this.#lines.push(line);
    this.#characters += typeof line === "string" ? line.length : line.text.length;
    this.#wakeTaker();
  }

  /** No more lines. */
  end(): void {
    this.#isEnded = true;
    this.#wakeTaker();
  }

  /** Nobody takes any more. */
  close(): void {
    this.#isEnded = true;
    this.#wakeMaker();
  }

  /** Resolves when what was added has been taken. */
  async taken(): Promise<void> {
    if (!this.isFull) return;
    await new Promise<void>((resolve) => {
      this.#wakeMaker = resolve;
    });
  }

  /** All lines so far; `undefined` after the end. */
  async take(): Promise<string | SharedLine | undefined> {
    while (this.#lines.length === 0) {
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
      // What changes in the same turn goes out in one write.
      await endOfTurn();
    }
    const [first = ""] = this.#lines;
    const taken = this.#lines.length === 1 ? first : this.#lines.map((line) => (typeof line === "string" ? line : line.text)).join("");
    this.#lines = [];
    this.#characters = 0;
    this.#wakeMaker();
    return taken;
  }
}
