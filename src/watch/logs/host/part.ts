import path from "node:path";
import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import { instance, logForwarding } from "#/model/index.ts";
import { type AgentPart, HOST_LOGS } from "#/work/agent/index.ts";
import { type KeptNotice, LOGS_FORWARDING, LOGS_KEPT, LOGS_LEVEL, LOGS_SEARCH } from "../contract.ts";
import { searchQuestion } from "../core/question.ts";
import { LEVELS } from "../core/record.ts";
import { LevelKeeper } from "../level/level-keeper.ts";
import { LogKeeper } from "./log-keeper.ts";

/** How often it is looked whether lines are to be sealed. */
const LOOK_MS = 5_000;
const TELL_MS = 60_000;
const LEVELS_MS = 1_000;
const FORWARD_MS = 2_000;

const forwardingWish = z.union([z.null(), logForwarding]);
const levelWish = z.object({ namespace: z.string(), instance: z.string(), level: z.enum(LEVELS).exactOptional(), forMs: z.number() });

/** Keeps the lines of this host, and searches them when the centre asks. */
export const logsHostPart: AgentPart = {
  name: "logs",
  start({ use, every, lifecycle, dataFolder, host, clock, log, link, store }) {
    const keeper = new LogKeeper({
      folder: path.join(dataFolder, "agent", "logs"),
      platformFolder: path.join(dataFolder, "logs"),
      logs: use(HOST_LOGS),
      host,
      clock,
      log,
    });
    const levels = new LevelKeeper({
      folder: path.join(dataFolder, "agent", "logs"),
      logs: use(HOST_LOGS),
      clock,
      log,
      tell: (object, type, reason, message) => store.emit({ kind: instance, object, type, reason, message, component: "agent" }),
    });
    every(LEVELS_MS, () => levels.look());
    lifecycle.add("the keeper of logs", () => keeper.close());
    every(LOOK_MS, () => keeper.look());
    every(FORWARD_MS, () => keeper.forward());
    every(TELL_MS, async () => {
      const { kept, lost, forwardFigures } = keeper;
      if (kept === undefined && forwardFigures === undefined) return;
      const { bytes = 0, segments = 0, cpuMs = 0 } = kept ?? {};
      const { sent = 0, refused = 0, lostBytes = 0 } = forwardFigures ?? {};
      const notice: KeptNotice = {
        bytes,
        segments,
        cpuMs,
        lost: Object.fromEntries(lost),
        ...(forwardFigures !== undefined && { forwarded: { sent, refused, lostBytes } }),
      };
      link()?.notify(LOGS_KEPT, notice);
    });
    return {
      handlers: {
        calls: {
          async [LOGS_FORWARDING](params) {
            const parsed = forwardingWish.safeParse(params);
            if (!parsed.success)
              throw new OrreryError("agent/bad-request", "the wish cannot be read: agent and centre are of versions too far apart");
            keeper.setForwarding(parsed.data ?? undefined);
            return {};
          },
          async [LOGS_LEVEL](params) {
            const parsed = levelWish.safeParse(params);
            if (!parsed.success)
              throw new OrreryError("agent/bad-request", "the wish cannot be read: agent and centre are of versions too far apart");
            return await levels.wish(parsed.data);
          },
        },
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
