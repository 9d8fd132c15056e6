import { z } from "zod";
import { conditions, time, timestamp } from "./conditions.ts";
import { duration, minReady } from "./duration.ts";
import { health } from "./health.ts";
import { defineKind } from "./kind.ts";
import { logLevelHook } from "./log-level.ts";
import { logKeeping } from "./logs.ts";
import { label } from "./names.ts";
import { probe } from "./probe.ts";
import { busyCheck, environment, runSpec, script, servicePort, volumeMounts } from "./run.ts";

/** What an instance may do: `passive` gets no messages and starts nothing, `active` works, `draining` finishes what it has. */
export const duty = z.enum(["passive", "active", "draining"]);
export type Duty = z.infer<typeof duty>;

/** Everything the agent needs, so that it runs without the centre. Of `run` and `probe` exactly one is there. */
const spec = z
  .strictObject({
    host: z.string().describe("Host whose agent runs it."),
    slot: z.int().min(0).describe("Place among its revision's instances; never two processes for one slot."),
    service: label.optional(),
    version: z.string().optional(),
    revision: z.string().optional(),
    resource: z.string().optional().describe("Name of the Resource whose probe it is."),
    job: label.optional().describe("Name of the Job that it is a run of."),
    jobRun: z.string().optional().describe("Name of its JobRun; `slot` is the number of the try."),
    once: z
      .strictObject({
        timeout: duration.optional().describe("The longest that it may take."),
        scheduledAt: time.optional().describe("The time of the schedule for which it was made."),
        isCancelled: z.boolean().optional().describe("True: it is to be stopped, and kept for its result and log."),
      })
      .optional()
      .describe("It is started once, and never again, whatever comes of it."),
    generation: z.int().min(1).optional().describe("The generation of its calls that carry none; absent: that of each call's moment."),
    duty: duty.default("active"),
    exclusive: z
      .boolean()
      .optional()
      .describe(
        "Its service is exclusive: while an instance of another revision on its host may be more than passive, it is not told that it is, whatever `duty` says.",
      ),
    neededBy: z
      .int()
      .min(0)
      .optional()
      .describe("Newest generation that has asked for this instance. Nobody who knows only older ones may delete it."),
    run: runSpec.optional(),
    probe: probe.optional().describe("Built-in probe that the agent carries out itself, or the interval and timeout of a probe program in `run`."),
    artifact: z.string().optional(),
    rendered: z.array(z.string()).max(100).optional().describe("Files of the artifact into which variables are put at each start."),
    env: environment.default([]),
    ports: z.array(servicePort).meta({ listKey: "name" }).default([]),
    health: health.default({}),
    scripts: z.array(script).meta({ listKey: "name" }).default([]),
    minReady: minReady.optional().describe("Ready for so long without a break, it is available. Absent: at once."),
    grace: duration.default("10s"),
    volumes: volumeMounts.optional().describe("Its data that outlives it: those of its service and slot."),
    calls: z.array(label).optional(),
    busy: busyCheck.optional(),
    stateUrl: z.strictObject({ path: z.string() }).optional(),
    restart: z
      .strictObject({ at: z.string().max(100), isFree: z.boolean().optional() })
      .optional()
      .describe(
        "`at`: its service's `restartedAt` as it was told last. Until a process runs that was started since then (`status.restartedAt`) it gets no calls. `isFree`: no gateway sends it any, so that its process may be ended.",
      ),
    logs: logKeeping.optional(),
    logLevel: logLevelHook.optional(),
  })
  .refine((one) => one.run !== undefined || one.probe !== undefined, "give run or probe");

