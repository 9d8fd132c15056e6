import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { defineKind } from "./kind.ts";
import { address, communities } from "./snmp-agent.ts";

/** The one receiver of a site. */
export const SNMP_RECEIVER = "site";

const spec = z.strictObject({
  enabled: z.boolean().default(true).describe("False: nothing is listened to."),
  listen: z
    .strictObject({
      address: address.default("127.0.0.1"),
      port: z
        .int()
        .min(1)
        .max(65_535)
        .default(162)
        .describe("Where it is taken, or may not be opened (162 takes root), 1162 is, else any free one: the status says so."),
    })
    .prefault({}),
  communities: communities.describe("Which communities of SNMPv1 and v2c are believed, and from where. Users of SNMPv3 are SnmpUsers."),
});

const status = z.strictObject({
  /** Where it listens: `127.0.0.1:1162`. */
  endpoint: z.string().optional(),
  /** snmpEngineID for informs, in hexadecimal. */
  engineId: z.string().optional(),
  conditions: conditions.optional(),
  observedAt: time.optional(),
});

export const snmpReceiver = defineKind({
  kind: "SnmpReceiver",
  plural: "snmpreceivers",
  scope: "Cluster",
  isSiteWide: true,
  description: "Where the site takes traps and informs of devices, and from whom. There is one, named site.",
  name: z.literal(SNMP_RECEIVER),
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
    { name: "Engine", type: "string", jsonPath: ".status.engineId", description: "snmpEngineID for informs", priority: 1 },
  ],
});
export type SnmpReceiver = typeof snmpReceiver.$object;
