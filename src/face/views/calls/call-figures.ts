import { type CallGroup, quantileMs } from "#/traffic/routing/windows/index.ts";
import type { CallFigures } from "../protocol.ts";

/** Figures are of so long. */
export const WINDOW_SECONDS = 60;
/** A tenth of a second is quick, a whole one is felt. */
const SLOW_MS = 1_000;

/** What is told of calls wherever they are told. */
export function figuresOf(sum: CallGroup | undefined): CallFigures {
  if (sum === undefined) return { rate: 0, errorShare: 0, refusedRate: 0, inFlight: 0 };
  return {
    rate: roundFigure(sum.calls / WINDOW_SECONDS),
    errorShare: sum.calls === 0 ? 0 : roundFigure(sum.errors / sum.calls),
    refusedRate: roundFigure(sum.refused / WINDOW_SECONDS),
    ...(sum.calls > 0 && { p95Ms: quantileMs(sum.buckets, 0.95) ?? null }),
    inFlight: sum.inFlight,
  };
}

/** Whether a person should look at it: calls fail, are refused, or make people wait. */
export function doesHurt({ errorShare, refusedRate, p95Ms }: CallFigures): boolean {
  return errorShare > 0 || refusedRate > 0 || p95Ms === null || (p95Ms ?? 0) > SLOW_MS;
}

/** Three digits are what anybody reads; more would be a change each second. */
export function roundFigure(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}
