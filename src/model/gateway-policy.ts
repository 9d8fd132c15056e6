import { z } from "zod";
import { duration, durationMs } from "./duration.ts";
import { addressRange } from "./http-text.ts";

/** A bounded span of time. */
function span(defaultText: string, minMs: number, maxMs: number, range: string): z.ZodDefault<z.ZodString> {
  return duration
    .refine((text) => !isDuration(text) || (durationMs(text) >= minMs && durationMs(text) <= maxMs), `a time from ${range}`)
    .default(defaultText);
}

function isDuration(text: string): boolean {
  return duration.safeParse(text).success;
}

/** Bounds of all gateways of a site. */
export const gatewayLimits = z.strictObject({
  requestHeadBytes: z
    .int()
    .min(4096)
    .max(1_048_576)
    .default(16_384)
    .describe(
      "Bytes of a request's head; a longer one is answered 431. The instance gets up to 1 KiB more: Node.js takes 16 KiB unless it is told otherwise.",
    ),
  answerHeadBytes: z
    .int()
    .min(4096)
    .max(1_048_576)
    .default(32_768)
    .describe("Bytes of the head of an instance's answer; a longer one is answered 502."),
  requestHeadTime: span("15s", 1000, 600_000, "1s to 10m").describe("For a request's head to come in; then 408."),
  idleConnection: span("65s", 1000, 3_600_000, "1s to 1h").describe("A client's connection without a request is kept so long."),
  openRequests: z.int().min(10).max(1_000_000).default(50_000).describe("Requests and streams under way in one gateway; more are answered 503."),
  heldTransactions: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(10_000)
    .describe("New transactions that one gateway holds during a handover; more are answered 503."),
  connectTime: span("3s", 100, 300_000, "100ms to 5m").describe("For a connection to an instance or a host outside the site."),
  outsideSilence: span("5m", 1000, 86_400_000, "1s to 1d").describe("A host outside the site that is silent for so long is given up: 504."),
  accessLogBytes: z.int().min(1_048_576).max(107_374_182_400).default(67_108_864).describe("Size at which a gateway's access log begins a new file."),
  accessLogFiles: z.int().min(0).max(1000).default(4).describe("Former files of the access log that are kept."),
});

export type GatewayLimitsSpec = z.infer<typeof gatewayLimits>;
export const DEFAULT_LIMITS: GatewayLimitsSpec = gatewayLimits.parse({});

const file = z.string().min(1, "a file").max(4096);

/** What the edges of a site do before they look for a Route. */
export const edgePolicy = z.strictObject({
  trustedProxies: z
    .array(addressRange)
    .max(1000)
    .default([])
    .describe(
      "Addresses of proxies before the edge. What they say of the client (X-Forwarded-For, -Proto, -Host; Forwarded where there is no X-Forwarded-For) is believed and added to; what others say is not.",
    ),
  tls: z
    .strictObject({
      certificateFile: file.describe(
        "PEM, with the certificates between it and the root; absolute, or relative to the site's folder. On each host with an edge.",
      ),
      keyFile: file.describe("PEM, not encrypted."),
    })
    .optional()
    .describe(
      "The edge speaks TLS (1.2 and newer) on its port, and no plain HTTP. The files are read again when they change; ones that cannot be used leave the former in force.",
    ),
});
