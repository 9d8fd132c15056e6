import { useState } from "react";
import { stream } from "../../api/live.ts";
import { utcText } from "../../parts/durations.ts";
import { moved, SPANS, type TimeRange, writeRange, zoomed } from "../../parts/plot/range.ts";
import { useTexts } from "../../texts/index.ts";

interface TimeControlProps {
  readonly range: TimeRange;
  /** The span before now, where it is live. */
  readonly span: string;
  readonly onLive: (span: string) => void;
  readonly onFixed: (range: TimeRange) => void;
}

/** One time for all plots of the page: live, or fixed and said so. */
export function TimeControl({ range, span, onLive, onFixed }: TimeControlProps) {
  const t = useTexts("monitoring");
  const [isAsking, setAsking] = useState(false);
  const shift = (part: number): void => onFixed(moved(range, part, stream.now()));
  const zoom = (by: number): void => onFixed(zoomed(range, by, stream.now()));
  return (
    <div className="time-control">
      <fieldset className="spans">
        <legend className="only-read">{t("time")}</legend>
        {SPANS.map((one) => (
          <button key={one} type="button" className="button is-bare" aria-pressed={range.isLive && one === span} onClick={() => onLive(one)}>
            {t(`spans.${one}`)}
          </button>
        ))}
      </fieldset>
      <div className="time-steps">
        <button type="button" className="button is-bare" aria-label={t("earlier")} title={t("earlier")} onClick={() => shift(-0.5)}>
          ‹
        </button>
        <button
          type="button"
          className="button is-bare"
          aria-label={t("later")}
          title={t("later")}
          disabled={range.isLive}
          onClick={() => shift(0.5)}
        >
          ›
        </button>
        <button type="button" className="button is-bare" aria-label={t("closer")} title={t("closer")} onClick={() => zoom(0.5)}>
          +
        </button>
        <button type="button" className="button is-bare" aria-label={t("wider")} title={t("wider")} onClick={() => zoom(2)}>
          −
        </button>
      </div>
      <p className={`time-said${range.isLive ? "" : " is-fixed"}`} role="status">
        {range.isLive ? (
          t("live", { span: t(`spans.${SPANS.includes(span as (typeof SPANS)[number]) ? span : "1h"}`) })
        ) : (
          <>
            <b>{t("fixed")}</b> {utcText(range.fromMs)} – {utcText(range.toMs)} UTC{" "}
            <button type="button" className="button" onClick={() => onLive(span)}>
              {t("backToLive")}
            </button>
          </>
        )}{" "}
        <button type="button" className="link" aria-expanded={isAsking} onClick={() => setAsking(!isAsking)}>
          {t("exactly")}
        </button>
      </p>
      {isAsking && (
        <Exactly
          range={range}
          onDone={(chosen) => {
            setAsking(false);
            onFixed(chosen);
          }}
        />
      )}
    </div>
  );
}

/** From when until when, in UTC. */
function Exactly({ range, onDone }: { readonly range: TimeRange; readonly onDone: (range: TimeRange) => void }) {
  const t = useTexts("monitoring");
  const { from, to } = writeRange(range);
  const [begin, setBegin] = useState(from.slice(0, 16));
  const [end, setEnd] = useState(to.slice(0, 16));
  const [fromMs, toMs] = [Date.parse(`${begin}Z`), Date.parse(`${end}Z`)];
  const isSensible = toMs - fromMs >= 60_000;
  return (
    <form
      className="exactly"
      onSubmit={(event) => {
        event.preventDefault();
        if (isSensible) onDone({ fromMs, toMs, isLive: false });
      }}
    >
      <label>
        <span className="quiet small">{t("fromUtc")}</span>
        <input className="input" type="datetime-local" value={begin} max="9999-12-31T23:59" onChange={(event) => setBegin(event.target.value)} />
      </label>
      <label>
        <span className="quiet small">{t("toUtc")}</span>
        <input className="input" type="datetime-local" value={end} max="9999-12-31T23:59" onChange={(event) => setEnd(event.target.value)} />
      </label>
      <button type="submit" className="button" disabled={!isSensible}>
        {t("showThat")}
      </button>
      {!isSensible && <p className="quiet small">{t("endsBefore")}</p>}
    </form>
  );
}
