import { z } from "zod";
import { parseEndpoint } from "#/base/index.ts";
import { alarmSeverity } from "./alarm.ts";
import { conditions, time } from "./conditions.ts";
import { duration, durationMs, shortTimeout, someDuration } from "./duration.ts";
import { httpUrl } from "./http-url.ts";
import { defineKind } from "./kind.ts";
import { shortSubdomain } from "./names.ts";
import { environment } from "./run.ts";
import { labelSelector } from "./selector-text.ts";
import { snmpName } from "./snmp-agent.ts";
import { snmpAuth } from "./snmp-user.ts";

const address = z
  .string()
  .max(320)
  .regex(/^[^\s@<>,;"()\\]+@[^\s@<>,;"()\\]+$/, "an address, as in ops@example.org");

const email = z.strictObject({
  to: z.array(address).min(1).max(50),
  from: address,
  server: z.strictObject({
    host: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[A-Za-z0-9.:_-]+$/, "a host name or address"),
    port: z.int().min(1).max(65_535).default(587),
    tls: z.enum(["required", "whenOffered", "none", "implicit"]).default("required").describe("implicit: from the first byte, port 465."),
    user: z.string().max(320).optional().describe("Its password is the secret SMTP_PASSWORD."),
  }),
});

const webhook = z.strictObject({
  url: httpUrl.refine((text) => !/^https?:\/\/[^/]*@/.test(text), "no password in the address: give it among the secrets, as AUTHORIZATION"),
  body: z
    .string()
    .max(20_000)
    .optional()
    .describe(
      "A template of the body, JSON: {{status}}, {{count}}, {{title}}, {{text}}, {{severity}} are put in, as JSON text. Absent: as Alertmanager sends it.",
    ),
});

const command = z.strictObject({
  command: z
    .array(z.string().min(1).max(4_096))
    .min(1)
    .max(100)
    .describe("A program on the centre's machine and its arguments; it reads what is told as JSON from its input."),
});

const trap = z
  .strictObject({
    to: z
      .string()
      .refine((text) => parseEndpoint(text) !== undefined, "ADDRESS:PORT, such as 127.0.0.1:162 or [::1]:162")
      .describe("Who is told, by UDP."),
    version: z.enum(["v2c", "v3"]).default("v2c"),
    inform: z.boolean().default(true).describe("True: told until it is answered. False: sent once, and nobody knows whether it arrived."),
    retries: z.int().min(0).max(10).default(3).describe("Further tries of an inform within one delivery."),
    wait: someDuration.default("1500ms").describe("How long an inform waits for its answer."),
    user: snmpName.optional().describe("Of v3: the user's name there; its passwords are the secrets SNMP_AUTH and SNMP_PRIV."),
    auth: snmpAuth.default("SHA-256").describe("Of v3: by which its messages are signed; they are encrypted by AES-128."),
  })
  .refine(({ version, user }) => version === "v2c" || user !== undefined, { message: "v3 takes a user", path: ["user"] });

const spec = z
  .strictObject({
    email: email.optional(),
    webhook: webhook.optional(),
    command: command.optional(),
    trap: trap.optional().describe("SNMP traps or informs of ORRERY-MIB: orreryAlarmReported and orreryAlarmEnded."),
    secrets: environment
      .default([])
      .describe(
        "Entries with secret: true: SMTP_PASSWORD, WEBHOOK_KEY (for the signature, whsec_…), AUTHORIZATION (that field of the request), SNMP_COMMUNITY, SNMP_AUTH, SNMP_PRIV.",
      ),
    severities: z.array(alarmSeverity).min(1).max(4).optional().describe("These alone; absent: all."),
    labels: labelSelector.optional().describe("Alarms with these labels alone."),
    after: duration.default("0s").describe("Told only of what nobody has acknowledged so long after it was raised: the next person."),
    every: someDuration.default("10s").describe("One message in this time; what comes meanwhile stands in the next one."),
    timeout: shortTimeout.default("10s").describe("A delivery that takes longer has failed, and is tried again."),
    heartbeat: someDuration
      .optional()
      .describe("Of a webhook: told so often that the centre is alive, so that whoever listens notices when it is not."),
    disabled: z.boolean().default(false),
  })
  .refine(
    ({ email, webhook, command, trap }) => [email, webhook, command, trap].filter((one) => one !== undefined).length === 1,
    "give one of email, webhook, command, trap",
  )
  .refine(
    ({ trap, timeout }) => trap === undefined || durationMs(trap.wait) * (trap.retries + 1) <= durationMs(timeout),
    "timeout is shorter than the tries of an inform: wait, once more than retries",
  )
  .refine(({ heartbeat, webhook }) => heartbeat === undefined || webhook !== undefined, "a heartbeat goes by a webhook");

const status = z.strictObject({
  lastDeliveredAt: time.optional(),
  delivered: z.int().optional(),
  failures: z.int().optional(),
  failingSince: time.optional(),
  /** What is being told and may not have arrived: told again as it was after a crash, so that whoever got it knows it by its id. */
  sending: z
    .strictObject({
      id: z.string(),
      alarms: z.array(z.strictObject({ name: z.string(), occurrence: z.int(), severity: alarmSeverity, condition: z.enum(["raised", "cleared"]) })),
    })
    .optional(),
  conditions: conditions.optional(),
});

export const alarmChannel = defineKind({
  kind: "AlarmChannel",
  plural: "alarmchannels",
  shortNames: ["alc"],
  scope: "Cluster",
  isSiteWide: true,
  name: shortSubdomain,
  description: "Where alarms are told: by e-mail, a webhook, SNMP traps, or a command of the centre's machine.",
  spec,
  status,
  columns: [
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: "Whether deliveries arrive" },
    { name: "Severities", type: "string", jsonPath: ".spec.severities[*]", description: "Which ones it is told" },
    { name: "After", type: "string", jsonPath: ".spec.after", description: "How long nobody has acknowledged" },
    { name: "Delivered", type: "integer", jsonPath: ".status.delivered", description: "Messages so far" },
    { name: "Last", type: "date", jsonPath: ".status.lastDeliveredAt", description: "When the last one went" },
  ],
});
export type AlarmChannel = typeof alarmChannel.$object;
