import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { duration } from "./duration.ts";
import { whyNotTouched } from "./gateway-headers.ts";
import { defineKind } from "./kind.ts";
import { label } from "./names.ts";
import { streamEnding } from "./run.ts";
import { strategyName } from "./strategy.ts";

/** What may keep a user on one side of a ramp. */
export const RAMP_KEY: RegExp = /^(?:header:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|cookie:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|client)$/;

const SHARE = "a share above 0, and 1 at most, as in 0.5 for 50 %";

/** Share of new transactions that get the new generation, and how long it stays so before the next step. */
const rampStep = z.strictObject({
  share: z.number().gt(0, SHARE).max(1, SHARE).describe("0.1 is ten of a hundred."),
  hold: duration.default("30s").describe("At least so long before the next step."),
});

/** What is none has a violation of its own. */
function isShare(share: unknown): share is number {
  return typeof share === "number" && share > 0 && share <= 1;
}

export const ramp = z.strictObject({
  steps: z
    .array(rampStep)
    .min(1)
    .max(20)
    .default([
      { share: 0.01, hold: "30s" },
      { share: 0.1, hold: "30s" },
      { share: 0.5, hold: "30s" },
    ])
    .refine(
      (steps) =>
        steps.every((step, index) => !isShare(step.share) || step.share > (steps.slice(0, index).findLast((one) => isShare(one.share))?.share ?? 0)),
      "the shares must rise from step to step",
    ),
  key: z
    .string()
    .regex(RAMP_KEY, "header:NAME, cookie:NAME or client")
    .refine((key) => !key.startsWith("header:") || whyNotTouched(key.slice("header:".length)) === undefined, {
      error: ({ input }) =>
        `a header of the client's; ${String(input).slice("header:".length)} is the gateway's own: for the client's address give client`,
    })
    .optional()
    .describe("What keeps a user on one side: a header, a cookie, the client's address; absent: each request by itself."),
});

export const gates = z.strictObject({
  minRequests: z.int().min(1).default(50).describe("Fewer on either side: no decision by itself, a person is asked."),
  errorRate: z
    .boolean()
    .default(true)
    .describe("Go back when the new generation's share of errors is higher (one-sided two-proportion z-test at alpha)."),
  latency: z
    .boolean()
    .default(true)
    .describe(
      "Go back when the new generation is slower (one-sided rank-sum test over latency buckets at alpha) by more than maxSlowdown at the median or the 95th percentile.",
    ),
  alpha: z.number().gt(0).lt(0.5).default(0.01),
  maxSlowdown: z.number().min(1).default(1.2).describe("Slower than this factor at the median or the 95th percentile counts as slower."),
});

/** As `drain` of a template, for the revisions that the update replaces. Nothing is taken for granted: what is not said is what their templates say. */
const drain = z
  .strictObject({
    streams: streamEnding.optional().describe("terminateAfter (default where terminateAfter is given), or wait: they are never ended."),
    terminateAfter: duration.optional().describe("So long after the switch; 1h if only streams: terminateAfter is given."),
  })
  .refine(({ streams, terminateAfter }) => streams !== undefined || terminateAfter !== undefined, {
    message: "say how streams are ended: terminateAfter: 30s, or streams: wait",
  })
  .refine(({ streams, terminateAfter }) => streams !== "wait" || terminateAfter === undefined, {
    message: "streams: wait never ends a stream: leave out terminateAfter, or say streams: terminateAfter",
  })
  .describe(
    "How streams (WebSocket, SSE, TCP) to the services that it names are ended in all older generations; absent: as the template of their revision says.",
  );

