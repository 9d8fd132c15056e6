import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { defineKind } from "./kind.ts";
import { label, subdomain } from "./names.ts";

const spec = z.strictObject({
  job: label.describe("Name of the Job."),
  scheduledAt: time.optional().describe("The time of the schedule that it is for; absent: it was asked for by hand, or the Job runs once."),
  stopped: z.boolean().optional().describe("True: it is stopped, or not begun; it stays in the history."),
});

const phase = z.enum(["Pending", "Running", "Succeeded", "Failed", "Stopped", "Skipped"]);
export type JobRunPhase = z.infer<typeof phase>;

const status = z.strictObject({
  phase: phase.optional(),
  version: z.string().optional(),
  /** Tries that were begun. */
  tries: z.int().optional(),
  /** Instance of the newest try; its log is the run's. */
  instance: z.string().optional(),
  host: z.string().optional(),
  startedAt: time.optional().describe("When its first try began; of the newest its Instance says it."),
  finishedAt: time.optional(),
  exitCode: z.int().optional(),
  signal: z.string().optional(),
  /** Last lines of its output. */
  lines: z.array(z.string()).optional(),
  conditions: conditions.optional(),
});

export const jobRun = defineKind({
  kind: "JobRun",
  plural: "jobruns",
  scope: "Namespaced",
  name: subdomain.max(240, "at most 240 characters, as its tries are called after it"),
  description: "One run of a Job, with what came of it. Made by the schedule, or by hand: orrery job run NAME.",
  spec,
  status,
  isImmutable: true,
  mutableFields: ["stopped"],
  selectableFields: [".spec.job", ".status.phase"],
  columns: [
    { name: "Job", type: "string", jsonPath: ".spec.job", description: "Its job" },
    { name: "Phase", type: "string", jsonPath: ".status.phase", description: "Where it stands" },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Complete")].reason', description: "Why" },
    { name: "Tries", type: "integer", jsonPath: ".status.tries", description: "Tries that were begun" },
    { name: "Host", type: "string", jsonPath: ".status.host", description: "Where it runs" },
    { name: "Started", type: "date", jsonPath: ".status.startedAt", description: "When its first try began" },
    { name: "Finished", type: "date", jsonPath: ".status.finishedAt", description: "When it was over" },
    { name: "Version", type: "string", jsonPath: ".status.version", description: "Version of its job", priority: 1 },
  ],
});
export type JobRun = typeof jobRun.$object;

/** True for a run that is over: nothing of it will be started any more. */
export function isOver({ status }: Pick<JobRun, "status">): boolean {
  return status?.phase !== undefined && status.phase !== "Pending" && status.phase !== "Running";
}
