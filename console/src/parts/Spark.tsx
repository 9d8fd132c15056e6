import { useTexts } from "../texts/index.ts";
import "./spark.css";

export interface SparkPoint {
  readonly atMs: number;
  /** Undefined: not known then; the line has a gap there. */
  readonly value: number | undefined;
}

interface SparkProps {
  readonly label: string;
  readonly points: readonly SparkPoint[];
  /** Of the present value and the highest, as people read it. */
  readonly format: (value: number) => string;
  readonly isBad?: boolean;
  /** Points further apart have nothing known between them. Default 5 s. */
  readonly gapMs?: number;
}

const WIDTH = 240;
const HEIGHT = 36;
const GAP_MS = 5_000;

/** How a figure went over the time that this page has seen: from zero, gaps are gaps. */
export function Spark({ label, points, format, isBad = false, gapMs = GAP_MS }: SparkProps) {
  const t = useTexts("frame");
  const known = points.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const last = points.at(-1)?.value;
  const top = Math.max(...known, 0);
  const [first, end] = [points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 0];
  return (
    <figure className={`spark${isBad ? " is-bad" : ""}`}>
      <figcaption>
        <span className="quiet">{label}</span> <b>{last === undefined ? "–" : format(last)}</b>
        <span className="quiet small spark-top">{known.length > 0 && t("highest", { value: format(top) })}</span>
      </figcaption>
      <svg viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
        <path className="spark-ground" d={`M0 ${HEIGHT}H${WIDTH}`} />
        {known.length > 1 && <path className="spark-line" d={pathOf(points, { first, end, top, gapMs })} />}
      </svg>
    </figure>
  );
}

interface Frame {
  readonly first: number;
  readonly end: number;
  readonly top: number;
  readonly gapMs: number;
}

function pathOf(points: readonly SparkPoint[], { first, end, top, gapMs }: Frame): string {
  const spanMs = Math.max(1, end - first);
  let path = "";
  let before: number | undefined;
  for (const { atMs, value } of points) {
    if (value === undefined) {
      before = undefined;
      continue;
    }
    const isGap = before === undefined || atMs - before > Math.max(gapMs, spanMs / 60);
    path += `${isGap ? "M" : "L"}${(((atMs - first) / spanMs) * WIDTH).toFixed(1)} ${(HEIGHT - (top === 0 ? 0 : (value / top) * HEIGHT)).toFixed(1)}`;
    before = atMs;
  }
  return path;
}
