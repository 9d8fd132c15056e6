/** Whether a device has run on between two looks: it has, its sysUpTime began anew at its end (after 497 days), or it was started anew. */
export type Running = "on" | "rolled over" | "started anew";

const TICKS = 2 ** 32;
/** A device's clock and ours, and the way between: as hundredths of a second. */
const SLACK = 3_000;

/** Judges two values of sysUpTime that were seen `betweenMs` apart. Pure. */
export function judgeUptime(before: number, after: number, betweenMs: number): Running {
  const expected = before + betweenMs / 10;
  const slack = SLACK + betweenMs / 200;
  if (Math.abs(after - expected) <= slack) return "on";
  if (expected + slack >= TICKS && Math.abs(after + TICKS - expected) <= slack) return "rolled over";
  // A device whose clock goes wrong, or whose answer came late, has not been started anew while it tells of more.
  return after >= before && after >= betweenMs / 10 - slack && after > expected ? "on" : "started anew";
}

export interface Growth {
  readonly before: bigint;
  readonly after: bigint;
  readonly bits: 32 | 64;
  readonly betweenMs: number;
  /** Faster it cannot grow, by the second. */
  readonly perSecondMax?: number | undefined;
}

/** By how much a counter has grown a second; `undefined`: nobody can say, as it went back or grew faster than it can. A counter of 32 bits that begins anew at its end goes on, one of 64 bits does not live that long. Exact. Pure. */
export function growthOf({ before, after, bits, betweenMs, perSecondMax }: Growth): number | undefined {
  if (betweenMs <= 0) return undefined;
  if (after < before && bits === 64) return undefined;
  const grown = BigInt.asUintN(bits, after - before);
  // From what is greater to what is less: only from the last quarter to the first, else it was set back.
  if (after < before && (before < 0xc000_0000n || after >= 0x4000_0000n)) return undefined;
  const perSecond = (Number(grown) * 1000) / betweenMs;
  // A look may come late: a tenth above what is said is still believed.
  return perSecondMax !== undefined && perSecond > perSecondMax * 1.1 ? undefined : perSecond;
}
