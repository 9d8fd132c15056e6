import { type Clock, describeError, isOrreryError, OrreryError, type Random } from "#/base/index.ts";
import type { Identity } from "#/people/access/index.ts";
import { parseClientMessage } from "./client-message.ts";
import { LogTail } from "./log-tail.ts";
import { type LogRow, type LogView, PROTOCOL, type StreamError, VIEWS_MAX, type View } from "./protocol.ts";
import type { Body, Member, SharedView } from "./shared-view.ts";

/** One connection to a client, whatever carries it. */
export interface StreamPort {
  /** One message. Never throws, never waits: what the client does not take piles up in `unsentBytes`. */
  send(message: string | Buffer): void;
  readonly unsentBytes: number;
  /** Closes it. `code` as RFC 6455 has it. */
  close(code: number, reason: string): void;
}

/** More than this unsent, and a client is behind: it gets nothing more until it has taken nearly all of it, then each view anew, as it is then. */
export const UNSENT_BYTES_MAX: number = 1024 * 1024;
const CAUGHT_UP_BYTES = 64 * 1024;
/** A client that is behind for so long is cut. */
const BEHIND_MS_MAX = 30_000;
/** Of the time that its last wish took a stream waits so many times more before the next: no tab takes all. */
const REST_FACTOR = 3;
const REST_MS_MAX = 1_000;
export const BEAT_MS = 1_000;
/** Tabs that are sent away come back spread over so long. */
const RETURN_MS = 5_000;

export interface Opened {
  readonly shared: SharedView;
  /** Names what the reader may see of it. */
  readonly rights: string;
  /** How long it took the thread, without the waiting. */
  readonly workedMs: number;
}

/** What a stream needs of those who keep the views. */
export interface ViewKeeper {
  /** The view, kept up to date; adds the stream as a member at once.
   *  @throws OrreryError: it cannot be shown */
  open(who: Identity, view: Exclude<View, LogView>, member: Member, signal: AbortSignal): Promise<Opened>;
  /** Names what `who` may see of a view now; another name than when it was opened: open it again.
   *  @throws OrreryError: it may not be shown any more */
  rightsOf(who: Identity, view: View): string;
  /** The lines of logs; they end with `signal`.
   *  @throws OrreryError: they cannot be read */
  tail(who: Identity, view: LogView, signal: AbortSignal): Promise<AsyncIterable<readonly LogRow[]>>;
}

/** A view that is shared with others, or the stream's own log. */
type OpenView = { readonly view: View; readonly rights: string } & (
  | { readonly shared: SharedView }
  | { readonly tail: LogTail; readonly ending: AbortController }
);

export interface ViewStreamOptions {
  readonly port: StreamPort;
  readonly who: Identity;
  readonly keeper: ViewKeeper;
  /** Of this run of the server. */
  readonly server: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Told of what nobody expected. */
  readonly onUnexpected: (error: unknown) => void;
  readonly onEnd: () => void;
}

/** One tab: its open views, and what it has been told of them. */
export class ViewStream implements Member {
  readonly who: Identity;
  readonly #options: ViewStreamOptions;
  readonly #open = new Map<string, OpenView>();
  readonly #ids = new Map<SharedView, Set<string>>();
  readonly #wishes = new Map<string, { readonly view: View; readonly ask: number | undefined }>();
  readonly #ending = new AbortController();
  /** Views of which it was not told something, as it was behind. */
  readonly #missed = new Set<string>();
  #behindSinceMs: number | undefined;
  #isWorking = false;
  /** The view that is being opened. */
  #opening: string | undefined;

