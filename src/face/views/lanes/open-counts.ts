import type { Gateway } from "#/model/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import type { WaitView } from "./wait-view.ts";

/** What is open in a generation. `null`: not known, which is not zero. */
export interface OpenCount {
  /** At edges. */
  readonly transactions: number | null;
  /** Between services. */
  readonly calls: number | null;
}

/** Reasons for which some of a generation may be in flight that nobody has counted. */
const UNKNOWN: ReadonlySet<string> = new Set(["GatewayLost", "GatewaySilent", "FormerIncarnation"]);
const NOTHING_KNOWN: OpenCount = { transactions: null, calls: null };

/** What is open in a generation that waits for `waits`, at all gateways; known only where each of them has told, and nothing that a gateway had before its restart may be left. */
export function countOpen(
  number: number,
  waits: readonly WaitView[],
  gateways: readonly Gateway[],
  reportOf: ReadonlyMap<string, GatewayReport>,
): OpenCount {
  if (gateways.length === 0 || waits.some((one) => UNKNOWN.has(one.reason))) return NOTHING_KNOWN;
  let [transactions, calls] = [0, 0];
  for (const gateway of gateways) {
    const report = reportOf.get(gateway.metadata.name);
    if (report === undefined || !isConnected(gateway, report)) return NOTHING_KNOWN;
    const count = report.counts.find((one) => one.generation === number);
    transactions += count?.edge ?? 0;
    // A call on one host is counted where it leaves and where it arrives.
    calls += Math.max(count?.outbound ?? 0, count?.inbound ?? 0);
  }
  return { transactions, calls };
}

/** True if the report is of the gateway as it runs now. */
export function isConnected({ status }: Gateway, { incarnation }: GatewayReport): boolean {
  const isLost = status?.conditions?.some((one) => one.type === "Ready" && one.reason === "NotConnected") === true;
  return !isLost && (status?.incarnation ?? incarnation) === incarnation;
}
