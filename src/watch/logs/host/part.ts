import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import { type AgentPart, HOST_LOGS } from "#/work/agent/index.ts";
import { type KeptNotice, LOGS_KEPT, LOGS_SEARCH } from "../contract.ts";
import { searchQuestion } from "../core/question.ts";
import { LogKeeper } from "./log-keeper.ts";

/** How often it is looked whether lines are to be sealed. */
const LOOK_MS = 5_000;
const TELL_MS = 60_000;

/** Keeps the lines of this host, and searches them when the centre asks. */
export const logsHostPart: AgentPart = {
  name: "logs",
  start({ use, every, lifecycle, dataFolder, clock, log, link }) {
    const keeper = new LogKeeper({
      folder: path.join(dataFolder, "agent", "logs"),
      platformFolder: path.join(dataFolder, "logs"),
      logs: use(HOST_LOGS),
      clock,
      log,
    });
    lifecycle.add("the keeper of logs", () => keeper.close());
    every(LOOK_MS, () => keeper.look());
    every(TELL_MS, async () => {
      const { kept, lost } = keeper;
      if (kept === undefined) return;
      const notice: KeptNotice = { bytes: kept.bytes, segments: kept.segments, cpuMs: kept.cpuMs, lost: Object.fromEntries(lost) };
      link()?.notify(LOGS_KEPT, notice);
    });
    return {
      handlers: {
        streams: {
          async *[LOGS_SEARCH](params, signal) {
            const parsed = searchQuestion.safeParse(params);
            if (!parsed.success)
              throw new OrreryError("agent/bad-request", "the question cannot be read: agent and centre are of versions too far apart");
            yield* keeper.search(parsed.data, signal);
          },
        },
      },
    };
  },
};
