import { z } from "zod";
import { LOG_LEVELS } from "#/base/index.ts";
import { httpUrl } from "./http-text.ts";

/** Where lines of logs go beside being kept. */
export const logForwarding = z
  .strictObject({
    otlp: z
      .strictObject({ url: httpUrl.describe("Of a collector or log store, without /v1/logs: http://collector:4318.") })
      .optional()
      .describe("By OTLP/HTTP in JSON."),
    syslog: z
      .strictObject({
        host: z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/, "a name or an address"),
        port: z.int().min(1).max(65_535).default(514),
        protocol: z.enum(["udp", "tcp", "tls"]).default("tcp").describe("tcp, tls: with the length before each message (RFC 6587, 5425)."),
      })
      .optional()
      .describe("By RFC 5424."),
    level: z.enum(LOG_LEVELS).optional().describe("Only of this level or a graver one. Absent: all, also those without a level that was recognised."),
    platform: z.boolean().default(false).describe("Also what Orrery's own processes write."),
  })
  .refine((one) => (one.otlp === undefined) !== (one.syslog === undefined), "give exactly one of otlp, syslog");
export type LogForwarding = z.infer<typeof logForwarding>;
