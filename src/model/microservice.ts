import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { someDuration } from "./duration.ts";
import { defineKind } from "./kind.ts";
import { logKeeping } from "./logs.ts";
import { label } from "./names.ts";
import { template } from "./run.ts";
import { strategyName, unfitStrategy } from "./strategy.ts";
import { streams } from "./streams.ts";
import { gates, ramp } from "./update.ts";

export const balancing = z.strictObject({
  algorithm: z
    .enum(["roundRobin", "leastTime", "callFrequency"])
    .default("roundRobin")
    .describe("In turn; by mean time, calls under way and the host's load; or even by calls made in the last window."),
});

/** As the fields of an Update. */
const how = z
  .strictObject({
    strategy: strategyName.optional().describe("Absent: consistent."),
    ramp: ramp.optional().describe("New transactions get the new version step by step; with strategy consistent only."),
    gates: gates.optional().describe("Checked at each step of the ramp."),
  })
  .refine((one) => unfitStrategy(one, [], () => false) === undefined, {
    message: "a ramp goes with strategy consistent only: leave one of them out",
    path: ["ramp"],
  });

const fields = z.strictObject({
  mode: z.enum(["distributed"]).default("distributed").describe("All instances work at the same time."),
  replicas: z.int().min(0).max(1000).default(1).describe("Instances wanted."),
  suspended: z.boolean().default(false).describe("True stops all instances and keeps everything else."),
  port: z.int().min(1).max(65_535).optional().describe("Loopback port on which every host's gateway offers the service; assigned when absent."),
  template: template.describe("Everything that makes one version; any change in it makes a new Revision and an update."),
  balancing: balancing.default({ algorithm: "roundRobin" }),
  timeout: someDuration.default("30s").describe("For the answer's beginning to a call."),
  retries: z.int().min(0).max(5).default(1).describe("Further tries of a call that was not sent, or that is idempotent and has no body."),
  concurrency: z
    .int()
    .min(1)
    .max(100_000)
    .default(1024)
    .describe(
      "Calls under way to one instance from one gateway at most, streams aside. One more waits a quarter of a second for a place, then is answered 503 gateway/busy.",
    ),
  concurrentStreams: z
    .int()
    .min(1)
    .max(100_000)
    .default(1024)
    .describe(
      "Streams (event streams, WebSockets, TCP connections) open to one instance from one gateway at most. They take no place of calls; one more is answered 503 gateway/busy.",
    ),
  streams: streams
    .default([])
    .describe(
      "Media types of answers that are streams, as in application/x-ndjson, multipart/*, or * for all: they may outlast maxTransaction, and are ended as drain.streams of the template says. text/event-stream always is one.",
    ),
  exclusive: z
    .boolean()
    .default(false)
    .describe(
      "True: its instances use a thing that only one revision may use at a time. An update hands it over: new transactions that can reach it are held for at most the Site's hold.",
    ),
  notDuring: z
    .array(
      z.strictObject({
        resource: label.describe("Name of a Resource."),
        condition: z.string().min(1).max(100).describe("A condition of its status, or a property that its probe observes as true or false."),
      }),
    )
    .max(20)
    .default([])
    .describe("The service is not updated while one of these is true, or not known."),
  restartedAt: time
    .optional()
    .describe(
      "Another time here restarts the instances one after the other, each when the one before is ready again: orrery restart. It makes no new version.",
    ),
  logs: logKeeping.optional().describe("How much of their output is kept."),
  update: how
    .optional()
    .describe("How its new versions come, whoever asks for them (a changed template, apply, up); what an Update says itself goes before it."),
  revisionHistoryLimit: z.int().min(1).max(50).default(10),
});

const spec = fields.superRefine(({ update, exclusive }, context) => {
  const unfit = update === undefined ? undefined : unfitStrategy(update, ["it"], () => exclusive);
  if (unfit !== undefined) context.addIssue({ code: "custom", path: ["update"], message: unfit });
});

const status = z.strictObject({
  observedGeneration: z.int().optional(),
  /** Hash of the template as last seen, without its files: what decides that a revision has to be made. */
  templateHash: z.string().optional(),
  /** Name of the revision made from the template as last seen. */
  revision: z.string().optional(),
  /** The revision that new transactions meet. */
  servedRevision: z.string().optional(),
  servedVersion: z.string().optional(),
  port: z.int().optional(),
  replicas: z.int().optional(),
  readyReplicas: z.int().optional(),
  updatedReplicas: z.int().optional(),
  conditions: conditions.optional(),
  observedAt: time.optional(),
});

export const microservice = defineKind({
  kind: "Microservice",
  // It stands in the names of Revisions and Instances, in labels, in host names and in variables.
  name: label,
  plural: "microservices",
  shortNames: ["ms"],
  scope: "Namespaced",
  description: "A service that Orrery runs: what to run, how many, how it is reached and watched.",
  spec,
  status,
  columns: [
    { name: "Version", type: "string", jsonPath: ".status.servedVersion", description: "Version that new transactions meet" },
    { name: "Desired", type: "integer", jsonPath: ".spec.replicas", description: "Instances wanted" },
    { name: "Ready", type: "integer", jsonPath: ".status.readyReplicas", description: "Instances that are ready" },
    { name: "Status", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: "Why it is ready or not" },
    { name: "Port", type: "integer", jsonPath: ".status.port", description: "Loopback port on every host", priority: 1 },
    { name: "Revision", type: "string", jsonPath: ".status.revision", description: "Revision of the template", priority: 1 },
    { name: "Balancing", type: "string", jsonPath: ".spec.balancing.algorithm", description: "Balancer", priority: 1 },
  ],
  scale: { specPath: ".spec.replicas", statusPath: ".status.replicas" },
});
export type Microservice = typeof microservice.$object;
