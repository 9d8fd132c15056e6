import { useEffect, useState } from "react";
import { send } from "../../api/request.ts";
import { mayGet } from "../../api/rights.ts";
import { formatShare } from "../../parts/numbers.ts";
import { Shape } from "../../parts/State.tsx";
import { useTexts } from "../../texts/index.ts";

interface Figures {
  readonly flood: {
    readonly last10Min: number;
    readonly peak10Min: number;
    readonly mean10Min: number;
    readonly inFlood: number;
    readonly isFlood: boolean;
  };
  /** Alarms that channels have not been told yet. */
  readonly waiting: number;
}

const ASK_EVERY_MS = 10_000;

/** Whether there are more alarms than a person can take, now and in the last day (ISA-18.2). */
export function Flood() {
  const t = useTexts("alarms");
  const [figures, setFigures] = useState<Figures>();
  useEffect(() => {
    if (!mayGet("/alarms/figures")) return undefined;
    const stop = new AbortController();
    const ask = (): unknown =>
      send<Figures>({ path: "/alarms/figures", signal: stop.signal }).then(setFigures, () => {
        // Who may not ask, or cannot now, is told nothing rather than something old.
        if (!stop.signal.aborted) setFigures(undefined);
      });
    ask();
    const timer = setInterval(ask, ASK_EVERY_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  if (figures === undefined) return null;
  const { last10Min, peak10Min, mean10Min, inFlood, isFlood } = figures.flood;
  const facts: readonly (readonly [string, string])[] = [
    [t("flood.last10Min"), String(last10Min)],
    [t("flood.mean10Min"), mean10Min.toFixed(1)],
    [t("flood.peak10Min"), String(peak10Min)],
    [t("flood.inFlood"), formatShare(inFlood)],
    ...(figures.waiting > 0 ? [[t("flood.waiting"), String(figures.waiting)] as const] : []),
  ];
  return (
    <p className="quiet small flood" aria-label={t("flood.title")}>
      {isFlood && (
        <b className="flood-now">
          <Shape severity="major" /> {t("flood.now")}
        </b>
      )}
      {facts.map(([name, value]) => (
        <span key={name}>
          {name} <b className="number">{value}</b>
        </span>
      ))}
    </p>
  );
}
