import type { Clock } from "#/base/index.ts";

/** How often the machine's clock is compared with the time that has passed, and by how much it may differ. */
const LOOK_MS = 1000;
const OFF_MAX_MS = 1000;

/** Calls `onSet` once when the machine's clock was set by more than a second: `offByMs` ahead, or back where it is negative. */
export function watchClock(clock: Clock & { offByMs(): number }, signal: AbortSignal, onSet: (offByMs: number) => void): void {
  const look = (): void => {
    if (signal.aborted) return;
    const offByMs = Math.round(clock.offByMs());
    if (Math.abs(offByMs) > OFF_MAX_MS) onSet(offByMs);
    else clock.after(LOOK_MS, look, { background: true });
  };
  look();
}
