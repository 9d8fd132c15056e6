import type { Log } from "#/base/index.ts";

/** Ctrl-C and its relatives, told to what runs. A command that does not `claim` them ends soon after the first; the second one ends any that has not claimed at once. */
export interface Interrupts {
  /** Aborted by the first. */
  readonly first: AbortSignal;
  /** Aborted by the second: someone is in a hurry. */
  readonly second: AbortSignal;
  /** The caller ends by itself after an interrupt, however long that takes. */
  claim(): void;
  readonly isClaimed: boolean;
}

/** Asks a supervisor to end its site in order, as often as it comes: `orrery down` sends it, and two people who run that at once are in no hurry. SIGTERM after it says that someone is. */
export const END_SIGNAL = "SIGUSR2";

const PATIENCE_MS = 300;
const END_NUMBER = 12;

/** Listens to SIGINT, SIGTERM and SIGHUP of this process from now on. `mayHangUp` false: SIGHUP is ignored, as `nohup` asks; Node.js itself forgets that at its start. */
export function listenToInterrupts({ mayHangUp }: { readonly mayHangUp: boolean }): Interrupts {
  const first = new AbortController();
  const second = new AbortController();
  let isClaimed = false;
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
  ] as const) {
    process.on(signal, () => {
      if (signal === "SIGHUP" && !mayHangUp) return;
      const wasInterrupted = first.signal.aborted;
      // A terminal that closes says so more than once: nobody is in a hurry for that.
      if (signal === "SIGHUP" && wasInterrupted) return;
      (wasInterrupted ? second : first).abort();
      if (isClaimed) return;
      // Most commands wait for one answer only; none of them must hold a terminal that wants them gone.
      setTimeout(() => process.exit(128 + number), wasInterrupted ? 0 : PATIENCE_MS).unref();
    });
  }
  process.on(END_SIGNAL, () => {
    first.abort();
    if (!isClaimed) setTimeout(() => process.exit(128 + END_NUMBER), PATIENCE_MS).unref();
  });
  return {
    first: first.signal,
    second: second.signal,
    claim() {
      isClaimed = true;
    },
    get isClaimed() {
      return isClaimed;
    },
  };
}

/** A process of the platform has no terminal that could close: SIGHUP, sent by hand or by a rotation of logs, changes nothing. */
export function ignoreHangUp(log: Log): void {
  process.on("SIGHUP", () => log.info("SIGHUP changes nothing here"));
}
