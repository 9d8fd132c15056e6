import { PlotPanel, type PlotWish } from "../../parts/plot/PlotPanel.tsx";
import type { TimeRange } from "../../parts/plot/range.ts";

/** The time of the page, and how a plot changes it. */
export interface BoardTime {
  readonly range: TimeRange;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  readonly onPan: (part: number) => void;
  readonly onWiden: () => void;
}

/** Plots beside each other, as many as fit. */
export function Board({ plots, time }: { readonly plots: readonly PlotWish[]; readonly time: BoardTime }) {
  return (
    <div className="plots">
      {plots.map((plot, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: plots have no names of their own, and keep their order
        <PlotPanel key={`${plot.title}-${index}`} plot={plot} {...time} />
      ))}
    </div>
  );
}
