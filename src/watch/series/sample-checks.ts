import { AHEAD_MS, LATE_MS, type Labels, METRIC_NAME, type Refusal, type RefusalReason } from "./contract.ts";

/** Why a time or value cannot be kept; `undefined`: it can. */
export function timeFault(atMs: number, value: number, nowMs: number): Refusal | undefined {
  const refuse = (reason: RefusalReason, message: string): Refusal => ({ reason, metric: "", count: 1, message });
  if (!Number.isSafeInteger(atMs) || atMs < 0) return refuse("invalid", "a sample's time is a whole number of milliseconds since 1970");
  if (typeof value !== "number") return refuse("invalid", "a sample's value is a number");
  if (atMs <= nowMs - LATE_MS)
    return refuse("late", `older than ${LATE_MS / 60_000} min: samples may come so late and no later; see whether the clock of its host is right`);
  if (atMs > nowMs + AHEAD_MS)
    return refuse("future", `more than ${AHEAD_MS / 60_000} min ahead of the centre's clock: set the clock of its host right`);
  return undefined;
}

/** Counts a refused sample with those of its metric and reason. */
export function noteRefusal(refusals: Map<string, Refusal>, refusal: Refusal, labels: Labels): void {
  const metric = String(labels[METRIC_NAME] ?? "").slice(0, 200);
  const key = `${refusal.reason} ${metric}`;
  const known = refusals.get(key);
  refusals.set(key, { ...refusal, metric, count: (known?.count ?? 0) + 1 });
}
