import { z } from "zod";
import { alarmSeverity } from "./alarm.ts";
import { conditions } from "./conditions.ts";
import { duration, someDuration } from "./duration.ts";
import { httpUrl } from "./http-url.ts";
import { defineKind } from "./kind.ts";
import { label, shortSubdomain } from "./names.ts";
import { labelSelector } from "./selector-text.ts";
import { network } from "./snmp-agent.ts";

const SHORT = 100;

/** Objects: by kind, labels and names. */
export const alarmTargets = z.strictObject({
  kind: z.string().min(1).max(SHORT).describe("Microservice, Instance, Host and so on."),
  labels: labelSelector.optional().describe("With these labels alone, as kubectl get -l takes them."),
  names: z.array(z.string().min(1).max(253)).min(1).max(1_000).optional().describe("Of these names alone."),
});

const number = z.number().min(-1e300).max(1e300);
const limits = {
  above: number.optional().describe("Raised above it."),
  below: number.optional().describe("Raised below it."),
  clear: number.optional().describe("Cleared only on the other side of this (hysteresis); absent: of the limit itself."),
};

const condition = z.strictObject({
  type: z.string().min(1).max(SHORT).describe("Type of the object's condition, as Ready."),
  status: z
    .array(z.enum(["True", "False", "Unknown"]))
    .min(1)
    .max(3)
    .default(["False"])
    .describe("Raised while it has one of these."),
  reasons: z.array(z.string().min(1).max(SHORT)).min(1).max(SHORT).optional().describe("And one of these reasons; absent: any."),
});

const field = z.strictObject({
  path: z
    .string()
    .max(500)
    .regex(/^(?:\.[A-Za-z0-9_-]+|\['[^']+'\]|\[\d+\])+$/, "a path to a number, as in .status.observed.temperature")
    .describe("Where the number stands in the object."),
  ...limits,
});

const waits = z.strictObject({
  reasons: z.array(z.string().min(1).max(SHORT)).min(1).max(SHORT).optional().describe("For these reasons alone; absent: for any."),
});

const series = z.strictObject({
  selector: z.string().min(1).max(2_000).optional().describe('Series, as in host_cpu_percent{host="a"}: looked at as each sample comes.'),
  promql: z
    .string()
    .min(1)
    .max(10_000)
    .optional()
    .describe(
      "An expression without a comparison, evaluated every 15 s; the limit is said beside it, so that what has no data is not taken for well.",
    ),
  ...limits,
});

const oid = z
  .string()
  .max(500)
  .regex(/^[012](?:\.(?:0|[1-9]\d{0,9})){1,60}$/, "numbers, as in 1.3.6.1.6.3.1.1.5.3; which ones a name has: orrery snmp mib NAME");

const trap = z
  .strictObject({
    raise: z.array(oid).min(1).max(50).describe("Traps or informs that raise it, by their snmpTrapOID."),
    clear: z.array(oid).max(50).default([]).describe("Those that clear it, of the same device and with the same key."),
    key: z
      .array(oid)
      .max(5)
      .default([])
      .describe("Variables that tell apart several of one device, as 1.3.6.1.2.1.2.2.1.1 (ifIndex); absent: a device has one alarm of this rule."),
    from: z.array(network).min(1).max(50).optional().describe("From these addresses and networks alone."),
    lasts: someDuration.optional().describe("Cleared by itself so long after the last one that raised it; absent: until it is cleared or closed."),
  })
  .refine(({ raise, clear }) => !clear.some((one) => raise.includes(one)), { message: "one that raises cannot clear", path: ["clear"] });

const hasLimit = ({ above, below }: { above?: number | undefined; below?: number | undefined }): boolean =>
  (above === undefined) !== (below === undefined);
const isClearRight = ({ above, below, clear }: { above?: number | undefined; below?: number | undefined; clear?: number | undefined }): boolean =>
  clear === undefined || (above !== undefined ? clear <= above : below === undefined || clear >= below);

const spec = z
  .strictObject({
    of: alarmTargets.optional().describe("The objects that it looks at; absent where it looks at series."),
    condition: condition.optional().describe("A condition of the object."),
    field: field
      .refine(hasLimit, "give above or below")
      .refine(isClearRight, "clear must lie on the good side of the limit")
      .optional()
      .describe("A number in the object."),
    waits: waits.optional().describe("That the object waits for something, by its status.waits; delay says how long is too long."),
    series: series
      .refine(({ selector, promql }) => (selector === undefined) !== (promql === undefined), "give selector or promql")
      .refine(hasLimit, "give above or below")
      .refine(isClearRight, "clear must lie on the good side of the limit")
      .optional()
      .describe("Measured values."),
    trap: trap.optional().describe("Traps of devices, that the site's SnmpReceiver takes."),
    severity: alarmSeverity.default("major"),
    delay: duration.default("0s").describe("Raised after it has lasted so long."),
    clearDelay: duration.default("0s").describe("Cleared after it has been well so long."),
    text: z
      .string()
      .max(2_000)
      .optional()
      .describe(
        "What is seen; {name}, {kind}, {reason}, {message} and {value} are put in; of a trap {key}, {values} and {from}. Absent: what the object says of itself.",
      ),
    action: z.string().max(2_000).optional().describe("What to do."),
    response: someDuration.optional().describe("Within what time somebody should begin."),
    runbook: httpUrl.optional().describe("A page that tells more."),
    labels: z.record(label, label).optional().describe("Put on its alarms, beside those of the object: for channels and rights."),
    suppresses: z
      .boolean()
      .default(false)
      .describe("True: alarms of what hangs on the object are consequences while this is raised, and are not told."),
    disabled: z.boolean().default(false).describe("True: it is looked at no more, and its alarms stay as they are, unobserved."),
  })
  .refine(
    ({ condition, field, waits, series, trap }) => [condition, field, waits, series, trap].filter((one) => one !== undefined).length === 1,
    "give one of condition, field, waits, series, trap",
  )
  .refine(
    ({ of, series, trap }) => (of === undefined) === (series !== undefined || trap !== undefined),
    "say of which objects (of), but not beside series or trap",
  );

const status = z.strictObject({
  /** Objects or series that it looks at now, and how many of them are not as they should be. */
  observed: z.int().optional(),
  raised: z.int().optional(),
  conditions: conditions.optional(),
});

export const alarmRule = defineKind({
  kind: "AlarmRule",
  plural: "alarmrules",
  shortNames: ["alr"],
  scope: "Cluster",
  isSiteWide: true,
  // It stands in labels of its alarms.
  name: shortSubdomain,
  description:
    "What is an alarm: a condition or a number of objects, or a limit of measured values. Those that come with Orrery are labelled orrery.dev/built-in.",
  spec,
  status,
  columns: [
    { name: "Kind", type: "string", jsonPath: ".spec.of.kind", description: "Kind of the objects that it looks at" },
    { name: "Severity", type: "string", jsonPath: ".spec.severity", description: "How bad" },
    { name: "Delay", type: "string", jsonPath: ".spec.delay", description: "How long it must last" },
    { name: "Disabled", type: "boolean", jsonPath: ".spec.disabled", description: "Whether it is looked at" },
    { name: "Works", type: "string", jsonPath: '.status.conditions[?(@.type=="Evaluated")].reason', description: "Whether it can be evaluated" },
    { name: "Response", type: "string", jsonPath: ".spec.response", description: "Within what time somebody should begin", priority: 1 },
  ],
});
export type AlarmRule = typeof alarmRule.$object;
