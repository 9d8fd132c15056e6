import type { AnsweredSeries } from "./contract.ts";

/** What is left of a series where it is drawn on `places` places between two times: of each place the least and the greatest value, in the order of their times. A plot of it looks as one of all values does (M4 without first and last: Jugel et al., VLDB 2014); no peak is lost. Where it has no more than two values a place, it stays as it is. NaN is kept only where nothing else stands at its place. */
export function foldSeries(
  series: AnsweredSeries,
  { fromMs, toMs, places }: { readonly fromMs: number; readonly toMs: number; readonly places: number },
): AnsweredSeries {
  const { times, values, labels } = series;
  if (times.length <= places * 2) return series;
  const spanMs = Math.max(1, toMs - fromMs);
  const kept: number[] = [];
  let begin = 0;
  while (begin < times.length) {
    const place = placeOf(times[begin] as number);
    let end = begin + 1;
    while (end < times.length && placeOf(times[end] as number) === place) end++;
    kept.push(...extremes(values, begin, end));
    begin = end;
  }
  return {
    labels,
    times: Float64Array.from(kept, (index) => times[index] as number),
    values: Float64Array.from(kept, (index) => values[index] as number),
  };

  function placeOf(atMs: number): number {
    return Math.min(places - 1, Math.floor(((atMs - fromMs) / spanMs) * places));
  }
}

/** Indexes of the least and the greatest value, in order; one if they are the same. */
function extremes(values: Float64Array, begin: number, end: number): readonly number[] {
  let least = -1;
  let greatest = -1;
  for (let index = begin; index < end; index++) {
    const value = values[index] as number;
    if (Number.isNaN(value)) continue;
    if (least === -1 || value < (values[least] as number)) least = index;
    if (greatest === -1 || value > (values[greatest] as number)) greatest = index;
  }
  if (least === -1) return [begin];
  if (least === greatest) return [least];
  return least < greatest ? [least, greatest] : [greatest, least];
}
