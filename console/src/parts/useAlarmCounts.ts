import type { CountRow } from "../../../src/face/views/protocol.ts";
import { useView } from "../api/live.ts";
import { type StandingAlarms, standingAlarms } from "./alarm-counts.ts";

/** The alarms that one may see, counted, as they are now. */
export function useAlarmCounts(): StandingAlarms & { readonly isStale: boolean; readonly isLoading: boolean; readonly hasFailed: boolean } {
  const { rows, isStale, isLoading, error } = useView<CountRow>({ of: "counts", resource: "alarms", by: ".status.rank", limit: 60 });
  return { ...standingAlarms(rows.map(({ row }) => [row.value, row.count])), isStale, isLoading, hasFailed: error !== undefined };
}
