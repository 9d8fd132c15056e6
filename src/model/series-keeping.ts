import { z } from "zod";
import { duration } from "./duration.ts";
import { httpUrl } from "./http-text.ts";

/** How a site keeps figures over time. */
export const seriesKeeping = z.strictObject({
  raw: duration.default("24h").describe("Samples as they came are kept for so long; less than 2h counts as 2h."),
  minutes: duration.default("30d").describe("By the minute (least, greatest, sum, count, last, increase) for so long; 0s: not at all."),
  hours: duration.default("730d").describe("By the hour for so long; 0s: not at all."),
  bytes: z
    .int()
    .min(16 * 1024 * 1024)
    .default(4 * 1024 * 1024 * 1024)
    .describe("Bytes of all of it; above, the oldest goes first, raw samples before the others."),
  remote: z
    .strictObject({
      url: httpUrl.describe("Of a Prometheus or VictoriaMetrics, without /api/v1: http://prometheus:9090. It has to take remote writes."),
      isPrometheus: z.boolean().default(false).describe("It is a Prometheus 3, so its answers are exact."),
    })
    .optional()
    .describe("Figures are kept there, and nothing of the above holds. Absent: by the centre itself."),
});