  constructor(options: ViewStreamOptions) {
    this.#options = options;
    this.who = options.who;
    const { clock, server, who } = options;
    this.#send(
      JSON.stringify({
        hello: { protocol: PROTOCOL, now: new Date(clock.now()).toISOString(), beatMs: BEAT_MS, user: who.name, server },
      }),
    );
  }

  get viewCount(): number {
    return this.#open.size;
  }

  get isBehind(): boolean {
    return this.#behindSinceMs !== undefined;
  }

  /** Takes a message of the client. What cannot be taken is told to it; nothing is thrown. */
  receive(text: string): void {
    if (this.#ending.signal.aborted) return;
    try {
      const message = parseClientMessage(text);
      if ("session" in message) throw new OrreryError("views/bad-message", "the message cannot be taken: the session is known already");
      if (message.op === "close") this.#close(message.id);
      else this.#wish(message.id, message.view, message.ask);
    } catch (error) {
      const { id, ask } = isOrreryError(error) ? error.details : {};
      if (typeof id === "string") this.#refuse(id, typeof ask === "number" ? ask : undefined, error);
      // Whoever sends what has no name would wait for ever for its answer.
      else this.end(error);
    }
  }

  /** Tells time and revisions, and catches up what was missed. */
  beat(nowMs: number): void {
    if (this.#ending.signal.aborted) return;
    this.#catchUp();
    if (this.isBehind) return;
    const revs: Record<string, number> = {};
    let stale: Record<string, { since: string; reason: string }> | undefined;
    for (const [id, open] of this.#open) {
      revs[id] = "shared" in open ? open.shared.rev : open.tail.rev;
      const silence = "shared" in open ? open.shared.silence : undefined;
      if (silence === undefined) continue;
      stale ??= {};
      stale[id] = { since: new Date(silence.sinceMs).toISOString(), reason: silence.reason };
    }
    this.#send(JSON.stringify({ beat: { now: new Date(nowMs).toISOString(), revs, ...(stale !== undefined && { stale }) } }));
  }

  change(view: SharedView, body: Body): void {
    for (const id of this.#ids.get(view) ?? []) {
      if (this.isBehind) this.#missed.add(id);
      else this.#send(body.message(id));
    }
  }

  fail(view: SharedView, error: unknown): void {
    for (const id of [...(this.#ids.get(view) ?? [])]) this.#refuse(id, undefined, error);
  }

  /** What the reader may see has changed: asks anew for the views that have to do with it. Others go on: a log that is being read must not begin again. */
  reopen(): void {
    for (const [id, { view, rights }] of this.#open) {
      if (this.#wishes.has(id) || this.#rightsNow(view) === rights) continue;
      this.#wishes.set(id, { view, ask: undefined });
    }
    this.#work();
  }

  /** Tells the client why, and closes. */
  end(error: unknown): void {
    if (this.#ending.signal.aborted) return;
    const { port } = this.#options;
    port.send(JSON.stringify({ end: this.#told(error) }));
    this.closed();
    const code = isOrreryError(error, "api/unavailable") ? 1001 : isOrreryError(error, "views/bad-message") ? 1008 : 1000;
    port.close(code, isOrreryError(error) ? error.code : "");
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    for (const id of [...this.#open.keys()]) this.#close(id);
    this.#wishes.clear();
    this.#options.onEnd();
  }

  #wish(id: string, view: View, ask: number | undefined): void {
    const known = new Set([...this.#open.keys(), ...this.#wishes.keys(), ...(this.#opening === undefined ? [] : [this.#opening])]);
    if (!known.has(id) && known.size >= VIEWS_MAX)
      throw new OrreryError("views/too-many", `this stream has ${VIEWS_MAX} views open: close some`, { details: { id, ask } });
    // The last one counts, at its own place in the line.
    this.#wishes.delete(id);
    this.#wishes.set(id, { view, ask });
    this.#work();
  }

  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    void this.#carryOut();
  }

  async #carryOut(): Promise<void> {
    const { clock, keeper, onUnexpected } = this.#options;
    const { signal } = this.#ending;
    for (;;) {
      const [next] = this.#wishes;
      if (next === undefined || signal.aborted) {
        // In the same turn in which nothing was left: what comes next begins anew.
        this.#isWorking = false;
        return;
      }
      const [id, { view, ask }] = next;
      this.#wishes.delete(id);
      this.#opening = id;
      let workedMs = 0;
      try {
        if (view.of === "log") await this.#follow(id, view, ask);
        else {
          const opened = await keeper.open(this.who, view, this, signal);
          workedMs = opened.workedMs;
          if (signal.aborted || this.#wishes.has(id)) this.#leave(opened.shared);
          else this.#show(id, opened, view, ask);
        }
      } catch (error) {
        if (signal.aborted) continue;
        if (!isOrreryError(error)) onUnexpected(error);
        if (!this.#wishes.has(id)) this.#refuse(id, ask, error);
      }
      this.#opening = undefined;
      const restMs = Math.min(REST_MS_MAX, workedMs * REST_FACTOR);
      if (this.#wishes.size > 0 && restMs >= 1) await new Promise<void>((resolve) => clock.after(restMs, resolve, { background: true }));
    }
  }

  /** `undefined`: it may not be shown any more, which is told when it is opened again. */
  #rightsNow(view: View): string | undefined {
    try {
      return this.#options.keeper.rightsOf(this.who, view);
    } catch {
      return undefined;
    }
  }

  #show(id: string, { shared, rights }: Opened, view: View, ask: number | undefined): void {
    const ids = this.#ids.get(shared) ?? new Set();
    this.#ids.set(shared, ids);
    ids.add(id);
    const former = this.#open.get(id);
    this.#open.set(id, { shared, view, rights });
    if (former !== undefined && !("shared" in former && former.shared === shared)) this.#drop(id, former);
    this.#missed.delete(id);
    if (this.isBehind) this.#missed.add(id);
    else this.#send(shared.whole().message(id, ask === undefined ? "" : `"ask":${ask},`));
  }

  async #follow(id: string, view: LogView, ask: number | undefined): Promise<void> {
    const { clock, keeper } = this.#options;
    const ending = new AbortController();
    const signal = AbortSignal.any([this.#ending.signal, ending.signal]);
    const rights = keeper.rightsOf(this.who, view);
    let lines: AsyncIterable<readonly LogRow[]>;
    try {
      lines = await keeper.tail(this.who, view, signal);
    } catch (error) {
      ending.abort();
      throw error;
    }
    if (signal.aborted || this.#wishes.has(id)) return ending.abort();
    this.#close(id);
    const tail = new LogTail({
      lines,
      clock,
      mayTell: () => !this.isBehind,
      tell: (message) => this.#send(JSON.stringify({ id, ...(message.rev === 1 && ask !== undefined && { ask }), ...message })),
    });
    this.#open.set(id, { view, rights, tail, ending });
  }

  #close(id: string): void {
    this.#wishes.delete(id);
    this.#missed.delete(id);
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    this.#drop(id, open);
  }

  #refuse(id: string, ask: number | undefined, error: unknown): void {
    this.#close(id);
    this.#send(JSON.stringify({ id, ...(ask !== undefined && { ask }), error: this.#told(error) }));
  }

  #drop(id: string, open: OpenView): void {
    if ("shared" in open) {
      this.#ids.get(open.shared)?.delete(id);
      this.#leave(open.shared);
    } else {
      open.tail.end();
      open.ending.abort();
    }
  }

  /** The shared view goes on without this stream, if no name of it is left. */
  #leave(shared: SharedView): void {
    if ((this.#ids.get(shared)?.size ?? 0) > 0) return;
    this.#ids.delete(shared);
    shared.remove(this);
  }

  #told(error: unknown): StreamError {
    const known = isOrreryError(error) ? error : new OrreryError("api/internal", describeError(error));
    const { code, message, retry } = known;
    if (retry === "never") return { code, message, retry };
    return { code, message, retry, afterMs: Math.round(RETURN_MS * this.#options.random.next()) };
  }

  #send(message: string | Buffer): void {
    const { port, clock } = this.#options;
    port.send(message);
    if (this.#behindSinceMs === undefined && port.unsentBytes > UNSENT_BYTES_MAX) this.#behindSinceMs = clock.monotonic();
  }

  #catchUp(): void {
    const { port, clock } = this.#options;
    if (this.#behindSinceMs === undefined) return;
    if (port.unsentBytes > CAUGHT_UP_BYTES) {
      if (clock.monotonic() - this.#behindSinceMs > BEHIND_MS_MAX)
        this.end(new OrreryError("views/behind", `the client has taken nothing for ${BEHIND_MS_MAX / 1000} s`, { retry: "backoff" }));
      return;
    }
    this.#behindSinceMs = undefined;
    for (const id of [...this.#missed]) {
      if (this.isBehind) return;
      this.#missed.delete(id);
      const open = this.#open.get(id);
      if (open !== undefined && "shared" in open) this.#send(open.shared.whole().message(id));
    }
  }
}
