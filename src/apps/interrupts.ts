/** Ctrl-C and its relatives, told to what runs. A command that does not `claim` them ends soon after the first; the second one ends any that has not claimed at once. */
export interface Interrupts {
  /** Aborted by the first. */
  readonly first: AbortSignal;
  /** Aborted by the second: someone is in a hurry. */
  readonly second: AbortSignal;
  /** The caller ends by itself after an interrupt, however long that takes. */
  claim(): void;
}

const PATIENCE_MS = 300;

/** Listens to SIGINT, SIGTERM and SIGHUP of this process from now on. */
export function listenToInterrupts(): Interrupts {
  const first = new AbortController();
  const second = new AbortController();
  let isClaimed = false;
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.on(signal, () => {
      const wasInterrupted = first.signal.aborted;
      (wasInterrupted ? second : first).abort();
      if (isClaimed) return;
      // Most commands wait for one answer only; none of them must hold a terminal that wants them gone.
      setTimeout(() => process.exit(128 + number), wasInterrupted ? 0 : PATIENCE_MS).unref();
    });
  }
  return {
    first: first.signal,
    second: second.signal,
    claim() {
      isClaimed = true;
    },
  };
}
