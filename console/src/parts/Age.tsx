import { useNow } from "../api/live.ts";
import { locale, useTexts } from "../texts/index.ts";
import { dayOfYear, spellOut, utcText } from "./durations.ts";

/** How long ago that was, by the server's clock, counting on; the time itself, UTC and local, on hover. */
export function Age({ at, isAgo = false }: { readonly at: number; readonly isAgo?: boolean }) {
  const now = useNow();
  const t = useTexts("frame");
  if (!Number.isFinite(at)) return <span>–</span>;
  const { unit, amount } = spellOut(now - at);
  return (
    <time className="age" dateTime={new Date(at).toISOString()} title={timeTitle(at)}>
      {isAgo ? t("ago", { age: t(`units.${unit}`, { amount }) }) : t(`units.${unit}`, { amount })}
    </time>
  );
}

/** A point in time: UTC, without the day where it is today. */
export function Time({ at }: { readonly at: number }) {
  const now = useNow();
  if (!Number.isFinite(at)) return <span>–</span>;
  const text = utcText(at);
  return (
    <time dateTime={new Date(at).toISOString()} title={timeTitle(at)}>
      {utcText(now).slice(0, 10) === text.slice(0, 10) ? text.slice(11) : text.slice(5)}
    </time>
  );
}

export function timeTitle(at: number): string {
  return `${utcText(at)} UTC · ${String(dayOfYear(at)).padStart(3, "0")}\n${formatOf(locale()).format(at)}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for each language: making one takes a thousand times as long as using it, and every row of a list has an age that counts. */
function formatOf(language: string): Intl.DateTimeFormat {
  const known = formats.get(language) ?? new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  formats.set(language, known);
  return known;
}
