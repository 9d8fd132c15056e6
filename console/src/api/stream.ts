/** The one stream of a tab: all that a page shows and that may change comes over it. It connects again by itself, asks anew for what it may have missed, and says within three seconds that it is cut. */
import { applyChange, type ClientCopy, takeWhole } from "../../../src/face/views/client-copy.ts";
import type { ClientWish, ServerMessage, StreamError, ViewColumn, ViewLines, ViewWish } from "../../../src/face/views/protocol.ts";
import { Notice } from "./notice.ts";

/** What a WebSocket does for the stream. */
export interface StreamSocket {
  send(text: string): void;
  close(): void;
}

export interface SocketListener {
  opened(): void;
  received(text: string): void;
  closed(): void;
}

export interface StreamOptions {
  readonly connect: (listener: SocketListener) => StreamSocket;
  /** The half of the session that goes first. */
  readonly secret: () => string | undefined;
  /** The session is over. */
  readonly onEnded: (error: StreamError) => void;
  /** The server speaks another protocol: the page is of before an update. */
  readonly onOutdated: () => void;
  /** Of this machine. */
  readonly now: () => number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  readonly random: () => number;
}

/** `live`: what is shown is from now. `cut`: it was so at `since`. `connecting`: nothing has been told yet. */
export type StreamState =
  | { readonly is: "connecting" }
  | { readonly is: "live" }
  | { readonly is: "cut"; readonly sinceMs: number; readonly why?: string };

/** What is known of a view. */
export interface ViewState<Row = unknown> {
  /** Absent: nothing has come yet. */
  readonly copy?: ClientCopy<Row>;
  readonly columns?: readonly ViewColumn[];
  readonly error?: StreamError;
  /** Since when (server's time) what stands there is only the last that was told. */
  readonly cutAtMs?: number;
  /** A window was asked for and has not come: what stands there is of the one before. */
  readonly isMoving?: boolean;
}

export interface ViewHandle<Row = unknown> extends Notice<ViewState<Row>> {
  /** Asks for something else in its place; what was told last stays until the answer comes. */
  change(view: ViewWish): void;
  /** Every message with lines, for views of logs. */
  onLines: ((lines: ViewLines) => void) | undefined;
  close(): void;
}

/** Nobody is logged in any more. */
const SESSION_OVER: ReadonlySet<string> = new Set(["api/unauthorized", "login/ended"]);
/** What was open was ended, as a session or a right is gone: asking at once tells which. */
const ENDED = "api/ended";
const PROTOCOL = 1;
/** Until the first message of the server says it. */
const BEAT_MS = 1_000;
const BEATS_MISSED_MAX = 2.5;
const LOOK_MS = 250;
const LATE_MS = 1_000;
const READ_MS = 50;
const AGAIN_MIN_MS = 250;
const AGAIN_MAX_MS = 15_000;
/** Kept of views that are closed, so that a page that comes back has something to show, in grey. */
const REMEMBERED_MAX = 60;

class View extends Notice<ViewState> implements ViewHandle {
  readonly id: string;
  wish: ViewWish;
  ask = 0;
  /** The `ask` whose answer stands in the copy. */
  answered = -1;
  onLines: ((lines: ViewLines) => void) | undefined;
  readonly #stream: Stream;

  constructor(stream: Stream, id: string, wish: ViewWish, state: ViewState) {
    super(state);
    this.#stream = stream;
    this.id = id;
    this.wish = wish;
  }

  change(view: ViewWish): void {
    this.#stream.changeView(this, view);
  }

  close(): void {
    this.#stream.closeView(this);
  }
}

