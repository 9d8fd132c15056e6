import { z } from "zod";
import { LOG_LEVELS } from "#/base/index.ts";
import { someDuration } from "./duration.ts";
import { sentPath } from "./http-text.ts";
import { label } from "./names.ts";

const signal = z.enum(["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGWINCH", "SIGTTIN", "SIGTTOU"]);
const port = label.optional().describe("Name of a port; default the first.");

/** How the level of a service's log is changed while it runs. */
export const logLevelHook = z
  .strictObject({
    http: z
      .strictObject({
        path: sentPath.describe("$level in it becomes the level in small letters, $LEVEL in capital ones."),
        port,
        method: z.enum(["POST", "PUT"]).default("POST"),
        body: z.string().max(2_000).default('{"level":"$level"}').describe("$level and $LEVEL as in the path; sent as JSON."),
      })
      .optional()
      .describe("A request to the instance; an answer from 200 to 299 is taken for done."),
    spring: z
      .strictObject({
        path: sentPath.default("/actuator/loggers").describe("Of Spring Boot's actuator."),
        logger: z
          .string()
          .regex(/^[\w$.-]{1,200}$/)
          .default("ROOT"),
        port,
      })
      .optional()
      .describe("Spring Boot's loggers endpoint; afterwards the logger has the level again that it had."),
    signal: z
      .strictObject({ debug: signal.describe("To log more."), back: signal.describe("To log as before.") })
      .optional()
      .describe("Signals to the program; only debug can be asked for."),
    normal: z.enum(LOG_LEVELS).default("info").describe("The level that http goes back to."),
    timeout: someDuration.default("2s"),
  })
  .refine((one) => [one.http, one.spring, one.signal].filter((hook) => hook !== undefined).length === 1, "give exactly one of http, spring, signal")
  .describe("How the level of its log is changed while it runs: orrery log-level.");
export type LogLevelHook = z.infer<typeof logLevelHook>;
