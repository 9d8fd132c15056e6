import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { duration, someDuration } from "./duration.ts";
import { defineKind } from "./kind.ts";
import { label, version } from "./names.ts";
import { environment, fileMapping, runSpec, script } from "./run.ts";
import { findScheduleFault, findTimeZoneFault } from "./schedule.ts";

/** What a run of a job is: the same as a service's template, without what only a server has (ports, health, drain). */
const jobTemplate = z.strictObject({
  version,
  files: z.array(fileMapping).max(100).default([]).describe("Files that belong to this version, as a service's."),
  run: runSpec.describe("The program, started without a shell. Exit status 0: the run has succeeded."),
  env: environment.default([]).describe("Environment, beside what Orrery sets (HTTP_PROXY, SERVICE_<NAME>_URL, ORRERY_JOB, ORRERY_RUN, …)."),
  scripts: z
    .array(script)
    .max(100)
    .meta({ listKey: "name" })
    .default([])
    .describe("`start` runs before the program, `stop` instead of SIGTERM, any other on demand."),
  grace: duration.default("10s").describe("From SIGTERM to SIGKILL."),
  calls: z.array(label).max(500).optional().describe("Services that it may call; absent: any."),
});

const concurrency = z
  .enum(["forbid", "replace", "allow"])
  .default("forbid")
  .describe("While a run goes on, a new one is left out (forbid), takes its place (replace), or runs beside it (allow, at most 100).");

const spec = z
  .strictObject({
    template: jobTemplate.describe("What one run is; each run keeps what it was when it began."),
    schedule: z
      .string()
      .max(200)
      .optional()
      .describe(
        "Cron expression: minute hour day month weekday, with seconds before them where six are given, or @hourly, @daily, …. Absent: it runs once, and once more for each new `template.version`.",
      ),
    timeZone: z.string().max(100).default("UTC").describe("IANA name of the schedule's time zone, as in Europe/Berlin."),
    suspended: z.boolean().default(false).describe("True: nothing is started by itself; what runs goes on, and it can be run by hand."),
    timeout: someDuration.default("1h").describe("The longest that one try may take; then it is stopped, and has failed."),
    retries: z.int().min(0).max(20).default(0).describe("Further tries of a run that has failed."),
    retryDelay: duration.default("10s").describe("Before the first further try; doubled before each later one, up to 10 minutes."),
    concurrency,
    startingDeadline: duration
      .default("1h")
      .describe(
        "The latest that a run may begin after its time, where the centre was down, or no host could take it. Of several missed times only the last is made up for.",
      ),
    history: z
      .strictObject({ succeeded: z.int().min(1).max(100).default(10), failed: z.int().min(1).max(100).default(10) })
      .default({ succeeded: 10, failed: 10 })
      .describe("How many runs that are over are kept, with their logs."),
  })
  .superRefine(({ schedule, timeZone }, context) => {
    const zoneFault = findTimeZoneFault(timeZone);
    if (zoneFault !== undefined) context.addIssue({ code: "custom", path: ["timeZone"], message: zoneFault });
    const fault = schedule === undefined ? undefined : findScheduleFault(schedule, timeZone);
    if (fault !== undefined) context.addIssue({ code: "custom", path: ["schedule"], message: fault });
  });

const status = z.strictObject({
  observedGeneration: z.int().optional(),
  /** The schedule as last seen: a changed one begins anew. */
  schedule: z.strictObject({ expression: z.string(), timeZone: z.string(), suspended: z.boolean() }).optional(),
  /** All times of the schedule until then have been decided. */
  decidedUntil: time.optional(),
  /** Time of the schedule for which a run was last made. */
  lastScheduledAt: time.optional(),
  nextScheduledAt: time.optional(),
  /** Versions for which it has run once. */
  ranVersions: z.array(z.string()).optional(),
  /** JobRuns that are not over. */
  active: z.int().optional(),
  succeeded: z.int().optional(),
  failed: z.int().optional(),
  /** Times that were left out: nobody was there to start a run, or another one went on. */
  missed: z.int().optional(),
  lastRun: z.string().optional(),
  conditions: conditions.optional(),
});

export const job = defineKind({
  kind: "Job",
  plural: "jobs",
  scope: "Namespaced",
  name: label,
  description: "Work that ends: run once, or by the clock. Each time is a JobRun.",
  spec,
  status,
  columns: [
    { name: "Schedule", type: "string", jsonPath: ".spec.schedule", description: "When it runs; empty: once" },
    { name: "Suspended", type: "boolean", jsonPath: ".spec.suspended", description: "Whether it is started by hand only" },
    { name: "Active", type: "integer", jsonPath: ".status.active", description: "Runs that are not over" },
    { name: "Last", type: "string", jsonPath: ".status.lastRun", description: "Its newest run" },
    { name: "Status", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: "What came of it" },
    { name: "Next", type: "string", jsonPath: ".status.nextScheduledAt", description: "Next time, UTC", priority: 1 },
    { name: "Time zone", type: "string", jsonPath: ".spec.timeZone", description: "Of the schedule", priority: 1 },
  ],
});
export type Job = typeof job.$object;
