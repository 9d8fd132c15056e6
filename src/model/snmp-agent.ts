import { z } from "zod";
import { parseEndpoint } from "#/base/index.ts";
import { conditions, time } from "./conditions.ts";
import { duration, someDuration } from "./duration.ts";
import { defineKind } from "./kind.ts";

/** Administrative names: they stand as indexes in tables of SNMP, where a name has at most 128 numbers. */
export const snmpName = z
  .string()
  .regex(/^[A-Za-z0-9][-A-Za-z0-9_.]{0,31}$/, "1 to 32 letters, digits, -, _ and ., the first a letter or digit")
  .meta({ description: "A name as SNMP has it: 1 to 32 characters." });

const isAddress = (text: string): boolean => z.ipv4().safeParse(text).success || z.ipv6().safeParse(text).success;
const isNetwork = (text: string): boolean => z.cidrv4().safeParse(text).success || z.cidrv6().safeParse(text).success;
export const address = z.string().max(45).refine(isAddress, "an IP address");
export const network = z
  .string()
  .max(49)
  .refine((text) => isAddress(text) || isNetwork(text), "an address or a network, such as 127.0.0.0/8 or ::1")
  .meta({ description: "An address or a network: 127.0.0.0/8, ::1." });

const line = z.string().regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, "one line of characters that can be printed");
/** DisplayString and SnmpAdminString end at 255 bytes, which are fewer characters in Chinese. */
const words = line.refine((text) => Buffer.byteLength(text, "utf8") <= 255, "at most 255 bytes").default("");

/** What a host's agent watches by itself: shares of what there is, in per cent. */
export const SNMP_THRESHOLDS = ["cpu", "disk", "memory", "swap"] as const;

const threshold = z
  .strictObject({
    name: z.enum(SNMP_THRESHOLDS),
    enabled: z.boolean().default(true),
    raise: z.int().min(1).max(100).describe("It is raised when so many per cent are in use, or more."),
    clear: z.int().min(0).max(99).describe("It is cleared when so many per cent are in use, or fewer."),
    delay: duration.default("1m").describe("So long it has to be, without a break, before it is told."),
  })
  .refine(({ raise, clear }) => clear < raise, { message: "lower than raise, so that what sways about it is told once", path: ["clear"] });

const target = z.strictObject({
  name: snmpName,
  address: z
    .string()
    .refine((text) => parseEndpoint(text) !== undefined, "ADDRESS:PORT, such as 127.0.0.1:162 or [::1]:162")
    .describe("Where it is sent, by UDP."),
  timeout: someDuration.default("1500ms").describe("How long an inform waits for its answer."),
  retries: z.int().min(0).max(255).default(3).describe("Further tries of an inform."),
  tags: z.array(snmpName).max(20).default(["trap"]).describe("Which entries of notify choose it."),
  params: snmpName.default("v2c").describe("Which entry of params says how it is sent."),
  enabled: z.boolean().default(true),
});

const params = z.strictObject({
  name: snmpName,
  version: z.enum(["v2c", "v3"]),
  user: snmpName.describe("v3: the SnmpUser. v2c: the name of a community; where there is none of that name, the community itself."),
  level: z.enum(["noAuthNoPriv", "authNoPriv", "authPriv"]).default("noAuthNoPriv"),
  enabled: z.boolean().default(true),
});

const notify = z.strictObject({
  name: snmpName,
  tag: snmpName,
  type: z.enum(["trap", "inform"]).default("trap").describe("An inform is sent again until it is answered."),
  enabled: z.boolean().default(true),
});

/** Of managers, and of devices that send traps. */
export const communities = z
  .array(
    z.strictObject({
      name: snmpName,
      value: z.string().min(1).max(64).describe("What managers of SNMPv2c show. They may read, and nothing else."),
      secret: z.boolean().default(false).describe("True: nobody is shown it."),
      from: z.array(network).min(1).max(50).default(["127.0.0.0/8", "::1"]).describe("Where it is taken from."),
    }),
  )
  .max(50)
  .meta({ listKey: "name" })
  .default([{ name: "public", value: "public", secret: false, from: ["127.0.0.0/8", "::1"] }]);

