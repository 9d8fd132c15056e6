import { setImmediate } from "node:timers/promises";
import { type Clock, describeError, gauge, type LastGuard, type Log, type MetricFamily, OrreryError, type Random } from "#/base/index.ts";
import type { Authorizer, Identity } from "#/people/access/index.ts";
import type { Board, BoardEntry } from "#/state/link/hub/index.ts";
import { ask } from "./ask.ts";
import type { Asked } from "./asked.ts";
import type { Followed, FollowedObjects, ViewedKind } from "./followed.ts";
import { RowForms } from "./object-rows.ts";
import type { LogRow, LogView, PlatformRow, View } from "./protocol.ts";
import { Rights } from "./rights.ts";
import { SharedQueries } from "./shared-query.ts";
import { type Member, SharedView } from "./shared-view.ts";
import { Sources } from "./sources.ts";
import { RequestTrials, type TableLook } from "./try/try-view.ts";
import { Turns } from "./turns.ts";
import { BEAT_MS, type Opened, type StreamPort, type ViewKeeper, ViewStream } from "./view-stream.ts";

export interface ViewsOptions {
  readonly kinds: readonly ViewedKind[];
  /** Absent: no live topics. */
  readonly board?: Board;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly guard?: LastGuard;
  /** Follows logs: lines as they come, of what `who` may read; ends with `signal`. Absent: there are no logs here.
   *  @throws OrreryError: they cannot be read, or not by `who` */
  readonly openLog?: (who: Identity, view: LogView, signal: AbortSignal) => Promise<AsyncIterable<readonly LogRow[]>>;
  /** Absent: no request can be tried. */
  readonly table?: TableLook;
  /** Orrery's. */
  readonly version?: string;
  /** What the centre says of itself: throws what is wrong. */
  readonly checks?: readonly { readonly name: string; readonly check: () => unknown }[];
}

/** A view is told at most this often. */
const FLUSH_MS = 250;
/** What changes in a quiet time is told after so long: what comes together goes together. */
const GATHER_MS = 20;
/** Of each stretch of time, telling takes at most one of so many parts; where it is more, it is done less often. */
const SHARE_PARTS = 6;
/** Changes of rights come in bursts, as a folder of manifests is applied. */
const RIGHTS_GATHER_MS = 100;
const STREAMS_MAX = 500;
const STREAMS_OF_USER_MAX = 100;
/** A source that has not been filled by then cannot be read now. */
const FILL_MS_MAX = 10_000;

/** All streams of consoles, and the views that they have open. */
export class Views implements ViewKeeper {
  readonly #options: ViewsOptions;
  readonly #sources: Sources;
  readonly #queries = new SharedQueries();
  readonly #forms = new RowForms();
  readonly #shared = new Map<string, SharedView>();
  readonly #streams = new Set<ViewStream>();
  readonly #server: string;
  readonly #trials: RequestTrials | undefined;
  readonly #unlisten: () => void;
  /** Views are opened one after the other, whoever asks. */
  #opening: Promise<unknown> = Promise.resolve();
  #isFlushDue = false;
  #flushedMs = Number.NEGATIVE_INFINITY;
  #restMs = FLUSH_MS;
  #workedMs = 0;
  #cancelFlush: () => void = () => {};
  #cancelBeat: () => void = () => {};
  #cancelReopen: () => void = () => {};
  #isClosed = false;
  #checks: PlatformRow["checks"] = [];

