import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { isOrreryError, type OrreryError } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { ListOptions, Store, WatchEvent, WatchOptions } from "../contract.ts";

/** What an engine gives to be tested: a store without objects, and what it can do besides. */
export interface StoreHarness {
  readonly store: Store;
  /** Opens the store again over the same data, as after a crash: it remembers objects, but no changes before. */
  readonly restart?: () => Promise<Store>;
}

export interface StoreNeeds {
  /** True: a garbage collector runs over the store's data. */
  readonly hasCollector: boolean;
}

/** Opens an engine for one test, and closes it after `context`. */
export type OpenStore = (context: TestContext, needs: StoreNeeds) => Promise<StoreHarness>;

/** The `OrreryError` of `code` that `promise` rejects with; fails if it does not. */
export async function rejects(promise: Promise<unknown>, code: string): Promise<OrreryError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isOrreryError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`expected ${code}`);
}

/** The causes of a store/invalid, as `field: message`. */
export async function causesOf(promise: Promise<unknown>): Promise<readonly string[]> {
  const error = await rejects(promise, "store/invalid");
  const causes = error.details["causes"] as readonly { readonly field: string; readonly message: string }[];
  return causes.map(({ field, message }) => `${field}: ${message}`);
}

/** A signal that is aborted when the test ends. */
export function stopper(context: TestContext): AbortSignal {
  const controller = new AbortController();
  context.after(() => controller.abort());
  return controller.signal;
}

export interface Watched<T> {
  /** The next event; fails when the watch ends. */
  next(): Promise<WatchEvent<T>>;
  /** All events up to and with the first that satisfies `isLast`. */
  until(isLast: (event: WatchEvent<T>) => boolean): Promise<readonly WatchEvent<T>[]>;
}

/** Watches `kind` until the test ends. */
export function watch<K extends Kind>(
  context: TestContext,
  store: Store,
  kind: K,
  options: Omit<WatchOptions, "signal"> = {},
): Watched<K["$object"]> {
  const events = store.watch(kind, { ...options, signal: stopper(context) })[Symbol.asyncIterator]();
  const next = async (): Promise<WatchEvent<K["$object"]>> => {
    const { value, done } = await events.next();
    return done === true ? assert.fail("the watch ended") : value;
  };
  return {
    next,
    async until(isLast) {
      const seen: WatchEvent<K["$object"]>[] = [];
      for (;;) {
        const event = await next();
        seen.push(event);
        if (isLast(event)) return seen;
      }
    },
  };
}

/** `ADDED name`, for comparing. */
export function brief(event: WatchEvent<Kind["$object"]>): string {
  return event.type === "BOOKMARK" ? event.type : `${event.type} ${event.object.metadata.name}`;
}

/** Names of what is listed. */
export async function names(store: Store, kind: Kind, options?: ListOptions): Promise<readonly string[]> {
  return (await store.list(kind, options)).items.map((object) => object.metadata.name);
}

/** Waits until no object of `kind` is called `name`. */
export async function untilGone(context: TestContext, store: Store, kind: Kind, name: string): Promise<void> {
  const { items, resourceVersion } = await store.list(kind);
  if (!items.some((object) => object.metadata.name === name)) return;
  await watch(context, store, kind, { resourceVersion }).until((event) => event.type === "DELETED" && event.object.metadata.name === name);
}

/** The spec of a Resource with `id`. */
export function thing(id: string, more: Readonly<Record<string, unknown>> = {}) {
  return { id, type: "thing", ...more };
}
