import { useEffect, useMemo, useRef, useState } from "react";
import { theme } from "../../frame/look.ts";
import { useTexts } from "../../texts/index.ts";
import type { Lines } from "./lines.ts";
import { PlotView, styleOf } from "./plot-view.ts";
import { formatUnit, type PlotUnit } from "./units.ts";
import "./plot.css";

interface PlotProps {
  readonly title: string;
  readonly lines: Lines;
  readonly fromMs: number;
  readonly toMs: number;
  readonly unit: PlotUnit;
  readonly max?: number | undefined;
  readonly limit?: number | undefined;
  readonly height?: number;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  readonly onPan: (part: number) => void;
  readonly onWiden: () => void;
  /** Told when it is known, and when it changes, in steps. */
  readonly onWidth: (width: number) => void;
}

/** So many lines are drawn, the greatest first, until somebody wants all. */
const LINES_SHOWN = 20;
const HEIGHT = 180;
const WIDTH_STEP = 50;

/** Lines over time, with their names and values below: those under the pointer, else the last. All plots of a page share one crosshair. */
export function Plot({ title, lines: all, fromMs, toMs, unit, max, limit, height = HEIGHT, onZoom, onPan, onWiden, onWidth }: PlotProps) {
  const t = useTexts("monitoring");
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<PlotView>(undefined);
  const [width, setWidth] = useState(0);
  const [isWhole, setWhole] = useState(false);
  const [point, setPoint] = useState<number>();
  const [near, setNear] = useState<number>();
  const [picked, setPicked] = useState<string>();
  const lines = useMemo((): Lines => (isWhole ? all : { times: all.times, lines: all.lines.slice(0, LINES_SHOWN) }), [all, isWhole]);
  const events = useRef({ onZoom, onPan, onWiden, onWidth });
  events.current = { onZoom, onPan, onWiden, onWidth };

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const watch = new ResizeObserver(([entry]) => {
      const wide = Math.floor(entry?.contentRect.width ?? 0);
      if (wide < 40) return;
      setWidth(wide);
      events.current.onWidth(Math.ceil(wide / WIDTH_STEP) * WIDTH_STEP);
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const isBinary = unit === "bytes" || unit === "bytesPerSecond";
  const data = useMemo(() => ({ lines, fromMs, toMs, max, limit, isBinary }), [lines, fromMs, toMs, max, limit, isBinary]);
  const known = useRef(data);
  known.current = data;
  const count = lines.lines.length;
  const isSized = width > 0;
  // Another number of lines is another plot; new values of the same are not.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a plot has as many lines as it began with
  useEffect(() => {
    const element = host.current;
    if (element === null || !isSized) return;
    let frame = 0;
    const made = new PlotView(
      element,
      known.current,
      { width: element.clientWidth, height },
      {
        format: (value) => formatUnit(value, unit),
        onPoint: (index, line) => {
          cancelAnimationFrame(frame);
          frame = requestAnimationFrame(() => {
            setPoint(index);
            setNear(line);
          });
        },
        onZoom: (from, to) => events.current.onZoom(from, to),
        onPan: (part) => events.current.onPan(part),
        onWiden: () => events.current.onWiden(),
      },
    );
    view.current = made;
    // The theme is on the page a moment after it was chosen.
    const stop = theme.subscribe(() => requestAnimationFrame(() => made.redraw()));
    return () => {
      cancelAnimationFrame(frame);
      stop();
      made.destroy();
      view.current = undefined;
    };
  }, [isSized, count, unit, height]);
  useEffect(() => {
    if (view.current !== undefined) view.current.data = data;
  }, [data]);
  useEffect(() => {
    if (view.current !== undefined && width > 0) view.current.size = { width, height };
  }, [width, height]);

  const chosen = near ?? indexOf(lines, picked);
  useEffect(() => {
    if (view.current !== undefined) view.current.chosen = chosen;
  });

  const more = all.lines.length - LINES_SHOWN;
  const at = point === undefined ? undefined : lines.times[point];
  return (
    <>
      <div ref={host} className="plot-place" style={{ height }} aria-hidden="true" />
      {count > 0 && (
        <table className="plot-legend">
          <caption className="only-read">{title}</caption>
          <thead>
            <tr>
              <th scope="col">
                <span className="only-read">{t("line")}</span>
              </th>
              <th scope="col" className="number">
                {at === undefined ? t("last") : new Date(at * 1_000).toISOString().slice(11, 19)}
              </th>
              <th scope="col" className="number">
                {t("greatest")}
              </th>
            </tr>
          </thead>
          <tbody>
            {lines.lines.map(({ name, values, last, greatest }, index) => {
              const value = point === undefined ? last : (values[point] ?? undefined);
              const isBad = limit !== undefined && last !== undefined && last > limit;
              return (
                <tr
                  // biome-ignore lint/suspicious/noArrayIndexKey: names may come twice, and the order is the lines'
                  key={`${name}-${index}`}
                  className={index === chosen ? "is-chosen" : undefined}
                  onMouseEnter={() => setNear(index)}
                  onMouseLeave={() => setNear(undefined)}
                >
                  <td>
                    <button
                      type="button"
                      className="plot-line"
                      aria-pressed={name === picked}
                      onClick={() => setPicked(name === picked ? undefined : name)}
                    >
                      <svg viewBox="0 0 16 4" width="16" height="4" aria-hidden="true" focusable="false">
                        <path
                          d="M0 2H16"
                          className={isBad ? "is-bad" : styleOf(index, count).colour === "--text" ? "is-first" : undefined}
                          strokeDasharray={styleOf(index, count).dash.join(" ")}
                        />
                      </svg>
                      <span className="clip">{name}</span>
                    </button>
                  </td>
                  <td className={`number${isBad ? " is-bad" : ""}`}>{value === undefined ? "–" : formatUnit(value, unit)}</td>
                  <td className="number quiet">{greatest === undefined ? "–" : formatUnit(greatest, unit)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {more > 0 && (
        <p className="quiet small">
          {isWhole ? t("allShown", { count: all.lines.length }) : t("moreLines", { count: more, shown: LINES_SHOWN })}{" "}
          <button type="button" className="link" onClick={() => setWhole(!isWhole)}>
            {isWhole ? t("showFewer", { shown: LINES_SHOWN }) : t("showAll")}
          </button>
        </p>
      )}
    </>
  );
}

function indexOf({ lines }: Lines, name: string | undefined): number | undefined {
  const found = name === undefined ? -1 : lines.findIndex((line) => line.name === name);
  return found === -1 ? undefined : found;
}