const spec = z.strictObject({
  services: z
    .array(
      z.strictObject({
        name: label,
        to: z
          .string()
          .min(1)
          .max(253)
          .describe("A version, as v2, or the name of a Revision. In the record of a service that was deleted: (removed)."),
      }),
    )
    .min(1, "name at least one service and the version it shall go to")
    .max(1000)
    .meta({ listKey: "name" }),
  strategy: strategyName.optional().describe("How new transactions come to it; absent: as update of its services' manifests says, else consistent."),
  ramp: ramp.optional().describe("Without it new transactions switch at once."),
  gates: gates.optional().describe("Checked at each step of the ramp."),
  drain: drain.optional(),
  message: z.string().max(2000).optional().describe("Why; kept in the history."),
  paused: z.boolean().default(false).describe("True holds it before the switch, or at the present step of the ramp."),
  promoted: z.boolean().default(false).describe("True takes a ramp to its end at once, whatever gates say."),
  aborted: z
    .boolean()
    .default(false)
    .describe("True gives it up, or goes back if some transactions have the new generation; after the switch it has no effect: make a rollback."),
});

const waits = z.array(z.strictObject({ reason: z.string(), object: z.string(), since: time, message: z.string() }));

const status = z.strictObject({
  phase: z
    .enum(["Pending", "Preparing", "Distributing", "Holding", "Ramping", "Draining", "Complete", "Aborted", "RolledBack", "Superseded"])
    .optional(),
  generation: z.int().optional(),
  fromGeneration: z.int().optional(),
  /** What each service came from and goes to; one that is taken away goes nowhere. */
  revisions: z
    .array(z.strictObject({ service: z.string(), from: z.string().optional(), to: z.string().optional() }))
    .meta({ listKey: "service" })
    .optional(),
  /** Services that it does not name, and that changed in its generation all the same: their templates were changed at the same time. By whom, as the API knows the user. */
  alongside: z
    .array(z.strictObject({ service: z.string(), from: z.string().optional(), to: z.string().optional(), by: z.string().optional() }))
    .meta({ listKey: "service" })
    .optional(),
  /** Its services' templates (their digest) as they were when it was seen first, or as an update before it has left them: whoever changes one after that and before it is written wishes later, and supersedes it. */
  seen: z
    .array(z.strictObject({ service: z.string(), template: z.string() }))
    .meta({ listKey: "service" })
    .optional(),
  /** How it is carried out: its own strategy, or that of its services' manifests. */
  strategy: strategyName.optional(),
  /** True once its templates are written: whoever changes one of them afterwards supersedes it. */
  written: z.boolean().optional(),
  share: z.number().optional(),
  /** How long each phase took. */
  phases: z.array(z.strictObject({ phase: z.string(), since: time, until: time.optional() })).optional(),
  waits: waits.optional(),
  /** Who made it, as the API knows the user. */
  by: z.string().optional(),
  /** Transactions that the new generation has served until now. */
  transactions: z.int().optional(),
  conditions: conditions.optional(),
});

export const update = defineKind({
  kind: "Update",
  plural: "updates",
  shortNames: ["upd"],
  scope: "Namespaced",
  description:
    "One consistent change of one or more services: what, how, why, and how it went. Changed templates that no Update names become one by themselves.",
  spec,
  status,
  // What is under way must not become something else; only a person's steering may change.
  isImmutable: true,
  mutableFields: ["paused", "promoted", "aborted", "message"],
  selectableFields: [".status.phase"],
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase", description: "Where it stands" },
    { name: "Generation", type: "integer", jsonPath: ".status.generation", description: "Its generation" },
    { name: "Services", type: "string", jsonPath: ".spec.services[*].name", description: "What it changes" },
    { name: "Share", type: "number", jsonPath: ".status.share", description: "Share of new transactions" },
    { name: "Waits for", type: "string", jsonPath: ".status.waits[0].message", description: "What holds it back" },
    { name: "Waiting", type: "date", jsonPath: ".status.waits[0].since", description: "For how long it has waited for that" },
    { name: "Transactions", type: "integer", jsonPath: ".status.transactions", description: "Transactions that its generation has begun" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when" },
    { name: "Message", type: "string", jsonPath: ".spec.message", description: "Why", priority: 1 },
  ],
});
export type Update = typeof update.$object;

/** Where a service goes that is deleted: neither a version nor a Revision can be called so. */
export const REMOVED = "(removed)";
