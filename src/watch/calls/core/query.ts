import type { CallRecord, LineScan } from "./record.ts";

/** Which calls are wanted. All that is given has to hold. */
export interface CallQuery {
  /** By when they began. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly traceId?: string;
  /** Called services. Absent: any, and what met none. */
  readonly services?: readonly string[];
  /** Calling service. */
  readonly caller?: string;
  /** That was called. */
  readonly instance?: string;
  readonly generation?: number;
  readonly isError?: boolean;
  readonly slowMs?: number;
  /** The newest so many. */
  readonly limit: number;
}

/** What one gateway has found. */
export interface CallsFound {
  /** The newest first. */
  readonly records: readonly CallRecord[];
  /** There are more, or there may be: what began before has not all been looked through. */
  readonly isCut: boolean;
}

/** Calls of one answer. */
export const CALLS_MAX = 1_000;
/** Calls of one trace that are looked at: of them the tree shows those that matter. */
export const TRACE_CALLS_MAX = 5_000;

/** Whether a line may be wanted, by what decides without reading all of it. */
export function mayMatch(query: CallQuery, scan: LineScan): boolean {
  return (
    scan.startMs >= query.fromMs &&
    scan.startMs <= query.toMs &&
    (query.traceId === undefined || scan.traceId === query.traceId) &&
    (query.isError !== true || scan.isError) &&
    (query.slowMs === undefined || scan.durationMs >= query.slowMs)
  );
}

export function matches(query: CallQuery, services: ReadonlySet<string> | undefined, record: CallRecord): boolean {
  return (
    (services === undefined || (record.service !== undefined && services.has(record.service))) &&
    (query.caller === undefined || record.caller === query.caller) &&
    (query.instance === undefined || record.instance === query.instance) &&
    (query.generation === undefined || record.generation === query.generation)
  );
}

/** The newest first; of the same moment in one order, whoever asks. */
export function compareCalls(a: CallRecord, b: CallRecord): number {
  if (a.time !== b.time) return a.time < b.time ? 1 : -1;
  return b.durationMs - a.durationMs || (a.instance ?? "").localeCompare(b.instance ?? "");
}
