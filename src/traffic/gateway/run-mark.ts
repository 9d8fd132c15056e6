import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";
import { longestLeftMs } from "./transaction-limits.ts";

/** A start that ended with calls open, or was killed. */
export interface UncleanEnd {
  /** When the next start found that (`uptimeMs` of then). */
  readonly uptimeMs: number;
  /** So long after it, what was in flight may last at most, as its own tables have said; 0: not known. */
  readonly longestMs: number;
}

/** Marks in `<folder>/running` that a gateway works, before it listens. Returns the last unclean end of a start before it; `undefined` if nothing of any of them can be in flight: each ended with nothing open, or the machine was started anew since, so that no process of then is left. `uptimeMs`: since the machine's present start, which `bootId` names; absent: not known. */
export function beginRun(folder: string, uptimeMs: number, bootId = ""): UncleanEnd | undefined {
  const running = path.join(folder, "running");
  const unclean = path.join(folder, "unclean");
  const isOfThisBoot = (former: string): boolean => former === "" || bootId === "" || former === bootId;
  const former = readIfThere(running)?.trim();
  // Noted before the new mark is set: a kill between the two leaves the old mark, which says the same.
  if (former !== undefined && isOfThisBoot(former)) {
    const nowMs = Math.round(uptimeMs);
    // What ended before it may last longer still.
    const before = readUnclean(unclean, isOfThisBoot);
    const longestMs = Math.max(longestLeftMs(folder, nowMs), before === undefined ? 0 : before.uptimeMs + before.longestMs - nowMs);
    writeDurably(unclean, `${nowMs} ${bootId} ${longestMs}\n`);
  }
  writeDurably(running, `${bootId}\n`);
  return readUnclean(unclean, isOfThisBoot);
}

function readUnclean(file: string, isOfThisBoot: (boot: string) => boolean): UncleanEnd | undefined {
  const [noted = "", notedIn = "", longest = "0"] = readIfThere(file)?.trim().split(" ") ?? [];
  const [uptimeMs, longestMs] = [Number(noted), Number(longest)];
  return uptimeMs > 0 && isOfThisBoot(notedIn) ? { uptimeMs, longestMs: Number.isFinite(longestMs) ? Math.max(0, longestMs) : 0 } : undefined;
}

/** Takes the mark away: the gateway ends with no call open. A folder that is gone has no mark. */
export function endRun(folder: string): void {
  if (!existsSync(folder)) return;
  rmSync(path.join(folder, "running"), { force: true });
  syncFolder(folder);
}
