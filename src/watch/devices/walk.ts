import { compareOids, isWithin, type Oid, TAG, type VarBind } from "#/watch/snmp/wire/index.ts";

/** Why a walk ended before the end of what it walks through. */
export type WalkFault = "not increasing" | "too many rows" | "no time";

export interface WalkOptions {
  /** Asks for the next variables behind `from`, `repetitions` at most; `undefined`: an answer of that size does not come. */
  next(from: Oid, repetitions: number): Promise<readonly VarBind[] | undefined>;
  readonly rowsMax: number;
  /** True once the time is over. */
  isLate(): boolean;
  /** What an answer may have: kept between walks, so that a device that cannot is asked for less from then on. */
  readonly pace: Pace;
}

/** Of max-repetitions. */
export const REPETITIONS_MAX = 50;

/** How much an answer of a device may have: `max` falls below what was not answered, and stays there. */
export interface Pace {
  repetitions: number;
  max: number;
}

/** Walks through all below `root` and gives what is there to `take`. It ends, whatever the device answers: every step has to go on, and there are `rowsMax` at most.
 *  Rejects with what `next` rejects with. */
export async function walk(
  root: Oid,
  { next, rowsMax, isLate, pace }: WalkOptions,
  take: (varbind: VarBind) => void,
): Promise<WalkFault | undefined> {
  let from = root;
  for (let rows = 0; ; ) {
    if (isLate()) return "no time";
    const varbinds = await next(from, pace.repetitions);
    if (varbinds === undefined) {
      if (pace.repetitions === 1) return "no time";
      pace.repetitions = Math.max(1, Math.floor(pace.repetitions / 2));
      pace.max = pace.repetitions;
      continue;
    }
    // An answer of nothing is the end, too.
    if (varbinds.length === 0) return undefined;
    for (const varbind of varbinds) {
      const { tag } = varbind.value;
      if (!isWithin(varbind.oid, root) || tag === TAG.endOfMibView || tag === TAG.noSuchObject || tag === TAG.noSuchInstance) return undefined;
      if (compareOids(varbind.oid, from) <= 0) return "not increasing";
      if (++rows > rowsMax) return "too many rows";
      take(varbind);
      from = varbind.oid;
    }
    if (varbinds.length >= pace.repetitions) pace.repetitions = Math.min(pace.max, pace.repetitions + 5);
  }
}