const spec = z.strictObject({
  listen: z
    .strictObject({
      address: address.default("127.0.0.1"),
      port: z
        .int()
        .min(1)
        .max(65_535)
        .default(1161)
        .describe("Where it is taken, or may not be opened (161 takes root), any free one is: the status says so."),
    })
    .prefault({}),
  contact: words.describe("sysContact: who looks after the host, and how to reach them."),
  location: words.describe("sysLocation: where it stands."),
  interval: someDuration
    .refine((text) => /^\d+s$/.test(text) && Number.parseInt(text, 10) <= 3600, "whole seconds from 1s to 3600s")
    .default("10s")
    .describe("How often figures of services and instances are collected."),
  communities,
  thresholds: z
    .array(threshold)
    .max(SNMP_THRESHOLDS.length)
    .meta({ listKey: "name" })
    .default([
      { name: "cpu", enabled: true, raise: 95, clear: 85, delay: "5m" },
      { name: "disk", enabled: true, raise: 95, clear: 90, delay: "1m" },
      { name: "memory", enabled: true, raise: 95, clear: 90, delay: "1m" },
      { name: "swap", enabled: true, raise: 90, clear: 80, delay: "5m" },
    ]),
  authenticationTraps: z.boolean().default(false).describe("snmpEnableAuthenTraps: whether a wrong community or key is told."),
  targets: z.array(target).max(50).meta({ listKey: "name" }).default([]).describe("snmpTargetAddrTable: who is told."),
  params: z
    .array(params)
    .max(50)
    .meta({ listKey: "name" })
    .default([{ name: "v2c", version: "v2c", user: "public", level: "noAuthNoPriv", enabled: true }])
    .describe("snmpTargetParamsTable: how it is told."),
  notify: z
    .array(notify)
    .max(50)
    .meta({ listKey: "name" })
    .default([
      { name: "inform", tag: "inform", type: "inform", enabled: true },
      { name: "trap", tag: "trap", type: "trap", enabled: true },
    ])
    .describe("snmpNotifyTable: which targets are told by traps, and which by informs."),
});

const status = z.strictObject({
  /** Where it listens: `127.0.0.1:1161`. */
  endpoint: z.string().optional(),
  /** snmpEngineID, in hexadecimal. */
  engineId: z.string().optional(),
  /** snmpEngineBoots. */
  boots: z.int().optional(),
  conditions: conditions.optional(),
  observedAt: time.optional(),
});

export const snmpAgent = defineKind({
  kind: "SnmpAgent",
  plural: "snmpagents",
  scope: "Cluster",
  isSiteWide: true,
  description:
    "The SNMP agent of the host of the same name: where it listens, who may read, what it watches, and whom it tells. An SNMP SET changes it.",
  spec,
  status,
  columns: [
    { name: "Endpoint", type: "string", jsonPath: ".status.endpoint", description: "Where it listens" },
    {
      name: "Status",
      type: "string",
      jsonPath: '.status.conditions[?(@.type=="Listening")].reason',
      description: "Whether it listens where it should",
    },
    { name: "Interval", type: "string", jsonPath: ".spec.interval", description: "How often figures are collected" },
    { name: "Targets", type: "string", jsonPath: ".spec.targets[*].address", description: "Whom it tells" },
    { name: "Engine", type: "string", jsonPath: ".status.engineId", description: "snmpEngineID", priority: 1 },
    { name: "Boots", type: "integer", jsonPath: ".status.boots", description: "snmpEngineBoots", priority: 1 },
  ],
});
export type SnmpAgent = typeof snmpAgent.$object;
export type SnmpSettings = (typeof snmpAgent)["$spec"];
