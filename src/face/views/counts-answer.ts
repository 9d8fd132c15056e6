import type { StoredObject } from "#/model/index.ts";
import { type Answer, type Reading, rowText } from "./answer.ts";
import type { Consumer, FollowedObjects, SeenObjects } from "./followed.ts";
import type { CountRow, CountsView } from "./protocol.ts";
import type { ReaderScope, Visible } from "./rights.ts";
import { parseSelection, reach } from "./selection.ts";
import type { Silence } from "./source.ts";

/** How many objects have which value of a facet, most first. An object with several values counts for each of them; the total is that of objects. */
export class CountsAnswer implements Answer, Consumer {
  readonly #objects: SeenObjects;
  readonly #limit: number;
  readonly #matches: Visible;
  readonly #valuesOf: (object: StoredObject) => readonly string[];
  readonly #values = new Map<string, readonly string[]>();
  readonly #counts = new Map<string, number>();
  readonly #detach: () => void;
  #version = 0;
  #readVersion = -1;

  /** `all` must be filled. @throws views/bad-message, store/invalid */
  constructor(all: FollowedObjects, view: CountsView, reader: ReaderScope) {
    const { objects, scope } = reach(all, reader);
    this.#objects = objects;
    this.#limit = view.limit;
    this.#matches = parseSelection(objects, view, scope);
    this.#valuesOf = objects.facets.valuesOf(view.by);
    for (const [key, object] of objects.source.entries()) this.#put(key, object);
    objects.consumers.add(this);
    this.#detach = scope.attach?.(() => this.#recheck()) ?? (() => {});
  }

  get isChanged(): boolean {
    return this.#version !== this.#readVersion;
  }

  /** Rises whenever a count has changed. */
  get version(): number {
    return this.#version;
  }

  /** Objects by value. */
  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  get silence(): Silence | undefined {
    return this.#objects.source.silence;
  }

  apply(changed: ReadonlySet<string>): void {
    for (const key of changed) this.#put(key, this.#objects.source.get(key));
  }

  read(): Reading {
    this.#readVersion = this.#version;
    const all = [...this.#counts].sort(([a, one], [b, two]) => two - one || (a < b ? -1 : 1)).slice(0, this.#limit);
    const rows = all.map(([value, count]) => ({ key: value, text: rowText(JSON.stringify({ value, count } satisfies CountRow)) }));
    return { total: this.#values.size, offset: 0, rows };
  }

  close(): void {
    this.#objects.consumers.delete(this);
    this.#detach();
  }

  #recheck(): void {
    for (const [key, object] of this.#objects.source.entries()) this.#put(key, object);
  }

  #put(key: string, object: StoredObject | undefined): void {
    const before = this.#values.get(key);
    const isIn = object !== undefined && (this.#matches === undefined || this.#matches(object));
    const values = isIn ? this.#valuesOf(object) : undefined;
    const after = values?.length === 0 ? NO_VALUE : values;
    if (before === undefined && after === undefined) return;
    if (before?.length === after?.length && before?.every((value, index) => value === after?.[index]) === true) return;
    this.#version += 1;
    for (const value of before ?? []) this.#add(value, -1);
    for (const value of after ?? []) this.#add(value, 1);
    if (after === undefined) this.#values.delete(key);
    else this.#values.set(key, after);
  }

  #add(value: string, by: number): void {
    const count = (this.#counts.get(value) ?? 0) + by;
    if (count === 0) this.#counts.delete(value);
    else this.#counts.set(value, count);
  }
}

const NO_VALUE: readonly string[] = [""];
