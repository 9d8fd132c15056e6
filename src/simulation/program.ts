import type { Clock } from "#/base/index.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a routine waits for: so many milliseconds, or until `resume` is called. */
export type Wait = number | ((resume: () => void) => void);
/** Work of a program that takes time. What it returns is for who delegates to it. */
export type Routine<T = void> = Generator<Wait, T, void>;

/** One operating system process: it can die, and it can be stopped and go on later as if no time had passed for it. Its clock runs no callback while it cannot. */
export class Program implements Clock {
  readonly name: string;
  readonly #scheduler: Scheduler;
  #isAlive = true;
  #isPaused = false;
  #backlog: (() => void)[] = [];
  readonly #mourners = new Set<() => void>();

  constructor(scheduler: Scheduler, name: string) {
    this.#scheduler = scheduler;
    this.name = name;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isRunning(): boolean {
    return this.#isAlive && !this.#isPaused;
  }

  now(): number {
    return this.#scheduler.nowMs;
  }

  monotonic(): number {
    return this.#scheduler.elapsedMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const cancel = this.#scheduler.after(delayMs, () =>
      this.deliver(() => {
        if (!isCancelled) callback();
      }),
    );
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Runs `callback` at once, or when the process goes on, or never. */
  deliver(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isPaused) this.#backlog.push(callback);
    else callback();
  }

  /** Starts a routine; it ends with the process. */
  spawn(routine: Routine): void {
    const go = (): void => {
      const result = routine.next();
      if (result.done === true) return;
      if (typeof result.value === "number") this.after(result.value, go);
      else {
        let isResumed = false;
        result.value(() => {
          if (isResumed) return;
          isResumed = true;
          this.deliver(go);
        });
      }
    };
    this.deliver(go);
  }

  /** Calls `then` when it is killed; returns what cancels that. */
  onDeath(then: () => void): () => void {
    this.#mourners.add(then);
    return () => this.#mourners.delete(then);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#backlog = [];
    for (const then of this.#mourners) then();
    this.#mourners.clear();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const callback of this.#backlog.splice(0)) this.deliver(callback);
  }
}