  constructor(options: ViewsOptions) {
    this.#options = options;
    this.#trials = options.table === undefined ? undefined : new RequestTrials(options.table);
    this.#server = Math.floor(options.random.next() * 2 ** 48).toString(36);
    this.#sources = new Sources({ ...options, onChange: () => this.#changed() });
    this.#unlisten = options.authorizer.onChange(() => {
      this.#cancelReopen();
      this.#cancelReopen = options.clock.after(
        RIGHTS_GATHER_MS,
        () => {
          for (const stream of this.#streams) stream.reopen();
        },
        { background: true },
      );
    });
  }

  /** Serves a tab over `port` until either ends it.
   *  @throws api/busy: too many are open, of this user or in all */
  connect(who: Identity, port: StreamPort): ViewStream {
    const { clock, random } = this.#options;
    if (this.#isClosed) throw new OrreryError("api/unavailable", "the centre stops", { retry: "backoff" });
    const own = [...this.#streams].filter((one) => one.who.name === who.name).length;
    if (this.#streams.size >= STREAMS_MAX || own >= STREAMS_OF_USER_MAX)
      throw new OrreryError(
        "api/busy",
        `${own >= STREAMS_OF_USER_MAX ? `user ${who.name} has ${own}` : `there are ${this.#streams.size}`} consoles open: close some`,
        {
          retry: "backoff",
        },
      );
    const stream: ViewStream = new ViewStream({
      port,
      who,
      keeper: this,
      server: this.#server,
      clock,
      random,
      onUnexpected: (error) => this.#unexpected(error),
      onEnd: () => {
        this.#streams.delete(stream);
        if (this.#streams.size === 0) this.#cancelBeat();
      },
    });
    this.#streams.add(stream);
    if (this.#streams.size === 1) {
      void this.#check();
      this.#beatLater();
    }
    return stream;
  }

  async open(who: Identity, view: Exclude<View, LogView>, member: Member, signal: AbortSignal): Promise<Opened> {
    const asked = this.#ask(who, view);
    const { rights } = asked;
    const key = `${rights} ${JSON.stringify(view)}`;
    const known = this.#shared.get(key);
    if (known !== undefined) {
      known.add(member);
      return { shared: known, rights, workedMs: 0 };
    }
    const followed = new FollowedSet(this.#sources, asked);
    try {
      await this.#fill(followed.all, signal);
      return await this.#inTurn(() => {
        signal.throwIfAborted();
        const startMs = this.#options.clock.monotonic();
        const shared = this.#shared.get(key) ?? this.#share(key, asked, followed);
        shared.add(member);
        return { shared, rights, workedMs: this.#options.clock.monotonic() - startMs };
      });
    } finally {
      // What an answer was made of has been given to it.
      followed.release();
    }
  }

  rightsOf(who: Identity, view: View): string {
    return view.of === "log" ? new Rights(this.#options.authorizer, who).ofLogs() : this.#ask(who, view).rights;
  }

  async tail(who: Identity, view: LogView, signal: AbortSignal): Promise<AsyncIterable<readonly LogRow[]>> {
    const { openLog } = this.#options;
    if (openLog === undefined) throw new OrreryError("views/missing", "this server has no logs");
    return await openLog(who, view, signal);
  }

  /** Ends the streams of those who are meant, with `error`. */
  endOf(isMeant: (who: Identity) => boolean, error: unknown): void {
    for (const stream of [...this.#streams]) if (isMeant(stream.who)) stream.end(error);
  }

  /** Ends all streams with `error`. */
  close(error: unknown): void {
    this.#isClosed = true;
    for (const stream of [...this.#streams]) stream.end(error);
    this.#unlisten();
    this.#cancelBeat();
    this.#cancelReopen();
    this.#cancelFlush();
    this.#sources.close();
  }

  *metrics(): Iterable<MetricFamily> {
    yield gauge("orrery_views_streams", "Consoles that are connected", this.#streams.size);
    yield gauge("orrery_views_open", "Views that are kept, each for all who ask the same", this.#shared.size);
    yield {
      name: "orrery_views_seconds_total",
      help: "Time that views took to be told",
      type: "counter",
      samples: [{ labels: {}, value: this.#workedMs / 1_000 }],
    };
  }

  #ask(who: Identity, view: Exclude<View, LogView>): Asked {
    return ask(view, new Rights(this.#options.authorizer, who), this.#sources, {
      clock: this.#options.clock,
      platform: () => this.#platform(),
      trials: this.#trials,
    });
  }

  #share(key: string, asked: Asked, followed: FollowedSet): SharedView {
    const answer = asked.answer({
      objects: (name) => followed.objects(name),
      topic: (name) => followed.topic(name),
      queries: this.#queries,
      forms: this.#forms,
    });
    const release = followed.give();
    const shared = new SharedView(answer, () => {
      this.#shared.delete(key);
      release();
    });
    this.#shared.set(key, shared);
    return shared;
  }

  /** @throws views/unavailable */
  async #fill(sources: readonly Followed<unknown>[], signal: AbortSignal): Promise<void> {
    const empty = sources.filter(({ source }) => !source.isFilled);
    if (empty.length === 0) return;
    const { clock } = this.#options;
    const late = Promise.withResolvers<never>();
    const onTime = (): void => {
      const reason = empty.find(({ source }) => !source.isFilled)?.source.silence?.reason ?? `not read within ${FILL_MS_MAX / 1_000} s`;
      late.reject(new OrreryError("views/unavailable", `what the view shows cannot be read now: ${reason}`, { retry: "backoff" }));
    };
    const onAbort = (): void => late.reject(signal.reason);
    const cancel = clock.after(FILL_MS_MAX, onTime, { background: true });
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([late.promise, Promise.all(empty.map(({ source }) => source.filled))]);
    } finally {
      cancel();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** One after the other, and others have their turn between. */
  async #inTurn<T>(work: () => T): Promise<T> {
    const before = this.#opening;
    const done = Promise.withResolvers<void>();
    this.#opening = done.promise;
    try {
      await before;
      return work();
    } finally {
      void setImmediate().then(() => done.resolve());
    }
  }

  #platform(): PlatformRow {
    const { version } = this.#options;
    return { type: "platform", ...(version !== undefined && { version }), checks: this.#checks, consoles: this.#streams.size };
  }

  /** Asks what the centre says of itself, while somebody looks. */
  async #check(): Promise<void> {
    const { checks = [] } = this.#options;
    this.#checks = await Promise.all(
      checks.map(async ({ name, check }) => {
        try {
          await check();
          return { name };
        } catch (error) {
          return { name, problem: describeError(error) };
        }
      }),
    );
  }

  #changed(): void {
    if (this.#isFlushDue || this.#isClosed) return;
    this.#isFlushDue = true;
    const { clock } = this.#options;
    const waitMs = Math.max(GATHER_MS, this.#flushedMs + this.#restMs - clock.monotonic());
    this.#cancelFlush = clock.after(waitMs, () => void this.#flush(), { background: true });
  }

  async #flush(): Promise<void> {
    const { clock } = this.#options;
    this.#isFlushDue = false;
    this.#flushedMs = clock.monotonic();
    // What changes from here on is for the next time: not before this one has ended.
    this.#restMs = Number.POSITIVE_INFINITY;
    const turns = new Turns(clock);
    try {
      await this.#sources.flush(turns.pause);
      for (const shared of [...this.#shared.values()]) {
        shared.flush();
        const waiting = turns.pause();
        if (waiting !== undefined) await waiting;
      }
    } catch (error) {
      this.#unexpected(error);
    }
    this.#workedMs += turns.workedMs;
    this.#restMs = Math.max(FLUSH_MS, turns.workedMs * SHARE_PARTS);
    if (!this.#isFlushDue) return;
    this.#cancelFlush();
    this.#isFlushDue = false;
    this.#changed();
  }

  #beatLater(): void {
    const { clock } = this.#options;
    this.#cancelBeat = clock.after(
      BEAT_MS,
      () => {
        this.#beatLater();
        for (const stream of [...this.#streams]) stream.beat(clock.now());
        void this.#check();
        // What is computed is not computed at each change.
        this.#changed();
      },
      { background: true },
    );
  }

  #unexpected(error: unknown): void {
    const { guard, log } = this.#options;
    if (guard !== undefined) guard.caught("callback", error);
    else log.error("views: failed in a way that nobody expected", { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

/** The sources of one view. */
class FollowedSet {
  readonly #objects: ReadonlyMap<string, FollowedObjects>;
  readonly #topics: ReadonlyMap<string, Followed<BoardEntry>>;
  #isGiven = false;

  constructor(sources: Sources, { objects, topics }: Asked) {
    this.#objects = new Map(objects.map((name) => [name, sources.objects(name)]));
    this.#topics = new Map(topics.map((name) => [name, sources.topic(name)]));
  }

  get all(): readonly Followed<unknown>[] {
    return [...this.#objects.values(), ...this.#topics.values()];
  }

  objects(name: string): FollowedObjects {
    return this.#objects.get(name) as FollowedObjects;
  }

  topic(name: string): Followed<BoardEntry> {
    return this.#topics.get(name) as Followed<BoardEntry>;
  }

  /** They are somebody else's now: returns what lets go of them. */
  give(): () => void {
    this.#isGiven = true;
    return () => {
      for (const one of this.all) one.release();
    };
  }

  release(): void {
    if (!this.#isGiven) for (const one of this.all) one.release();
  }
}
