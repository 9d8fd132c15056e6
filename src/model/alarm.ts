import { z } from "zod";
import { time } from "./conditions.ts";
import { defineKind } from "./kind.ts";

/** From the worst: a person must act now; something does not work; it works and not as it should; it will not for long. */
export const ALARM_SEVERITIES = ["critical", "major", "minor", "warning"] as const;
export type AlarmSeverity = (typeof ALARM_SEVERITIES)[number];
export const alarmSeverity = z.enum(ALARM_SEVERITIES);

/** What an alarm is about. */
export const alarmResource = z.strictObject({
  kind: z.string().min(1).max(100),
  namespace: z.string().max(63).optional(),
  name: z.string().min(1).max(500),
});

const spec = z.strictObject({
  resource: alarmResource.describe("What it is about."),
  type: z.string().min(1).max(200).describe("Name of its AlarmRule, of a built-in check, or what another system calls it."),
  qualifier: z.string().max(500).optional().describe("Which of several of one type that the resource may have."),
});

const person = z.string().max(200);
const words = z.string().max(2_000);

const status = z.strictObject({
  /** Where it stands for an operator. */
  stands: z.enum(["Unacknowledged", "Acknowledged", "Cleared", "Shelved", "Suppressed", "OutOfService", "Closed", "Over", "Pending"]).optional(),
  /** For lists: what nobody has acknowledged first, then the worst. */
  rank: z.int().optional(),
  severity: alarmSeverity.optional(),
  /** What was observed, whatever operators say. `none`: not raised yet, it has not lasted long enough. */
  condition: z.enum(["raised", "cleared", "none"]).optional(),
  /** How often it was raised. */
  occurrence: z.int().optional(),
  /** What is seen. */
  text: words.optional(),
  /** What to do. */
  action: words.optional(),
  /** Within what time somebody should begin. */
  response: z.string().optional(),
  runbook: z.string().max(1_000).optional(),
  raisedAt: time.optional(),
  clearedAt: time.optional(),
  /** When its severity last changed while it was raised. */
  severityAt: time.optional(),
  /** Nobody has told since then whether it still holds: it stays as it was. */
  unobservedSince: time.optional(),
  /** On its way to another condition or severity, since when; kept through restarts. */
  turning: z.strictObject({ to: z.enum(["raised", "cleared"]), severity: alarmSeverity.optional(), elapsedMs: z.number() }).optional(),
  /** It comes and goes: held together as raised until it is calm. */
  flapping: z.strictObject({ since: time, changes: z.int() }).optional(),
  /** The last times at which it was raised or cleared. */
  turns: z.array(time).max(20).optional(),
  operator: z
    .strictObject({
      state: z.enum(["unacknowledged", "acknowledged", "closed"]),
      by: person.optional(),
      at: time.optional(),
      message: words.optional(),
    })
    .optional(),
  shelved: z.strictObject({ until: time, by: person, at: time, message: words }).optional(),
  /** Not shown among the active ones, and why. */
  suppressed: z
    .strictObject({
      why: z.enum(["cause", "maintenance", "out-of-service"]),
      /** The alarm that is the cause, or the Maintenance. */
      by: z.string(),
      message: words,
      since: time,
      until: time.optional(),
    })
    .optional(),
  /** What each channel was told last, so that nobody is told twice. */
  told: z
    .array(
      z.strictObject({
        channel: z.string(),
        occurrence: z.int(),
        severity: alarmSeverity,
        condition: z.enum(["raised", "cleared"]),
        at: time,
      }),
    )
    .meta({ listKey: "channel" })
    .optional(),
  /** The newest changes, the last at the end. */
  history: z.array(z.strictObject({ at: time, what: z.string(), by: person.optional(), message: words.optional() })).optional(),
  /** An alarm of another system: until then it is held to be raised without being told again. */
  expires: time.optional(),
});

export const alarm = defineKind({
  kind: "Alarm",
  plural: "alarms",
  shortNames: ["al"],
  scope: "Cluster",
  description:
    "Something of a resource that is not as it should be: what was observed, apart from what operators say to it. Made and changed by the centre; operators act by: orrery alarms.",
  spec,
  status,
  isImmutable: true,
  selectableFields: [".status.stands", ".status.severity", ".spec.type", ".spec.resource.kind", ".spec.resource.name"],
  columns: [
    { name: "Severity", type: "string", jsonPath: ".status.severity", description: "critical, major, minor or warning" },
    { name: "Stands", type: "string", jsonPath: ".status.stands", description: "Where it stands for an operator" },
    { name: "Kind", type: "string", jsonPath: ".spec.resource.kind", description: "Kind of what it is about" },
    { name: "Resource", type: "string", jsonPath: ".spec.resource.name", description: "What it is about" },
    { name: "Type", type: "string", jsonPath: ".spec.type", description: "Which rule" },
    { name: "Raised", type: "date", jsonPath: ".status.raisedAt", description: "Since when" },
    { name: "Text", type: "string", jsonPath: ".status.text", description: "What is seen" },
    { name: "By", type: "string", jsonPath: ".status.operator.by", description: "Who acknowledged or closed it", priority: 1 },
    { name: "Condition", type: "string", jsonPath: ".status.condition", description: "raised or cleared", priority: 1 },
    { name: "Times", type: "integer", jsonPath: ".status.occurrence", description: "How often it was raised", priority: 1 },
  ],
});
export type Alarm = typeof alarm.$object;
export type AlarmStatus = NonNullable<Alarm["status"]>;

/** Its place in lists: what nobody has acknowledged first, then the worst. */
export function alarmRank(stands: AlarmStatus["stands"], severity: AlarmSeverity): number {
  const at = stands === undefined ? -1 : ACTIVE_STANDS.indexOf(stands);
  return 10 * (at < 0 ? ACTIVE_STANDS.length : at) + ALARM_SEVERITIES.indexOf(severity);
}

/** Where alarms stand that a person should look at, the first first. */
export const ACTIVE_STANDS: readonly NonNullable<AlarmStatus["stands"]>[] = ["Unacknowledged", "Acknowledged", "Cleared"];
