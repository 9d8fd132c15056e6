import type { Clock } from "#/base/index.ts";

/** Entries of one topic; above it the oldest observation gives way. */
const TOPIC_ENTRIES_MAX = 20_000;
const TOPICS_MAX = 200;

/** What someone observed, and when it reached the centre. */
export interface BoardEntry {
  readonly value: unknown;
  readonly observedAtMs: number;
  /** Name of the peer or part that says it. */
  readonly by: string;
}

/** Told after each change; `entry` is absent when the key was dropped. */
export type BoardListener = (key: string, entry: BoardEntry | undefined) => void;

/** Observations too frequent to be stored: topic → key → latest value, in memory. A new leader's board is empty, and empty means unknown, never zero. */
export class Board {
  readonly #clock: Clock;
  readonly #topics = new Map<string, Map<string, BoardEntry>>();
  readonly #listeners = new Map<string, Set<BoardListener>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Replaces what is known under `key`. */
  put(topic: string, key: string, value: unknown, by: string): void {
    const entries = this.#topics.get(topic) ?? this.#addTopic(topic);
    const entry: BoardEntry = { value, observedAtMs: this.#clock.now(), by };
    // Deleted first, so that the map stays ordered by age and the oldest is found at once.
    entries.delete(key);
    entries.set(key, entry);
    this.#tell(topic, key, entry);
    if (entries.size > TOPIC_ENTRIES_MAX) this.drop(topic, entries.keys().next().value as string);
  }

  get(topic: string, key: string): BoardEntry | undefined {
    return this.#topics.get(topic)?.get(key);
  }

  /** The live entries of a topic, oldest observation first; empty for an unknown topic. Do not keep it across an `await`. */
  list(topic: string): ReadonlyMap<string, BoardEntry> {
    return this.#topics.get(topic) ?? EMPTY;
  }

  /** Topics that hold something. */
  topics(): readonly string[] {
    return [...this.#topics].flatMap(([topic, entries]) => (entries.size > 0 ? [topic] : []));
  }

  /** Forgets `key`: it is unknown from now on. */
  drop(topic: string, key: string): void {
    if (this.#topics.get(topic)?.delete(key) === true) this.#tell(topic, key, undefined);
  }

  /** Calls `listener` at once, in the turn of the change, for each change of `topic`; returns what stops it. */
  subscribe(topic: string, listener: BoardListener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  #addTopic(topic: string): Map<string, BoardEntry> {
    // Topics are named by our own code: more of them is a bug, not load.
    if (this.#topics.size >= TOPICS_MAX) throw new RangeError(`more than ${TOPICS_MAX} topics on the board`);
    const entries = new Map<string, BoardEntry>();
    this.#topics.set(topic, entries);
    return entries;
  }

  #tell(topic: string, key: string, entry: BoardEntry | undefined): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(key, entry);
  }
}

const EMPTY: ReadonlyMap<string, BoardEntry> = new Map();