const status = z.strictObject({
  phase: z.enum(["Pending", "Starting", "Running", "Backoff", "Stopping", "Stopped", "Failed", "Succeeded"]).optional(),
  /** Of a run of a job that is over: what came of it. Unknown: it ended and nobody saw how. Interrupted: stopped with everything on its host. */
  outcome: z.enum(["Succeeded", "Failed", "TimedOut", "Cancelled", "Interrupted", "Unknown"]).optional(),
  ready: z.boolean().optional(),
  /** It was ready, and is not only because nothing comes of its readiness check in time: it may be busy, and is called where no other instance is ready. */
  unanswered: z.boolean().optional(),
  /** It has been ready for `minReady` without a break and without a restart, and still is: an update may count on it. */
  available: z.boolean().optional(),
  pid: z.int().optional(),
  /** RFC 3339: start of the process that runs now; of a run of a job that is over, its start. */
  startedAt: time.optional(),
  /** Assigned ports by name; they listen on 127.0.0.1 and are kept through restarts. */
  ports: z.record(z.string(), z.int()).optional(),
  /** The instance's own loopback address, 127.a.b.c, on which its host's gateway knows it as a caller. */
  callerAddress: z.string().optional(),
  /** `spec.restart.at` as it was when the process that runs was started. */
  restartedAt: z.string().optional(),
  /** Duty that the instance has been told. */
  duty: duty.optional(),
  restarts: z.int().optional(),
  lastExit: z
    .strictObject({
      code: z.int().optional(),
      signal: z.string().optional(),
      at: time,
      /** Last lines of its output. */
      lines: z.array(z.string()).optional(),
    })
    .optional(),
  conditions: conditions.optional(),
  observedAt: time.optional(),
  observedBy: z.string().optional(),
});

export const instance = defineKind({
  kind: "Instance",
  plural: "instances",
  shortNames: ["inst"],
  scope: "Namespaced",
  description: "One running copy of a revision, or one probe, on one host.",
  spec,
  status,
  selectableFields: [".spec.host", ".spec.service", ".spec.revision", ".spec.job", ".spec.jobRun", ".status.phase"],
  columns: [
    { name: "Service", type: "string", jsonPath: ".spec.service", description: "Its service" },
    { name: "Version", type: "string", jsonPath: ".spec.version", description: "Its version" },
    { name: "Host", type: "string", jsonPath: ".spec.host", description: "Where it runs" },
    { name: "Phase", type: "string", jsonPath: ".status.phase", description: "What it does" },
    { name: "Ready", type: "boolean", jsonPath: ".status.ready", description: "Whether calls may come" },
    { name: "Duty", type: "string", jsonPath: ".status.duty", description: "passive, active or draining" },
    { name: "Restarts", type: "integer", jsonPath: ".status.restarts", description: "Restarts so far" },
    { name: "PID", type: "integer", jsonPath: ".status.pid", description: "Process id", priority: 1 },
    { name: "Address", type: "string", jsonPath: ".status.callerAddress", description: "Its loopback address as a caller", priority: 1 },
    { name: "Revision", type: "string", jsonPath: ".spec.revision", description: "Its revision", priority: 1 },
  ],
});
export type Instance = typeof instance.$object;

const RETRY = "; it is started again at ";

/** Told behind what has happened: when an instance is started again, if it is not deleted before. */
export function tellRetry(retryAtMs: number): string {
  return `${RETRY}${timestamp(retryAtMs)}`;
}

/** What has happened to an instance, without when it was to be started again: for whoever tells it later, or takes the instance away. */
export function withoutRetry(message: string): string {
  return message.replace(/; it is started again at \d{4}-\d\d-\d\dT[\d:.]+Z/, "");
}

/** True if calls may come to it: it is ready, or was, and only gives no answer to its readiness check in time; and nobody has asked it to stop, or to begin again. */
export function isCallable(one: Instance): boolean {
  return !isLeaving(one) && (one.status?.ready === true || one.status?.unanswered === true);
}

/** True if no new calls may come to it: somebody has asked it to stop, or to begin again and it has not yet. */
export function isLeaving(one: Instance): boolean {
  return one.metadata.deletionTimestamp !== undefined || !isRestarted(one);
}

/** True if its process was started since it was last asked to begin again. */
export function isRestarted({ spec, status }: Instance): boolean {
  return spec.restart === undefined || status?.restartedAt === spec.restart.at;
}

/** True if an update may count on it: it is ready, and has been for as long as its template asks. */
export function isProven({ metadata, status }: Instance): boolean {
  return metadata.deletionTimestamp === undefined && status?.ready === true && status.available === true;
}

/** The finalizer by which the agent keeps an Instance until its processes are gone. */
export const INSTANCE_FINALIZER = "orrery.dev/agent";

/** The finalizer by which the centre keeps an Instance until every gateway has forgotten its address. While it is there on an Instance being deleted,
 *  the agent leaves the process running: calls may still come. The agent frees the ports when the Instance is gone. */
export const TRAFFIC_FINALIZER = "orrery.dev/traffic";
