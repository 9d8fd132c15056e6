import type { LogSource } from "#/work/process/index.ts";
import { fingerprint } from "./log-segment.ts";

/** Up to where a log was read. */
export interface Place {
  readonly to: number;
  /** Of the bytes before it. */
  readonly mark?: number | undefined;
}

const FINGERPRINT_BYTES = 64;

/** The place in the log as it is now; `undefined`: it is another log, or begins anew. */
export async function placeIn(log: LogSource, { to, mark }: Place): Promise<number | undefined> {
  if (to === 0) return 0;
  if ((await log.end()) < to) return undefined;
  const present = mark === undefined ? undefined : await markOf(log, to);
  return present !== undefined && present !== mark ? undefined : to;
}

/** Of the bytes right before a place; `undefined`: they are not kept any more. */
export async function markOf(log: LogSource, place: number): Promise<number | undefined> {
  const from = Math.max(0, place - FINGERPRINT_BYTES);
  const chunk = await log.read(from, place - from);
  return chunk === undefined || chunk.position !== from || chunk.bytes.length !== place - from ? undefined : fingerprint(chunk.bytes);
}
