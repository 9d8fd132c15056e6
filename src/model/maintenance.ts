import { z } from "zod";
import { alarmTargets } from "./alarm-rule.ts";
import { time } from "./conditions.ts";
import { defineKind } from "./kind.ts";

const spec = z
  .strictObject({
    of: z.array(alarmTargets).min(1).max(100).describe("Objects that are worked on. What hangs on them is silent, too, as everything on a host."),
    types: z.array(z.string().min(1).max(200)).min(1).max(100).optional().describe("Alarms of these types alone; absent: all."),
    from: time.optional().describe("Absent: at once."),
    until: time.optional().describe("Absent: out of service until somebody deletes this."),
    reason: z.string().min(1).max(2_000).describe("Why, for those who wonder about the silence."),
  })
  .refine(({ from, until }) => from === undefined || until === undefined || Date.parse(from) < Date.parse(until), "until must come after from");

export const maintenance = defineKind({
  kind: "Maintenance",
  plural: "maintenances",
  shortNames: ["mt"],
  scope: "Cluster",
  isSiteWide: true,
  description: "A time in which alarms of some objects are not told, since people work on them; without an end they are out of service.",
  spec,
  status: z.strictObject({ phase: z.enum(["Planned", "Active", "Over"]).optional(), silenced: z.int().optional() }),
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase", description: "Planned, Active or Over" },
    { name: "Kinds", type: "string", jsonPath: ".spec.of[*].kind", description: "Kinds of what is worked on" },
    { name: "From", type: "string", jsonPath: ".spec.from", description: "Since when" },
    { name: "Until", type: "string", jsonPath: ".spec.until", description: "Absent: out of service" },
    { name: "Silenced", type: "integer", jsonPath: ".status.silenced", description: "Alarms that are not told for it" },
    { name: "Reason", type: "string", jsonPath: ".spec.reason", description: "Why" },
  ],
});
export type Maintenance = typeof maintenance.$object;
