import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";

/** Marks in `<folder>/running` that a gateway works, before it listens. Returns when (Unix ms) a start last found the one before ended with calls open, or killed; `undefined` if every one so far ended with nothing open: then nothing of theirs can be in flight. */
export function beginRun(folder: string, nowMs: number): number | undefined {
  const running = path.join(folder, "running");
  const unclean = path.join(folder, "unclean");
  // Noted before the new mark is set: a kill between the two leaves the old mark, which says the same.
  if (existsSync(running)) writeDurably(unclean, `${nowMs}\n`);
  else writeDurably(running, "");
  const noted = Number(readIfThere(unclean)?.trim());
  return Number.isFinite(noted) && noted > 0 ? noted : undefined;
}

/** Takes the mark away: the gateway ends with no call open. A folder that is gone has no mark. */
export function endRun(folder: string): void {
  if (!existsSync(folder)) return;
  rmSync(path.join(folder, "running"), { force: true });
  syncFolder(folder);
}
