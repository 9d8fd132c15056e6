import { backoffDelayMs, type Clock, describeError, type Log, OrreryError, type Random, sleep } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import type { Board, BoardEntry } from "#/state/link/hub/index.ts";
import { objectKey } from "#/state/reconcile/index.ts";
import type { ObjectList, WatchEvent } from "#/state/store/index.ts";

/** A keyed collection that tells which keys have changed. */
export interface Source<T> {
  get(key: string): T | undefined;
  entries(): Iterable<readonly [key: string, row: T]>;
  readonly size: number;
  /** Resolves when it is filled for the first time, at once where it is always. */
  readonly filled: Promise<void>;
  /** False until it is filled for the first time. */
  readonly isFilled: boolean;
  /** Since when, and why, it is not followed: what it holds is from before. */
  readonly silence?: Silence | undefined;
  /** Keys that have changed since the last call. */
  takeChanged(): ReadonlySet<string>;
  /** Calls `onChange` when something may have changed; returns what ends that. */
  listen(onChange: () => void): () => void;
}

export interface Silence {
  readonly sinceMs: number;
  readonly reason: string;
}

/** So many times a watch's word may be missed. */
const QUIET_TIMES_MAX = 3;

/** Where the objects of a kind come from: those that a console may see, secrets hidden. */
export interface ObjectFeed {
  list(): Promise<ObjectList<StoredObject>>;
  watch(options: { readonly resourceVersion: string; readonly signal: AbortSignal }): AsyncIterable<WatchEvent<StoredObject>>;
  /** A watch says something at least so often, if only that nothing has changed; absent: it may be quiet for ever. */
  readonly wordEveryMs?: number;
}

export interface ObjectSourceOptions {
  readonly feed: ObjectFeed;
  /** Such as `microservices`; for the log. */
  readonly resource: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told of each change at once. */
  readonly onPut?: (key: string, object: StoredObject | undefined) => void;
}

/** The objects of a kind, kept by list and watch from `start` to `stop`. What is known stays through failures, which are told as silence. */
export class ObjectSource implements Source<StoredObject> {
  readonly #options: ObjectSourceOptions;
  readonly #objects = new Map<string, StoredObject>();
  readonly #listeners = new Set<() => void>();
  readonly #ending = new AbortController();
  #changed = new Set<string>();
  #isFilled = false;
  #silence: Silence | undefined;
  #markFilled: () => void = () => {};
  readonly filled: Promise<void> = new Promise((resolve) => {
    this.#markFilled = resolve;
  });

  constructor(options: ObjectSourceOptions) {
    this.#options = options;
  }

  /** Begins to follow; resolves when it has ended. */
  async run(): Promise<void> {
    const { clock, random, log, resource } = this.#options;
    const { signal } = this.#ending;
    let failures = 0;
    while (!signal.aborted) {
      let why = "its watch has ended";
      try {
        await this.#follow(() => {
          failures = 0;
        });
      } catch (error) {
        why = describeError(error);
        if (!signal.aborted && failures > 0) log.warn(`views: watching ${resource} failed: ${why}`);
      }
      if (signal.aborted) return;
      failures += 1;
      // What begins anew at once was never silent.
      if (failures > 1) this.#silence ??= { sinceMs: clock.now(), reason: why };
      await sleep(clock, backoffDelayMs({ firstMs: 20, maxMs: 5_000, jitter: 0.5 }, failures, random), signal).catch(() => {});
    }
  }

  stop(): void {
    this.#ending.abort();
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  entries(): Iterable<readonly [string, StoredObject]> {
    return this.#objects;
  }

  get size(): number {
    return this.#objects.size;
  }

  get isFilled(): boolean {
    return this.#isFilled;
  }

  get silence(): Silence | undefined {
    return this.#silence;
  }

  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }

  listen(onChange: () => void): () => void {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  }

  async #follow(onProgress: () => void): Promise<void> {
    const { feed } = this.#options;
    const { signal } = this.#ending;
    const list = await feed.list();
    if (signal.aborted) return;
    const present = new Set<string>();
    for (const object of list.items) {
      const key = objectKey(object);
      present.add(key);
      if (this.#objects.get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) this.#put(key, object);
    }
    for (const key of [...this.#objects.keys()]) if (!present.has(key)) this.#put(key, undefined);
    this.#isFilled = true;
    this.#silence = undefined;
    this.#markFilled();
    onProgress();
    const hearing = this.#hear();
    try {
      for await (const event of feed.watch({ resourceVersion: list.resourceVersion, signal: AbortSignal.any([signal, hearing.signal]) })) {
        hearing.heard();
        if (event.type === "BOOKMARK") continue;
        this.#put(objectKey(event.object), event.type === "DELETED" ? undefined : event.object);
      }
      hearing.signal.throwIfAborted();
    } finally {
      hearing.end();
    }
  }

  /** A watch that has gone quiet without an end is ended: nobody would know that it tells nothing any more. */
  #hear(): { readonly signal: AbortSignal; heard(): void; end(): void } {
    const { clock, feed } = this.#options;
    const ending = new AbortController();
    const { wordEveryMs } = feed;
    if (wordEveryMs === undefined) return { signal: ending.signal, heard() {}, end() {} };
    let heardMs = clock.monotonic();
    const look = (): void => {
      if (clock.monotonic() - heardMs > QUIET_TIMES_MAX * wordEveryMs) {
        this.#silence ??= { sinceMs: clock.now() - (clock.monotonic() - heardMs), reason: "its watch has gone quiet" };
        ending.abort(new OrreryError("views/unavailable", "its watch has gone quiet", { retry: "backoff" }));
      } else cancel = clock.after(wordEveryMs, look, { background: true });
    };
    let cancel = clock.after(wordEveryMs, look, { background: true });
    return { signal: ending.signal, heard: () => (heardMs = clock.monotonic()), end: () => cancel() };
  }

  #put(key: string, object: StoredObject | undefined): void {
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    this.#changed.add(key);
    this.#options.onPut?.(key, object);
    for (const listener of this.#listeners) listener();
  }
}

/** A topic of the board. */
export class TopicSource implements Source<BoardEntry> {
  readonly #board: Board;
  readonly #topic: string;
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #changed = new Set<string>();
  readonly filled: Promise<void> = Promise.resolve();
  readonly isFilled = true;

  constructor(board: Board, topic: string) {
    this.#board = board;
    this.#topic = topic;
    this.#unsubscribe = board.subscribe(topic, (key) => {
      this.#changed.add(key);
      for (const listener of this.#listeners) listener();
    });
  }

  stop(): void {
    this.#unsubscribe();
  }

  get(key: string): BoardEntry | undefined {
    return this.#board.get(this.#topic, key);
  }

  entries(): Iterable<readonly [string, BoardEntry]> {
    return this.#board.list(this.#topic);
  }

  get size(): number {
    return this.#board.list(this.#topic).size;
  }

  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }

  listen(onChange: () => void): () => void {
    this.#listeners.add(onChange);
    return () => this.#listeners.delete(onChange);
  }
}
