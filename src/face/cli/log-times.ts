import { OrreryError } from "#/base/index.ts";
import { durationMs } from "#/model/index.ts";
import { isDuration } from "./durations.ts";

/** A time as people say it: a duration (so long ago), a time of today (`14:30`, `14:30:05`), or a day with time (`2026-11-30T14:30:05Z`, `2026-11-30 14:30`; without a zone, this machine's). Unix milliseconds.
 *  @throws cli/usage */
export function parseMoment(option: string, text: string, nowMs: number): number {
  if (isDuration(text)) return nowMs - durationMs(text);
  const time = /^(\d\d?):(\d\d)(?::(\d\d)(\.\d+)?)?$/.exec(text);
  const date = new Date(nowMs);
  const [, hours, minutes, seconds = "0", fraction = "0"] = time ?? [];
  const ms =
    time !== null
      ? Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60
        ? date.setHours(Number(hours), Number(minutes), Number(seconds), Math.floor(Number(fraction) * 1000))
        : Number.NaN
      : /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d:\d\d))?)?$/.test(text)
        ? Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T").replace(" ", ""))
        : Number.NaN;
  if (Number.isNaN(ms))
    throw new OrreryError(
      "cli/usage",
      `${option}: found ${JSON.stringify(text.slice(0, 60))}; give a duration (10m: ten minutes ago), 14:30, or 2026-11-30T14:30:00Z`,
    );
  return ms;
}
