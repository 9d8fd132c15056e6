import type { BoardEntry } from "#/state/link/hub/index.ts";
import { type Answer, type Reading, rowText } from "./answer.ts";
import type { Consumer, Followed } from "./followed.ts";
import { LiveQuery } from "./live-query.ts";
import type { TopicView } from "./protocol.ts";
import { fold, wordsOf } from "./search.ts";

/** Which entries of a topic a reader is shown: those of objects that it is shown. */
export interface TopicScope {
  mayShow(key: string): boolean;
  /** Calls `recheck` when others are shown than before; returns what ends that. */
  attach(recheck: () => void): () => void;
}

/** Entries of a topic by key: all of them, those that have each word in their key, or those of some keys. */
export function topicAnswer(topic: Followed<BoardEntry>, view: TopicView, scope: TopicScope | undefined): Answer {
  const keys = view.key === undefined ? view.keys : [view.key];
  return keys === undefined ? new TopicWindow(topic, view, scope) : new TopicKeys(topic, keys, scope);
}

/** Only some keys: nothing else of the topic is looked at. */
class TopicKeys implements Answer, Consumer {
  readonly #topic: Followed<BoardEntry>;
  readonly #keys: ReadonlySet<string>;
  readonly #scope: TopicScope | undefined;
  readonly #detach: () => void;
  isChanged = true;

  constructor(topic: Followed<BoardEntry>, keys: readonly string[], scope: TopicScope | undefined) {
    this.#topic = topic;
    this.#keys = new Set(keys);
    this.#scope = scope;
    this.#detach =
      scope?.attach(() => {
        this.isChanged = true;
      }) ?? (() => {});
    topic.consumers.add(this);
  }

  apply(changed: ReadonlySet<string>): void {
    if (this.isChanged) return;
    const [few, many] = changed.size < this.#keys.size ? [changed, this.#keys] : [this.#keys, changed];
    for (const key of few)
      if (many.has(key)) {
        this.isChanged = true;
        return;
      }
  }

  read(): Reading {
    this.isChanged = false;
    const rows = [...this.#keys].flatMap((key) => {
      const entry = this.#topic.source.get(key);
      return entry === undefined || this.#scope?.mayShow(key) === false ? [] : [{ key, text: entryText(entry) }];
    });
    return { total: rows.length, offset: 0, rows };
  }

  close(): void {
    this.#topic.consumers.delete(this);
    this.#detach();
  }
}

/** A window of all, in order of their keys. */
class TopicWindow implements Answer, Consumer {
  readonly #topic: Followed<BoardEntry>;
  readonly #view: TopicView;
  readonly #matches: (key: string) => boolean;
  readonly #query: LiveQuery<BoardEntry>;
  readonly #detach: () => void;
  #version = -1;

  constructor(topic: Followed<BoardEntry>, view: TopicView, scope: TopicScope | undefined) {
    this.#topic = topic;
    this.#view = view;
    const words = wordsOf(view.search ?? "");
    this.#matches = (key) => {
      if (scope?.mayShow(key) === false) return false;
      if (words.length === 0) return true;
      const text = fold(key);
      return words.every((word) => text.includes(word));
    };
    this.#query = new LiveQuery(
      {},
      [...topic.source.entries()].filter(([key]) => this.#matches(key)),
    );
    this.#detach = scope?.attach(() => this.apply(new Set([...topic.source.entries()].map(([key]) => key)))) ?? (() => {});
    topic.consumers.add(this);
  }

  get isChanged(): boolean {
    return this.#query.version !== this.#version;
  }

  apply(changed: ReadonlySet<string>): void {
    for (const key of changed) this.#query.put(key, this.#matches(key) ? this.#topic.source.get(key) : undefined);
  }

  read(): Reading {
    const { offset, limit } = this.#view;
    this.#version = this.#query.version;
    const rows = this.#query.window(offset, limit).map(({ key, row }) => ({ key, text: entryText(row) }));
    return { total: this.#query.size, offset, rows };
  }

  close(): void {
    this.#topic.consumers.delete(this);
    this.#detach();
  }
}

const texts = new WeakMap<BoardEntry, string>();

function entryText(entry: BoardEntry): string {
  const known = texts.get(entry);
  if (known !== undefined) return known;
  const text = rowText(JSON.stringify({ value: entry.value ?? null }), { at: new Date(entry.observedAtMs).toISOString(), by: entry.by });
  texts.set(entry, text);
  return text;
}
