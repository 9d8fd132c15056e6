import { OrreryError } from "#/base/index.ts";

const WAITING_MAX = 1_000;

/** Lets tasks of the same key run one after the other. */
export class Turns {
  readonly #last = new Map<string, { readonly promise: Promise<unknown>; waiting: number }>();

  /** Runs `task` when the tasks of `key` before it have ended.
   *  @throws store/unavailable: too many wait for the same key */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    if (before !== undefined && before.waiting >= WAITING_MAX)
      return Promise.reject(new OrreryError("store/unavailable", `${WAITING_MAX} writes of this object wait already`, { retry: "backoff" }));
    const promise = before === undefined ? task() : before.promise.then(task, task);
    const own = { promise, waiting: (before?.waiting ?? 0) + 1 };
    this.#last.set(key, own);
    const end = (): void => {
      const last = this.#last.get(key);
      if (last === own) this.#last.delete(key);
      else if (last !== undefined) last.waiting--;
    };
    promise.then(end, end);
    return promise;
  }
}
