import { Cron } from "croner";

/** Where the search for a first time begins: whatever comes after it counts as a time that comes. */
const EVER_FROM = new Date(0);

/** Times by a cron expression of five fields (minute, hour, day of month, month, day of week), six (seconds before them), seven (a year behind them), or `@daily` and the like, in an IANA time zone.
 *  When clocks go forward, a time of which minute and hour are fixed (no `*`, no step) and which does not exist comes at the moment of the change; when they go back, it comes once. What repeats (a `*`, a step) goes on evenly. */
export class Schedule {
  readonly #cron: Cron;

  /** @throws Error: not understood; the message says what */
  constructor(expression: string, timeZone: string) {
    this.#cron = new Cron(expression, { paused: true, timezone: timeZone, fixedTimeRule: "no-wildcard" });
  }

  /** The first time after `afterMs`, to whole seconds; `undefined`: there is none any more. */
  next(afterMs: number): number | undefined {
    return this.#cron.nextRun(new Date(afterMs))?.getTime();
  }

  /** The last time at or before `atMs`. */
  last(atMs: number): number | undefined {
    // The search leaves the second out in which it begins.
    return this.#cron.previousRuns(1, new Date(Math.floor(atMs / 1000) * 1000 + 1000))[0]?.getTime();
  }
}

/** Why `expression` in `timeZone` is no schedule; `undefined`: it is one. */
export function findScheduleFault(expression: string, timeZone: string): string | undefined {
  if (findTimeZoneFault(timeZone) !== undefined) return undefined;
  // A date alone would be one, too, but only by accident: a year stands in a seventh field.
  if (!expression.startsWith("@") && !/^\S+(?: +\S+){4,6}$/.test(expression))
    return "give five fields (minute hour day month weekday), six with seconds before them, or @hourly, @daily, @weekly, @monthly, @yearly";
  try {
    return new Schedule(expression, timeZone).next(EVER_FROM.getTime()) === undefined ? "this time never comes: no year has such a day" : undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, "");
  }
}

/** Why `timeZone` is none; `undefined`: it is one. */
export function findTimeZoneFault(timeZone: string): string | undefined {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return undefined;
  } catch {
    return "no time zone; give one by its IANA name, as in UTC, Europe/Berlin, Asia/Shanghai";
  }
}
