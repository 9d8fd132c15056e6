import { z } from "zod";
import { ACTIONS } from "./action.ts";
import { callKeeping } from "./call-keeping.ts";
import { conditions, time } from "./conditions.ts";
import { duration, minReady, someDuration } from "./duration.ts";
import { DEFAULT_LIMITS, edgePolicy, gatewayLimits } from "./gateway-policy.ts";
import { defineKind } from "./kind.ts";
import { logForwarding } from "./log-forwarding.ts";
import { label, shortSubdomain } from "./names.ts";
import { labelSelector } from "./selector-text.ts";
import { seriesKeeping } from "./series-keeping.ts";
import { siteLogin } from "./site-login.ts";
import { strategyName } from "./strategy.ts";

const AUDIT_BYTES = 1024 * 1024 * 1024;

const rampShare = z.number().min(0).max(1);

/** A share of new transactions for people: `12.5 %`. */
export function formatShare(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

const spec = z.strictObject({
  displayName: z.string().max(200).optional(),
  maxOpen: z.int().min(2).max(1000).default(64).describe("Generations that may be open at once."),
  maxTransaction: someDuration.default("10m").describe("Longest life of a transaction; the edge enforces it."),
  lostEdge: z
    .strictObject({ assumeDeadAfter: someDuration })
    .optional()
    .describe("A gateway that is not connected for so long is declared dead by itself. Absent: it is waited for until a person forgets it."),
  linger: duration.default("500ms").describe("Waited after the last call of a generation before it is closed."),
  unlabelled: z
    .enum(["allow", "reject"])
    .default("allow")
    .describe(
      "Calls between services without a trace context. reject refuses them, but not TCP connections of instances (protocol: tcp), which cannot carry one.",
    ),
  settle: duration.default("500ms").describe("Changed templates are gathered this long into one update."),
  hold: duration
    .default("5s")
    .describe("Longest time that new transactions are held while an exclusive service is handed over, or under the strategy quiescence."),
  callerCheck: z
    .enum(["address", "process"])
    .default("address")
    .describe(
      "How a caller between services is known. address: by the loopback address that it calls through; it is told to each instance alone, and no guard against one that takes another's. process: each new connection must come from a process of the instance, too; this costs some 5 ms of CPU for each connection, and nothing for each request.",
    ),
  audit: z
    .strictObject({
      bytes: z
        .int()
        .min(16 * 1024 * 1024)
        .default(AUDIT_BYTES)
        .describe("Bytes of all files of the audit; at it, only what ends, removes or logs in is taken, until some was exported and removed."),
      reasonFor: z.array(z.string().max(40)).max(50).default([]).describe("Actions that nobody does without saying why: update, stop, exec, …"),
      keep: z
        .strictObject({
          for: someDuration.optional().describe("Closed files whose last entry is older are over."),
          bytes: z
            .int()
            .min(8 * 1024 * 1024)
            .optional()
            .describe("Above so many bytes in all, the oldest closed files are over."),
          exportTo: z
            .string()
            .regex(/^\/[^\0]*$/, "an absolute path")
            .max(1_000)
            .optional()
            .describe(
              "Folder on the centre's machine, best of another one: what is over is exported to it, verified, and removed. Absent: it stays, and that is an alarm.",
            ),
        })
        .optional()
        .describe("How long the audit is kept here; absent: until a person exports and removes it. Who changes it needs manage-users, too."),
    })
    .default({ bytes: AUDIT_BYTES, reasonFor: [] })
    .describe("What people do, and the trace of it."),
  edge: edgePolicy.default({ trustedProxies: [] }).describe("What the edges do before they look for a Route."),
  limits: gatewayLimits.default(DEFAULT_LIMITS).describe("Bounds of all gateways."),
  // Longer than most programs take to find out that they cannot work (a missing variable, a refused password, a port in use), and short beside what else an update waits for.
  minReady: minReady
    .default("2s")
    .describe("A new instance has to stay ready so long before an update counts on it, where its template does not say minReady."),
  without: z
    .array(label)
    .max(50)
    .optional()
    .describe("Capabilities of the centre that this site does without: nothing of them runs, is served or listed. Names: docs/operating.md."),
  series: seriesKeeping
    .optional()
    .describe(
      "How figures over time are kept; looked at when the centre starts. Absent: raw for 24 h, by the minute for 30 days, by the hour for 2 years.",
    ),
  logs: z
    .strictObject({ forward: logForwarding.optional().describe("Lines go there, too, from each host by itself. Absent: nowhere.") })
    .optional()
    .describe("What becomes of lines of logs beside being kept."),
  bus: z
    .strictObject({
      engine: z
        .enum(["embedded"])
        .default("embedded")
        .describe("embedded: a broker of the platform, on this machine alone, in a process of its own."),
    })
    .optional()
    .describe("A message bus for the services: AMQP 0-9-1. Absent: none; what it has kept stays on disk."),
  calls: callKeeping.optional().describe("How gateways record calls. Absent: all of them, for 7 days, in 256 MiB a gateway; slow is what takes 1 s."),
  login: siteLogin.optional().describe("How people log in to the console. Absent: as its defaults say."),
  fourEyes: z
    .array(
      z.strictObject({
        name: label,
        actions: z
          .array(z.enum([...ACTIONS, "edit"]))
          .min(1)
          .max(20)
          .describe("What one person does not do alone; edit: whatever no action names."),
        where: labelSelector.optional().describe("Of objects with these labels alone; absent: of any."),
        approvers: z
          .array(shortSubdomain)
          .min(1)
          .max(5)
          .describe("Roles that have to approve it, each by another person than who asks, and than each other."),
        within: someDuration.default("1h").describe("So long it waits to be approved."),
      }),
    )
    .max(50)
    .meta({ listKey: "name" })
    .optional()
    .describe("What needs more than one person. Where there is something here, so do changes of it, and of who may approve."),
  readyWithin: someDuration.default("2m").describe("Longest wait for new instances to become ready, else the update is given up."),
});

/** Which generation an edge stamps: `generation`, or `ramp.to` for a share of the keys. Under `hold`, transactions that can reach one of its services wait, and all others get `hold.to`. */
export const stampPlan = z.strictObject({
  generation: z.int(),
  ramp: z
    .strictObject({
      to: z.int(),
      share: rampShare,
      key: z.string().optional().describe("header:NAME, cookie:NAME, client, or absent: each request by itself"),
    })
    .optional(),
  hold: z.strictObject({ to: z.int(), services: z.array(z.string()), since: time }).optional(),
});
export type StampPlan = z.infer<typeof stampPlan>;

/** The one object that decides about traffic; changed only by compare-and-set. */
const status = z.strictObject({
  /** Id of this history of generations; a restored store gets a new one. */
  history: z.string().optional(),
  /** Rises with each leader. */
  epoch: z.int().optional(),
  /** Number of the newest generation that was issued. */
  counter: z.int().optional(),
  generations: z
    .array(
      z.strictObject({
        number: z.int(),
        phase: z.enum(["Preparing", "Distributing", "Holding", "Ramping", "Active", "Draining"]),
        since: time,
        /** Services that differ from the generation before, and those that are new. */
        changes: z.array(z.string()).optional(),
        /** Services that none of its transactions can reach any more: it needs their revisions no longer. */
        left: z.array(z.string()).optional(),
        /** Why new transactions no longer come to it although nothing newer was stamped: it was gone back from. */
        returned: z.string().optional(),
        /** Since when instances of it that were ready are so no longer, before all new transactions have it. */
        unreadySince: time.optional(),
        /** The Update that it belongs to. */
        update: z.string().optional(),
        /** How new transactions come to it, fixed when it is issued; absent: consistent. */
        strategy: strategyName.optional(),
        /** How its Update wants streams of older generations to its services to be ended: after so long, absent: never. Fixed when it is issued. */
        streamEnds: z.strictObject({ services: z.array(z.string()), afterMs: z.int().optional() }).optional(),
        /** How it is ramped, fixed when it is issued. */
        ramp: z
          .strictObject({
            steps: z.array(z.strictObject({ share: rampShare, holdMs: z.int() })),
            key: z.string().optional(),
            /** Index of the present step; absent before the first. */
            step: z.int().optional(),
            stepSince: time.optional(),
          })
          .optional(),
      }),
    )
    .meta({ listKey: "number" })
    .optional(),
  stamp: stampPlan.optional(),
  /** Where a strategy keeps no versions: in generations older than `before`, calls of the service that belong to revision `from` go to `to`; while `isPartial`, to either, by ready instances; while `isIdle`, still or again to `from`, but instances of `to` may take part. */
  moves: z
    .array(
      z.strictObject({
        service: z.string(),
        before: z.int(),
        from: z.string(),
        to: z.string(),
        isPartial: z.boolean().optional(),
        isIdle: z.boolean().optional(),
        /** True: no further instance is replaced. */
        isPaused: z.boolean().optional(),
        /** Of a move back, after a rolling update was given up: when that was. */
        since: time.optional(),
      }),
    )
    .optional(),
  /** Revisions that are wanted and not served yet: their instances are started, passive. `since`: when the first of them was asked for; `by`: the generation that has claimed them; `aside`: the generation that was given up since others went first: all that it changed comes together, when all is ready. */
  preparing: z
    .array(z.strictObject({ service: z.string(), revision: z.string(), since: time, by: z.int(), aside: z.int().optional() }))
    .meta({ listKey: "service" })
    .optional(),
  /** How streams to a service are ended in generations older than `before`, whatever their revision says: so long after this is decided, absent: never. What the last Update said that replaced it; kept as long as such a generation is open. */
  streamEnds: z
    .array(z.strictObject({ service: z.string(), before: z.int(), afterMs: z.int().optional() }))
    .meta({ listKey: "service" })
    .optional(),
  /** Templates (by revision name) that an abort or a gate has refused; not tried again until the template changes. */
  refused: z
    .array(z.strictObject({ service: z.string(), revision: z.string(), reason: z.string(), at: time }))
    .meta({ listKey: "service" })
    .optional(),
  /** Hosts whose gateway does not answer: their instances serve no generation newer than `upTo`. */
  fenced: z
    .array(z.strictObject({ host: z.string(), upTo: z.int() }))
    .meta({ listKey: "host" })
    .optional(),
  /** Of each exclusive service, the revision that may use what only one may use: no instance of another one is ever told that it is active. */
  exclusive: z
    .array(z.strictObject({ service: z.string(), revision: z.string(), since: time }))
    .meta({ listKey: "service" })
    .optional(),
  /** Histories that this one has come after, the last ones: trace ids made in them are of transactions that nobody here counts, and a table of any other is of a state that the store does not know of. */
  formerHistories: z.array(z.string()).optional(),
  /** Since when the present history has begun: nothing is stamped until every gateway has a table of it. Absent: all have. */
  unheardSince: time.optional(),
  /** What the next update, which is not issued yet, waits for. */
  waits: z.array(z.strictObject({ reason: z.string(), object: z.string(), since: time, message: z.string() })).optional(),
  conditions: conditions.optional(),
});

export const SITE_NAME = "site";

export const site = defineKind({
  kind: "Site",
  name: z.literal(SITE_NAME, `the name ${SITE_NAME}: there is one Site`),
  plural: "sites",
  scope: "Namespaced",
  description: "The site itself: policies, and everything decided about traffic. There is one, named site.",
  spec,
  status,
  permanent: "it decides about all traffic, and what is served is known by it alone; change its spec instead, or end the site with: orrery down",
  columns: [
    { name: "Generation", type: "integer", jsonPath: ".status.stamp.generation", description: "Generation that new transactions get" },
    { name: "Newest", type: "integer", jsonPath: ".status.counter", description: "Newest generation issued" },
    { name: "Status", type: "string", jsonPath: '.status.conditions[?(@.type=="Settled")].reason', description: "Whether an update is under way" },
  ],
});
export type Site = typeof site.$object;
