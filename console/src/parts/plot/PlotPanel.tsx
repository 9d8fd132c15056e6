import { useState } from "react";
import { useTexts } from "../../texts/index.ts";
import { Plot } from "./Plot.tsx";
import type { TimeRange } from "./range.ts";
import type { PlotUnit } from "./units.ts";
import { type LineWish, usePlotLines } from "./usePlotLines.ts";

export interface PlotWish {
  readonly title: string;
  readonly lines: readonly LineWish[];
  readonly unit: PlotUnit;
  readonly max?: number | undefined;
  readonly limit?: number | undefined;
  readonly wide?: boolean | undefined;
}

interface PlotPanelProps {
  readonly plot: PlotWish;
  readonly range: TimeRange;
  readonly height?: number;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  readonly onPan: (part: number) => void;
  readonly onWiden: () => void;
}

/** A plot with its title, asked for and kept up to date; it says what it lacks. */
export function PlotPanel({ plot, range, height = 180, onZoom, onPan, onWiden }: PlotPanelProps) {
  const t = useTexts("monitoring");
  const [width, setWidth] = useState(0);
  const { lines, fromMs, toMs, resolution, warnings, error, isLoading, isStale } = usePlotLines(plot.lines, range, width);
  const count = lines?.lines.length ?? 0;
  return (
    <figure className={`plot${plot.wide === true ? " is-wide-plot" : ""}${isStale ? " is-stale" : ""}`} aria-busy={isLoading && width > 0}>
      <figcaption>
        <b className="clip">{plot.title}</b>
        {resolution !== undefined && <span className="quiet small">{t("resolution", { resolution })}</span>}
      </figcaption>
      {error !== undefined && (
        <p className="small" role="status">
          {error.code === 403 ? t("forbidden") : t("failed", { message: error.message })}
        </p>
      )}
      <Plot
        title={plot.title}
        lines={lines ?? NONE}
        fromMs={range.isLive ? fromMs : range.fromMs}
        toMs={range.isLive ? toMs : range.toMs}
        unit={plot.unit}
        max={plot.max}
        limit={plot.limit}
        height={height}
        onZoom={onZoom}
        onPan={onPan}
        onWiden={onWiden}
        onWidth={setWidth}
      />
      {count === 0 && error === undefined && <p className="quiet small">{isLoading ? t("loading") : t("nothingSeen")}</p>}
      {warnings.length > 0 && <p className="quiet small">{warnings[0]}</p>}
    </figure>
  );
}

const NONE = { times: [], lines: [] };
