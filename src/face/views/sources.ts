import { type Clock, type Log, OrreryError, type Random } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import type { Board, BoardEntry } from "#/state/link/hub/index.ts";
import { facetsOf } from "./facets.ts";
import type { Consumer, Followed, FollowedObjects, ViewedKind } from "./followed.ts";
import { Scopes } from "./scoped-objects.ts";
import { searchOf } from "./search.ts";
import { ObjectSource, type Source, TopicSource } from "./source.ts";

export interface SourcesOptions {
  readonly kinds: readonly ViewedKind[];
  readonly board?: Board;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Something has changed that somebody looks at. */
  readonly onChange: () => void;
}

type KeptObjects = Kept<StoredObject> & Pick<FollowedObjects, "facets" | "search"> & { readonly scopes: Scopes };

/** A source goes on so long after the last look: who comes back finds it filled. */
const LINGER_MS = 60_000;

interface Kept<T> {
  readonly source: Source<T>;
  readonly consumers: Set<Consumer>;
  readonly stop: () => void;
  uses: number;
  cancelEnd: () => void;
  unlisten: () => void;
}

/** The local copies of what is looked at: one of each kind and topic for all consoles, begun with the first look. */
export class Sources {
  readonly #options: SourcesOptions;
  readonly #viewed: ReadonlyMap<string, ViewedKind>;
  readonly #objects = new Map<string, KeptObjects>();
  readonly #topics = new Map<string, Kept<BoardEntry>>();

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.#viewed = new Map(options.kinds.map((one) => [one.resource, one]));
  }

  /** Kinds and topics that are followed now. */
  get size(): number {
    return this.#objects.size + this.#topics.size;
  }

  /** @throws views/missing: no such kind is served */
  kind(resource: string): ViewedKind {
    const found = this.#viewed.get(resource);
    if (found === undefined)
      throw new OrreryError("views/missing", `no kind ${resource} is served here; there are ${[...this.#viewed.keys()].join(", ")}`);
    return found;
  }

  all(): readonly ViewedKind[] {
    return [...this.#viewed.values()];
  }

  find(resource: string): ViewedKind | undefined {
    return this.#viewed.get(resource);
  }

  /** @throws views/missing */
  objects(resource: string): FollowedObjects {
    const viewed = this.kind(resource);
    let kept = this.#objects.get(resource);
    if (kept === undefined) {
      const source: ObjectSource = new ObjectSource({
        ...this.#options,
        feed: viewed.feed,
        resource,
        onPut: (key, object) => scopes.put(key, object),
      });
      const scopes = new Scopes(source);
      void source.run();
      kept = { ...keep(source, () => source.stop()), facets: facetsOf(viewed.columns), search: searchOf(viewed.columns), scopes };
      this.#objects.set(resource, kept);
    }
    const { facets, search, scopes } = kept;
    const followed: FollowedObjects = {
      ...this.#use(this.#objects, resource, kept),
      ...{ viewed, facets, search },
      within: (isShown) => scopes.within(followed, isShown),
    };
    return followed;
  }

  get hasTopics(): boolean {
    return this.#options.board !== undefined;
  }

  /** @throws views/missing: this server has no live topics */
  topic(topic: string): Followed<BoardEntry> {
    const { board } = this.#options;
    if (board === undefined) throw new OrreryError("views/missing", "this server has no live topics");
    let kept = this.#topics.get(topic);
    if (kept === undefined) {
      const source = new TopicSource(board, topic);
      kept = keep(source, () => source.stop());
      this.#topics.set(topic, kept);
    }
    return this.#use(this.#topics, topic, kept);
  }

  /** Takes what has changed to all who look; after each, `pause` may let others have their turn. */
  async flush(pause: () => Promise<void> | undefined): Promise<void> {
    for (const { source, consumers } of this.#parts()) {
      const changed = source.takeChanged();
      if (changed.size === 0) continue;
      for (const consumer of consumers) {
        consumer.apply(changed);
        const waiting = pause();
        if (waiting !== undefined) await waiting;
      }
    }
  }

  /** All that tells of changes on its own: sources, and the parts of them that are looked at by themselves. */
  #parts(): readonly Pick<Kept<unknown>, "source" | "consumers">[] {
    const scoped = [...this.#objects.values()].flatMap(({ scopes }) => {
      scopes.prune();
      return [...scopes.all()].map((source) => ({ source, consumers: source.consumers }));
    });
    return [...this.#objects.values(), ...scoped, ...this.#topics.values()];
  }

  close(): void {
    for (const kept of this.#objects.values()) this.#end(kept);
    for (const kept of this.#topics.values()) this.#end(kept);
    this.#objects.clear();
    this.#topics.clear();
  }

  #use<T, K extends Kept<T>>(map: Map<string, K>, name: string, kept: K): Followed<T> {
    kept.cancelEnd();
    kept.uses += 1;
    // What came while nobody looked is in the rows that a consumer begins with.
    if (kept.uses === 1) {
      if (kept.consumers.size === 0) kept.source.takeChanged();
      kept.unlisten = kept.source.listen(this.#options.onChange);
    }
    let isReleased = false;
    return {
      source: kept.source,
      consumers: kept.consumers,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        kept.uses -= 1;
        if (kept.uses > 0) return;
        kept.unlisten();
        kept.cancelEnd = this.#options.clock.after(
          LINGER_MS,
          () => {
            map.delete(name);
            this.#end(kept);
          },
          { background: true },
        );
      },
    };
  }

  #end<T>(kept: Kept<T>): void {
    kept.cancelEnd();
    kept.unlisten();
    kept.stop();
  }
}

function keep<T>(source: Source<T>, stop: () => void): Kept<T> {
  return { source, consumers: new Set(), stop, uses: 0, cancelEnd: () => {}, unlisten: () => {} };
}
