import { z } from "zod";

import { duration, someDuration } from "./duration.ts";
import { sentPath } from "./http-text.ts";
import { command } from "./program.ts";

/** How a check asks: exactly one of http, tcp, exec. */
export const checkAction = {
  http: z
    .strictObject({
      path: sentPath.default("/"),
      port: z.string().optional().describe("Name of a port; default the first."),
      scheme: z.enum(["http"]).default("http"),
    })
    .optional(),
  tcp: z.strictObject({ port: z.string().optional().describe("Name of a port; default the first.") }).optional(),
  exec: z.strictObject({ command }).optional(),
};

export const healthCheck = z
  .strictObject({
    ...checkAction,
    initialDelay: duration.default("0s"),
    interval: someDuration.default("2s").describe("From one look to the next; less than 100ms counts as 100ms."),
    timeout: someDuration.default("1s"),
    successThreshold: z.int().min(1).max(100).default(1),
    failureThreshold: z.int().min(1).max(1000).default(3),
  })
  .refine((check) => [check.http, check.tcp, check.exec].filter((one) => one !== undefined).length === 1, "give exactly one of http, tcp, exec");
export type HealthCheck = z.infer<typeof healthCheck>;

/** `startup` must pass before the others begin; `readiness` decides whether calls come; `liveness` restarts, and counts from the first time that the instance was ready. Without `readiness` a TCP connect to the first port is asked for, without ports the running process is ready. */
export const health = z.strictObject({
  startup: healthCheck.optional().describe("Must pass before the others begin."),
  readiness: healthCheck
    .optional()
    .describe("Decides whether calls come. An instance that was ready and gives no answer in time is called only while no other is ready."),
  liveness: healthCheck.optional().describe("Restarts when it fails."),
});
export type Health = z.infer<typeof health>;
