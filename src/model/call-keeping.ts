import { z } from "zod";
import { duration } from "./duration.ts";
import { httpUrl } from "./http-text.ts";

/** How gateways record calls. */
export const callKeeping = z.strictObject({
  share: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe(
      "Of all requests from outside, each with the tree of its calls; chosen by the trace id, the same at every gateway. Calls that failed or were slow are kept in any case, with their trees.",
    ),
  slow: duration.default("1s").describe("A call that takes so long is slow."),
  keep: duration.default("7d").describe("Recorded calls are kept for so long."),
  bytes: z
    .int()
    .min(16 * 1024 * 1024)
    .default(256 * 1024 * 1024)
    .describe("Bytes of all of it at each gateway; above, the oldest goes first."),
  otlp: z
    .strictObject({ url: httpUrl.describe("Of a tracing backend or collector, without /v1/traces: http://collector:4318.") })
    .optional()
    .describe("What is kept is exported there as well, by OTLP/HTTP in JSON, by each gateway itself."),
});
