import type { GatewayReport, TablePosition } from "#/traffic/routing/index.ts";

/** What a gateway has told of one generation: calls that are open, and how those that are streams end. */
export interface OpenCalls {
  /** Of the table at which it has counted. */
  readonly position: TablePosition;
  readonly open: number;
  readonly streams: number;
  /** Streams that the gateway ends, the last of them at `byMs` of the leader's clock, and those that it never ends. */
  readonly ends?: { readonly ended: number; readonly byMs: number; readonly waited: number };
}

/** Reports are on their way for a moment: within so much, an end is the one that was told before. */
const SAME_END_MS = 1000;

/** `former` is what the gateway told before, `nowMs` when the report came. */
export function openCalls(report: GatewayReport, generation: number, former: OpenCalls | undefined, nowMs: number): OpenCalls {
  const count = report.counts.find((one) => one.generation === generation);
  const { position } = report;
  if (count === undefined) return { position, open: 0, streams: 0 };
  const { streamEnds } = count;
  const open = count.edge + count.outbound + count.inbound;
  if (streamEnds === undefined) return { position, open, streams: count.streams };
  const byMs = nowMs + streamEnds.lastInMs;
  const told = former?.ends?.byMs;
  const isSame = told !== undefined && Math.abs(told - byMs) < SAME_END_MS;
  const { ended, waited } = streamEnds;
  return { position, open, streams: ended + waited, ends: { ended, byMs: isSame ? told : byMs, waited } };
}

const BY_THEMSELVES = "they end by themselves; edges end what lasts longer than maxTransaction";

/** For people: how these calls end, and what hastens it. */
export function howCallsEnd({ open, streams, ends }: OpenCalls): string {
  if (streams === 0) return `; ${BY_THEMSELVES}`;
  const of = `, ${streams} of them streams (WebSocket, SSE, TCP)`;
  if (ends === undefined) return `${of}; ${BY_THEMSELVES}`;
  const parts: string[] = [];
  const at = new Date(Math.ceil(ends.byMs / 1000) * 1000).toISOString();
  if (ends.ended > 0) parts.push(`${ends.ended} ${ends.ended === 1 ? "is" : "are"} ended by ${at} at the latest`);
  if (ends.waited > 0)
    parts.push(
      `${ends.waited} ${ends.waited === 1 ? "ends" : "end"} only with the client or the instance (drain.streams: wait), so close the client where it must not last`,
    );
  return `${of}: ${parts.join(", ")}${open > streams ? "; the others end by themselves" : ""}`;
}
