import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";

/** Marks in `<folder>/running` that a gateway works, before it listens. Returns when (`uptimeMs` of then) a start last found the one before ended with calls open, or killed; `undefined` if nothing of any of them can be in flight: each ended with nothing open, or the machine was started anew since, so that no process of then is left. `uptimeMs`: since the machine's present start, which `bootId` names; absent: not known. */
export function beginRun(folder: string, uptimeMs: number, bootId = ""): number | undefined {
  const running = path.join(folder, "running");
  const unclean = path.join(folder, "unclean");
  const isOfThisBoot = (former: string): boolean => former === "" || bootId === "" || former === bootId;
  const former = readIfThere(running)?.trim();
  // Noted before the new mark is set: a kill between the two leaves the old mark, which says the same.
  if (former !== undefined && isOfThisBoot(former)) writeDurably(unclean, `${Math.round(uptimeMs)} ${bootId}\n`);
  writeDurably(running, `${bootId}\n`);
  const [noted = "", notedIn = ""] = readIfThere(unclean)?.trim().split(" ") ?? [];
  return Number(noted) > 0 && isOfThisBoot(notedIn) ? Number(noted) : undefined;
}

/** Takes the mark away: the gateway ends with no call open. A folder that is gone has no mark. */
export function endRun(folder: string): void {
  if (!existsSync(folder)) return;
  rmSync(path.join(folder, "running"), { force: true });
  syncFolder(folder);
}
