import { existsSync } from "node:fs";
import { OrreryError } from "#/base/index.ts";
import type { LogLine, LogQuestion } from "#/state/link/index.ts";
import { findNewestIntention, LogTimes, readLastLines, rotateLog } from "#/work/process/index.ts";
import type { HostedInstance } from "./hosted-instance.ts";
import { logLimits } from "./launch.ts";
import { readLines } from "./log-lines.ts";
import type { KeptLog } from "./runner.ts";

const QUOTED_LINES = 10;

/** What one instance prints: read, and kept within its limits. */
export class InstanceLog {
  readonly #hosted: HostedInstance;
  readonly #times: LogTimes;
  /** Its file was seen. */
  #isSeen = false;

  constructor(hosted: HostedInstance) {
    this.#hosted = hosted;
    this.#times = new LogTimes(hosted.folder.log, () => hosted.context.clock.now());
  }

  /** Its process runs, and prints. */
  watch(): void {
    this.#times.watch();
    this.#isSeen = true;
  }

  /** As `Runner.readLines`. */
  readLines(question: LogQuestion, signal: AbortSignal): AsyncIterable<readonly LogLine[]> {
    const { folder, instance } = this.#hosted;
    if (!question.previous) return readLines(folder.log, this.#times, question, { signal });
    const intention = findNewestIntention(folder.runs);
    if (intention?.previousLogFrom === undefined)
      throw new OrreryError("agent/no-previous", `${instance.metadata.name} has not run before its present run`);
    const run = { from: intention.previousLogFrom, to: intention.logFrom, signal };
    return readLines(folder.log, this.#times, { ...question, follow: false }, run);
  }

  /** The last lines, as an end quotes them, of the run that began at `from`; with `note` as the last one. */
  async quote(from: number, note?: string): Promise<readonly string[]> {
    const lines = await readLastLines(this.#hosted.folder.log, QUOTED_LINES, { from }).catch(() => []);
    return note === undefined ? lines : [...lines.slice(1 - QUOTED_LINES), note];
  }

  /** Looks whether it has grown too large, or is gone. */
  async rotate(isRunning: boolean): Promise<void> {
    const { folder, instance, context } = this.#hosted;
    // Where the system cannot wake the agent for each line, this gives the times that there are.
    this.#times.note();
    const isThere = existsSync(folder.log);
    if (!isThere && isRunning && this.#isSeen)
      this.#hosted.tell(
        "Warning",
        "LogRemoved",
        `its log file was removed while it runs: what it prints is seen again after a restart: orrery restart ${instance.spec.service ?? "SERVICE"}`,
      );
    this.#isSeen = isThere;
    const rotation = await rotateLog(folder.log, logLimits(instance), this.#times.knownEnd);
    if (rotation === "mended")
      this.#hosted.tell("Normal", "LogEmptied", "its log file was emptied by hand; what it prints since is shown after what was rotated before");
    if (rotation === "dropped")
      this.#hosted.tell(
        "Warning",
        "LogDropped",
        `there was no room on the disk to keep its older output, and it was given back; free some room in ${context.dataFolder}`,
      );
    await this.#times.tidy();
  }

  /** Notes what has grown, and puts the notes on disk. */
  kept(): KeptLog {
    const end = this.#times.note();
    this.#times.flush();
    return { path: this.#hosted.folder.log, end };
  }

  end(): void {
    this.#times.end();
  }
}
