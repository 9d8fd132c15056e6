/** Answers of the centre's store of series, which speaks as Prometheus does. Pure. */
import type { SparkPoint } from "./Spark.tsx";

/** Of a question for a range, https://prometheus.io/docs/prometheus/latest/querying/api. */
export interface SeriesAnswer {
  readonly data: { readonly result: readonly { readonly values?: readonly (readonly [seconds: number, value: string])[] }[] };
}

/** The hour before `atMs`, point by point; what was not observed is undefined, at both ends, too. */
export function pointsOf(answer: SeriesAnswer | undefined, atMs: number | undefined, stepMs: number): readonly SparkPoint[] {
  if (answer === undefined || atMs === undefined) return [];
  const [first] = answer.data.result;
  const known = (first?.values ?? []).flatMap(([seconds, text]): readonly SparkPoint[] => {
    const value = Number(text);
    return text.trim() !== "" && Number.isFinite(value) ? [{ atMs: seconds * 1_000, value }] : [];
  });
  const begin = { atMs: atMs - 3_600_000, value: undefined };
  const last = known.at(-1);
  return [begin, ...known, ...(last !== undefined && last.atMs >= atMs - stepMs * 2 ? [] : [{ atMs, value: undefined }])];
}
