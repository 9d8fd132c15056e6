/** Asks the store of series for the lines of a plot, again while it is live. */
import { useEffect, useMemo, useRef, useState } from "react";
import { stream } from "../../api/live.ts";
import { ApiError, send } from "../../api/request.ts";
import { type Lines, linesOf, type RangeAnswer } from "./lines.ts";
import { type Grid, gridOf, lookbackMs, rateRangeMs, type TimeRange } from "./range.ts";

export interface LineWish {
  /** `$range` is a fitting time for rate(). */
  readonly promql: string;
  readonly legend?: string | undefined;
}

export interface PlotLines {
  readonly lines: Lines | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  /** Each value stands for so long, where not for a moment. */
  readonly resolution: string | undefined;
  readonly warnings: readonly string[];
  readonly error: { readonly code: number; readonly message: string } | undefined;
  readonly isLoading: boolean;
  /** What stands there was told before, and could not be asked for again. */
  readonly isStale: boolean;
}

interface Kept {
  readonly of: string;
  readonly lines?: Lines;
  readonly fromMs: number;
  readonly toMs: number;
  readonly resolution?: string | undefined;
  readonly warnings: readonly string[];
  readonly error?: { readonly code: number; readonly message: string };
}

const LIVE_EVERY_MS = 15_000;

/** `width` 0: nobody knows yet how wide it will be, and nothing is asked for. */
export function usePlotLines(wishes: readonly LineWish[], range: TimeRange, width: number): PlotLines {
  // The same questions, whatever moment it is.
  const of = JSON.stringify([wishes, range.isLive ? range.toMs - range.fromMs : [range.fromMs, range.toMs], width]);
  const [kept, setKept] = useState<Kept>();
  const wanted = useRef({ wishes, range });
  wanted.current = { wishes, range };
  useEffect(() => {
    if (width === 0) return;
    const stop = new AbortController();
    const ask = async (): Promise<void> => {
      const { range: shown, wishes: lines } = wanted.current;
      const nowMs = stream.now();
      const toMs = shown.isLive ? nowMs : shown.toMs;
      const fromMs = shown.isLive ? nowMs - (shown.toMs - shown.fromMs) : shown.fromMs;
      const grid = gridOf({ fromMs, toMs }, width);
      try {
        const answers = await Promise.all(
          lines.map(async (line) => ({
            answer: await send<RangeAnswer>({ path: pathOf(line.promql, grid, fromMs, nowMs), signal: stop.signal }),
            legend: line.legend,
          })),
        );
        const resolution = answers.map(({ answer }) => answer.data.resolution).find((one) => one !== undefined && one !== "raw");
        setKept({ of, lines: linesOf(answers, grid), fromMs, toMs, resolution, warnings: answers.flatMap(({ answer }) => answer.warnings ?? []) });
      } catch (error) {
        if (stop.signal.aborted) return;
        const told = error instanceof ApiError ? { code: error.code, message: error.message } : { code: 0, message: String(error) };
        setKept((former) => ({ ...(former?.of === of ? former : { of, fromMs, toMs, warnings: [] }), error: told }));
      }
    };
    void ask();
    if (!wanted.current.range.isLive) return () => stop.abort();
    const { stepMs } = gridOf(wanted.current.range, width);
    const timer = setInterval(
      () => {
        if (!document.hidden) void ask();
      },
      Math.min(300_000, Math.max(LIVE_EVERY_MS, stepMs)),
    );
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [of, width]);
  return useMemo(() => {
    // The former ones stand, grey, until the new ones are there: nothing jumps.
    const isOwn = kept?.of === of;
    return {
      lines: kept?.lines,
      fromMs: kept?.fromMs ?? range.fromMs,
      toMs: kept?.toMs ?? range.toMs,
      resolution: kept?.resolution,
      warnings: kept?.warnings ?? [],
      error: isOwn ? kept.error : undefined,
      isLoading: !isOwn,
      isStale: kept?.lines !== undefined && (!isOwn || kept.error !== undefined),
    };
  }, [kept, of, range.fromMs, range.toMs]);
}

function pathOf(promql: string, { beginMs, stepMs, steps, places }: Grid, fromMs: number, nowMs: number): string {
  const query = promql.replaceAll("$range", `${rateRangeMs(fromMs, stepMs, nowMs)}ms`);
  const words = new URLSearchParams({
    query,
    start: String(beginMs / 1_000),
    end: String((beginMs + (steps - 1) * stepMs) / 1_000),
    step: String(stepMs / 1_000),
    places: String(places),
    lookback_delta: String(lookbackMs(fromMs, stepMs, nowMs) / 1_000),
  });
  return `/prometheus/api/v1/query_range?${words.toString()}`;
}
