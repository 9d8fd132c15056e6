import type { CallTableRow } from "../../../../src/face/views/protocol.ts";
import { formatMs, formatUntil } from "../../parts/call-figures.ts";
import { useTexts } from "../../texts/index.ts";
import { barsOf } from "./calls.ts";
import "./calls.css";

/** How many calls took how long: the slow ones are seen however few they are. */
export function Distribution({ distribution, title }: { readonly distribution: NonNullable<CallTableRow["distribution"]>; readonly title?: string }) {
  const t = useTexts("calls");
  const bars = barsOf(distribution);
  if (bars.length === 0) return null;
  return (
    <section>
      <h3>{title ?? t("distribution")}</h3>
      <ul className="distribution">
        {bars.map(({ untilMs, calls, height }) => (
          <li key={untilMs} title={t("bar", { until: formatUntil(untilMs), count: calls })}>
            <span className="distribution-count small quiet">{calls > 0 ? calls : ""}</span>
            <span
              className={`distribution-bar${untilMs === null || untilMs > 1_000 ? " is-slow" : ""}`}
              style={{ height: calls === 0 ? 0 : Math.max(2, height * 88) }}
            />
            <span className="small quiet">{untilMs === null ? "∞" : formatMs(untilMs)}</span>
            <span className="only-read">{t("bar", { until: formatUntil(untilMs), count: calls })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
