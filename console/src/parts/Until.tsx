import { useNow } from "../api/live.ts";
import { useTexts } from "../texts/index.ts";
import { timeTitle } from "./Age.tsx";
import { spellOut } from "./durations.ts";

/** How long it is until then, by the server's clock, counting down. */
export function Until({ at }: { readonly at: number }) {
  const now = useNow();
  const t = useTexts("frame");
  if (!Number.isFinite(at)) return <span>–</span>;
  const { unit, amount } = spellOut(at - now);
  return (
    <time dateTime={new Date(at).toISOString()} title={timeTitle(at)}>
      {at <= now ? t("over") : t("in", { age: t(`units.${unit}`, { amount }) })}
    </time>
  );
}
