import { useMemo } from "react";
import { useTexts } from "../texts/index.ts";
import { useAnswer } from "./answers.ts";
import { Spark, type SparkPoint } from "./Spark.tsx";
import { pointsOf, type SeriesAnswer } from "./series.ts";

/** Between two points of an hour, and how old a sample may be that stands for one. */
const STEP = "30s";
const STEP_MS = 30_000;
const ASK_EVERY_MS = 30_000;

interface HourProps {
  readonly label: string;
  /** PromQL that comes to one series; `$old` stands for how far back a sample may lie. */
  readonly expression: string;
  readonly format: (value: number) => string;
}

/** How a figure went over the last hour, as the centre's series have it: what nobody observed is a gap. */
export function LastHour({ label, expression, format }: HourProps) {
  const t = useTexts("frame");
  const query = `(${expression.replaceAll("$old", "45s")})[1h:${STEP}]`;
  const told = useAnswer<SeriesAnswer>(`/prometheus/api/v1/query?query=${encodeURIComponent(query)}`, ASK_EVERY_MS);
  const points = useMemo((): readonly SparkPoint[] => pointsOf(told.value, told.atMs, STEP_MS), [told.value, told.atMs]);
  if (told.error !== undefined && told.value === undefined)
    return (
      <p className="quiet small">
        {label}: {told.error.code === "api/forbidden" ? t("hourForbidden") : told.error.message}
      </p>
    );
  return (
    <div className={told.isStale ? "is-stale" : undefined}>
      <Spark label={label} points={points} format={format} gapMs={STEP_MS * 1.5} />
    </div>
  );
}
