import { useNow } from "../../api/live.ts";
import { Icon } from "../../frame/icons.tsx";
import { Age, Time } from "../../parts/Age.tsx";
import { utcText } from "../../parts/durations.ts";
import { useTexts } from "../../texts/index.ts";
import type { Moment } from "./moments.ts";

interface RewindProps {
  readonly moments: readonly Moment[];
  /** The time that is shown; undefined: now. */
  readonly atMs: number | undefined;
  readonly onAt: (atMs: number | undefined) => void;
}

/** Stops the picture and goes back in what this page has seen. */
export function Rewind({ moments, atMs, onAt }: RewindProps) {
  const t = useTexts("topology");
  const now = useNow();
  const last = moments.length - 1;
  const found = atMs === undefined ? last : moments.findLastIndex((one) => one.atMs <= atMs);
  const first = moments[0];
  return (
    <div className="rewind" role="group" aria-label={t("time")}>
      <button
        type="button"
        className="button is-small"
        aria-pressed={atMs !== undefined}
        disabled={first === undefined}
        onClick={() => onAt(atMs === undefined ? (moments.at(-1)?.atMs ?? now) : undefined)}
      >
        <Icon name={atMs === undefined ? "pause" : "play"} />
        {atMs === undefined ? t("pause") : t("live")}
      </button>
      <input
        type="range"
        min={0}
        max={Math.max(0, last)}
        value={Math.max(0, found)}
        disabled={last < 1}
        aria-label={t("lookBack")}
        aria-valuetext={atMs === undefined ? t("now") : `${utcText(atMs)} UTC`}
        onChange={(event) => {
          const index = Number(event.target.value);
          onAt(index >= last ? undefined : moments[index]?.atMs);
        }}
      />
      <span className="small quiet rewind-at" role={atMs === undefined ? undefined : "status"}>
        {atMs !== undefined ? (
          <>
            <Time at={atMs} /> UTC · <Age at={atMs} isAgo />
          </>
        ) : (
          first !== undefined && (
            <>
              {t("seenFor")} <Age at={first.atMs} />
            </>
          )
        )}
      </span>
    </div>
  );
}
