import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import { type CallGroup, type CallSum, quantileMs, sumCalls } from "#/traffic/routing/windows/index.ts";
import type { CallTableRow, CallTableView } from "../protocol.ts";
import { wordsOf } from "../search.ts";
import { doesHurt, figuresOf, roundFigure, WINDOW_SECONDS } from "./call-figures.ts";

/** Calls of the last minute as rows, told apart by what the view says and in its order; ties by their parts. Rows have stable keys. */
export function buildCallTable(view: CallTableView, sums: readonly CallSum[]): readonly { readonly key: string; readonly row: CallTableRow }[] {
  const { by, caller, service, end, sort, onlyHurting, distribution = false } = view;
  const words = wordsOf(view.search ?? "");
  const meant = sums.filter(
    (one) =>
      (one.calls > 0 || one.refused > 0 || one.inFlight > 0) &&
      (caller === undefined || one.caller === caller) &&
      (service === undefined || one.service === service) &&
      (end === undefined || one.caller === end || one.service === end),
  );
  const rows = sumCalls(meant, by)
    .map((sum) => ({ key: by.map((part) => sum.key[part]).join("|"), row: rowOf(sum, distribution) }))
    .filter(({ key, row }) => (onlyHurting !== true || row.hurts) && words.every((word) => key.toLowerCase().includes(word)));
  const compare = sort === undefined ? byUrgency : byValue(sort);
  return rows.sort((a, b) => compare(a.row, b.row) || (a.key < b.key ? -1 : 1));
}

function rowOf(sum: CallGroup, distribution: boolean): CallTableRow {
  const { calls, errors, refused, unlabelled, timeSumMs, timeMaxMs, buckets } = sum;
  const figures = figuresOf(sum);
  const untilMs = (share: number): number | null => quantileMs(buckets, share) ?? null;
  return {
    ...sum.key,
    calls,
    errors,
    refused,
    ...figures,
    unlabelledRate: roundFigure(unlabelled / WINDOW_SECONDS),
    ...(calls > 0 && { meanMs: roundFigure(timeSumMs / calls), p50Ms: untilMs(0.5), p99Ms: untilMs(0.99), maxMs: roundFigure(timeMaxMs) }),
    ...(distribution && { distribution: buckets.map((count, index) => ({ untilMs: LATENCY_BUCKETS_MS[index] ?? null, calls: count })) }),
    hurts: doesHurt(figures),
  };
}

type Compare = (a: CallTableRow, b: CallTableRow) => number;

const byUrgency: Compare = (a, b) => Number(b.hurts) - Number(a.hurts) || b.rate - a.rate || b.refusedRate - a.refusedRate;

function byValue({ by, descending }: NonNullable<CallTableView["sort"]>): Compare {
  const way = descending ? -1 : 1;
  return (a, b) => {
    const [one, two] = [a[by], b[by]];
    if (one === two) return 0;
    if (one === undefined || two === undefined) return one === undefined ? 1 : -1;
    // Longer than all that is counted.
    if (one === null || two === null) return (one === null ? 1 : -1) * way;
    return (one < two ? -1 : 1) * way;
  };
}
