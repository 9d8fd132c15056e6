import { ManualClock, sleep } from "#/base/index.ts";

/** A clock for tests of many parts in one process. It stands still until a test waits by it; then it goes to the next timer whenever nothing is left to do. So a test of hours takes as long as its work, and a busy machine makes nothing late. What other processes, files or sockets do is not waited for: it is not for tests of these. */
export class SkippingClock extends ManualClock {
  #waiting = 0;
  #isGoing = false;

  /** Waits `ms` by this clock, and until all that falls due on the way has been done. */
  wait(ms: number): Promise<void> {
    return this.waitFor(sleep(this, ms));
  }

  /** Goes on until `promise` is settled. */
  async waitFor<T>(promise: Promise<T>): Promise<T> {
    this.#waiting += 1;
    if (!this.#isGoing) void this.#go();
    try {
      return await promise;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #go(): Promise<void> {
    this.#isGoing = true;
    await idle();
    while (this.#waiting > 0) {
      this.advance(Math.max(0, (this.nextTimer() ?? 0) - this.now()));
      await idle();
    }
    this.#isGoing = false;
  }
}

/** All clocks look together: else each would take another's look for work. */
let looking: Promise<void> | undefined;

/** Resolves when nothing is left to do that has been promised, or put off to the next turn of the event loop. */
function idle(): Promise<void> {
  looking ??= look().finally(() => {
    looking = undefined;
  });
  return looking;
}

async function look(): Promise<void> {
  do await new Promise(setImmediate);
  while (process.getActiveResourcesInfo().includes("Immediate"));
}