export class Stream {
  /** Whether what is shown is from now. */
  readonly state: Notice<StreamState> = new Notice<StreamState>({ is: "connecting" });
  /** This machine's clock behind the server's, in milliseconds. */
  readonly offset: Notice<number> = new Notice(0);
  readonly #options: StreamOptions;
  readonly #views = new Map<string, View>();
  readonly #remembered = new Map<string, ViewState>();
  #socket: StreamSocket | undefined;
  #isGreeted = false;
  #beatMs = BEAT_MS;
  #lastHeardMs = 0;
  #lastLookMs = 0;
  #againMs = AGAIN_MIN_MS;
  #count = 0;
  #cancelLook: (() => void) | undefined;
  #cancelAgain: (() => void) | undefined;
  #isEnded = true;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Connects, and goes on connecting until `stop`. */
  start(): void {
    if (!this.#isEnded) return;
    this.#isEnded = false;
    this.#connect();
    this.#look();
  }

  stop(): void {
    this.#isEnded = true;
    this.#cancelLook?.();
    this.#cancelAgain?.();
    this.#cancelAgain = undefined;
    this.#drop();
  }

  /** The server's time. */
  now(): number {
    return this.#options.now() + this.offset.value;
  }

  /** The page is seen again, or the network is back: what was not heard meanwhile is looked at now, not when a slowed timer comes. */
  wake(): void {
    if (this.#isEnded) return;
    this.#check();
    if (this.#socket === undefined) {
      this.#cancelAgain?.();
      this.#againMs = AGAIN_MIN_MS;
      this.#connect();
    }
  }

  /** Opens a view. What was told of the same view last stands there, as old, until the answer comes. */
  open<Row>(wish: ViewWish): ViewHandle<Row> {
    const id = `v${++this.#count}`;
    const view = new View(this, id, wish, this.#remembered.get(keyOf(wish)) ?? {});
    this.#views.set(id, view);
    this.#ask(view, "open");
    return view as unknown as ViewHandle<Row>;
  }

  changeView(view: View, wish: ViewWish): void {
    if (keyOf(view.wish) === keyOf(wish)) return;
    view.wish = wish;
    view.ask += 1;
    const { error: _, ...rest } = view.value;
    view.set({ ...rest, isMoving: true });
    this.#ask(view, "change");
  }

  closeView(view: View): void {
    if (!this.#views.delete(view.id)) return;
    const { copy, columns } = view.value;
    if (copy !== undefined) {
      const key = keyOf(view.wish);
      this.#remembered.delete(key);
      this.#remembered.set(key, { copy, ...(columns !== undefined && { columns }), cutAtMs: view.value.cutAtMs ?? this.now() });
      for (const [oldest] of this.#remembered) {
        if (this.#remembered.size <= REMEMBERED_MAX) break;
        this.#remembered.delete(oldest);
      }
    }
    this.#tell({ op: "close", id: view.id });
  }

  #connect(): void {
    this.#cancelAgain = undefined;
    this.#isGreeted = false;
    this.#lastHeardMs = this.#options.now();
    this.#lastLookMs = this.#lastHeardMs;
    let socket: StreamSocket | undefined;
    const isCurrent = (): boolean => socket === undefined || socket === this.#socket;
    socket = this.#options.connect({
      opened: () => {
        if (!isCurrent()) return;
        this.#lastHeardMs = this.#options.now();
        const secret = this.#options.secret();
        if (secret !== undefined) this.#socket?.send(JSON.stringify({ session: secret } satisfies ClientWish));
      },
      received: (text) => {
        if (isCurrent()) this.#receive(text);
      },
      closed: () => {
        if (isCurrent()) this.#lost();
      },
    });
    this.#socket = socket;
  }

  #receive(text: string): void {
    this.#lastHeardMs = this.#options.now();
    const message = JSON.parse(text) as ServerMessage;
    if ("hello" in message) return this.#greet(message.hello);
    if ("end" in message) return this.#ended(message.end);
    // Whoever stands between has swallowed the greeting: no view was asked for.
    if (!this.#isGreeted) return this.#lost();
    if ("beat" in message) return this.#beat(message.beat);
    const view = this.#views.get(message.id);
    // Closed meanwhile.
    if (view === undefined) return;
    if ("ask" in message && message.ask !== undefined) {
      if (message.ask < view.ask) return;
      view.answered = message.ask;
    }
    if ("error" in message) return this.#failed(view, message.error);
    if ("lines" in message) {
      view.set({ ...view.value, copy: { rev: message.rev, total: 0, offset: 0, rows: [] } });
      view.onLines?.(message);
      return;
    }
    if ("rows" in message) {
      const columns = message.columns ?? view.value.columns;
      view.set({ copy: takeWhole(message), ...(columns !== undefined && { columns }) });
      return;
    }
    const { copy, isMoving } = view.value;
    // Of the window that was left: the answer to the new one comes.
    if (copy === undefined || isMoving === true) return;
    const { cutAtMs: _, ...rest } = view.value;
    view.set({ ...rest, copy: applyChange(copy, message) });
  }

  #greet(hello: { readonly protocol: number; readonly now: string; readonly beatMs: number }): void {
    if (hello.protocol !== PROTOCOL) return this.#options.onOutdated();
    this.#isGreeted = true;
    this.#beatMs = hello.beatMs;
    this.#againMs = AGAIN_MIN_MS;
    this.#setClock(hello.now);
    for (const view of this.#views.values()) {
      view.ask += 1;
      this.#ask(view, "open");
    }
    this.state.set({ is: "live" });
  }

  #beat({
    now,
    revs,
    stale = {},
  }: {
    readonly now: string;
    readonly revs: Readonly<Record<string, number>>;
    readonly stale?: Readonly<Record<string, { readonly since: string }>>;
  }): void {
    this.#setClock(now);
    for (const view of this.#views.values()) {
      const rev = revs[view.id];
      const { copy, isMoving, cutAtMs } = view.value;
      if (rev !== undefined && copy !== undefined && isMoving !== true && view.answered === view.ask && copy.rev !== rev) {
        // Something was missed.
        view.ask += 1;
        this.#ask(view, "open");
      }
      const silent = stale[view.id];
      const since = silent === undefined ? undefined : Date.parse(silent.since);
      if (since !== cutAtMs && view.answered === view.ask) {
        const { cutAtMs: _, ...rest } = view.value;
        view.set({ ...rest, ...(since !== undefined && { cutAtMs: since }) });
      }
    }
  }

  #failed(view: View, error: StreamError): void {
    const { isMoving: _, ...rest } = view.value;
    view.set({ ...rest, error, cutAtMs: rest.cutAtMs ?? this.now() });
    if (error.retry === "never") return;
    const { ask } = view;
    this.#options.after(error.afterMs ?? 1_000 + this.#options.random() * 2_000, () => {
      if (!this.#views.has(view.id) || view.ask !== ask) return;
      view.ask += 1;
      this.#ask(view, "open");
    });
  }

  #ended(error: StreamError): void {
    if (SESSION_OVER.has(error.code)) {
      this.stop();
      return this.#options.onEnded(error);
    }
    // Refused for good, as far as the server knows: another server may come, so it is asked, but seldom.
    this.#againMs = error.afterMs ?? (error.retry === "never" && error.code !== ENDED ? AGAIN_MAX_MS : this.#againMs);
    this.#lost(error.message);
  }

  #setClock(now: string): void {
    const offset = Date.parse(now) - this.#options.now();
    // What the way takes is no difference of clocks.
    if (Math.abs(offset - this.offset.value) > 250) this.offset.set(offset);
  }

  #ask(view: View, op: "open" | "change"): void {
    this.#tell({ op, id: view.id, view: view.wish, ask: view.ask });
  }

  #tell(message: ClientWish): void {
    if (this.#isGreeted) this.#socket?.send(JSON.stringify(message));
  }

  #look(): void {
    this.#check();
    this.#cancelLook = this.#options.after(LOOK_MS, () => this.#look());
  }

  #check(): void {
    const nowMs = this.#options.now();
    const isLate = nowMs - this.#lastLookMs > LATE_MS;
    this.#lastLookMs = nowMs;
    if (this.#socket === undefined || nowMs - this.#lastHeardMs <= this.#beatMs * BEATS_MISSED_MAX) return;
    // The page itself was busy or asleep: what came meanwhile waits to be read. It is read first.
    if (isLate) this.#options.after(READ_MS, () => this.#check());
    else this.#lost();
  }

  #lost(why?: string): void {
    const heardMs = this.#lastHeardMs + this.offset.value;
    this.#drop();
    if (this.#isEnded) return;
    const before = this.state.value;
    this.state.set({ is: "cut", sinceMs: before.is === "cut" ? before.sinceMs : heardMs, ...(why !== undefined && { why }) });
    for (const view of this.#views.values())
      if (view.value.copy !== undefined && view.value.cutAtMs === undefined) view.set({ ...view.value, cutAtMs: heardMs });
    // Fifty tabs must not come back at the same moment.
    const delayMs = this.#againMs * (0.5 + this.#options.random());
    this.#againMs = Math.min(AGAIN_MAX_MS, this.#againMs * 2);
    this.#cancelAgain?.();
    this.#cancelAgain = this.#options.after(delayMs, () => this.#connect());
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isGreeted = false;
    socket?.close();
  }
}

function keyOf(wish: ViewWish): string {
  return JSON.stringify(wish);
}
