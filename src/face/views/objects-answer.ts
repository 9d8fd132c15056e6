import type { Answer, Reading } from "./answer.ts";
import type { Consumer, FollowedObjects } from "./followed.ts";
import type { RowForm } from "./object-rows.ts";
import type { ViewColumn } from "./protocol.ts";
import type { ReaderScope } from "./rights.ts";
import type { SharedQuery } from "./shared-query.ts";
import type { Silence } from "./source.ts";

export interface ObjectsAnswerOptions {
  readonly followed: FollowedObjects;
  readonly kept: { readonly query: SharedQuery; release(): void };
  readonly form: RowForm;
  readonly offset: number;
  readonly limit: number;
}

/** A window of a query over objects. */
export class ObjectsAnswer implements Answer {
  readonly #options: ObjectsAnswerOptions;
  #version = -1;

  constructor(options: ObjectsAnswerOptions) {
    this.#options = options;
  }

  get isChanged(): boolean {
    return this.#options.kept.query.version !== this.#version;
  }

  get silence(): Silence | undefined {
    return this.#options.followed.source.silence;
  }

  read(): Reading {
    const { kept, form, offset, limit } = this.#options;
    const { query } = kept;
    this.#version = query.version;
    const rows = query.window(offset, limit).map(({ key, row }) => ({ key, text: form.textOf(row) }));
    const { columns }: { readonly columns?: readonly ViewColumn[] } = form;
    return { total: query.size, offset, rows, ...(columns !== undefined && { columns }) };
  }

  close(): void {
    this.#options.kept.release();
  }
}

/** One object, by its key. */
export class ObjectAnswer implements Answer, Consumer {
  readonly #followed: FollowedObjects;
  readonly #key: string;
  readonly #form: RowForm;
  readonly #scope: ReaderScope;
  readonly #detach: () => void;
  isChanged = true;

  constructor(followed: FollowedObjects, key: string, form: RowForm, scope: ReaderScope) {
    this.#followed = followed;
    this.#key = key;
    this.#form = form;
    this.#scope = scope;
    this.#detach =
      scope.attach?.(() => {
        this.isChanged = true;
      }) ?? (() => {});
    followed.consumers.add(this);
  }

  get silence(): Silence | undefined {
    return this.#followed.source.silence;
  }

  apply(changed: ReadonlySet<string>): void {
    this.isChanged ||= changed.has(this.#key);
  }

  read(): Reading {
    this.isChanged = false;
    const object = this.#followed.source.get(this.#key);
    if (object === undefined || this.#scope.visible?.(object) === false) return { total: 0, offset: 0, rows: [] };
    return { total: 1, offset: 0, rows: [{ key: this.#key, text: this.#form.textOf(object) }] };
  }

  close(): void {
    this.#followed.consumers.delete(this);
    this.#detach();
  }
}
