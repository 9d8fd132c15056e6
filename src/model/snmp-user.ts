import { z } from "zod";
import { defineKind } from "./kind.ts";
import { REDACTED } from "./run.ts";

/** Of the User-based Security Model, RFC 3414 and RFC 7860; MD5 is not among them. */
export const SNMP_AUTH_PROTOCOLS = ["SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"] as const;

export const snmpAuth = z.enum(SNMP_AUTH_PROTOCOLS);

const secret = z
  .strictObject({
    name: z.literal("password").default("password"),
    value: z.string().min(8, "at least 8 characters (RFC 3414)").max(200),
    secret: z.literal(true).default(true),
  })
  .describe("The password. Nobody is shown it.");

const userSpec = z
  .strictObject({
    auth: z.strictObject({ protocol: snmpAuth.default("SHA-256"), password: secret }),
    priv: z
      .strictObject({ protocol: z.literal("AES").default("AES"), password: secret })
      .optional()
      .describe("Absent: what it asks is not encrypted, and it changes nothing."),
    token: z
      .strictObject({
        name: z.literal("token").default("token"),
        // What is shown in its place is read and written back.
        value: z
          .string()
          .max(512)
          .refine((value) => value === REDACTED || value.length >= 16, "at least 16 characters"),
        secret: z.literal(true).default(true),
      })
      .optional()
      .describe(
        "A token of this site (orrery token create). An SNMP SET is a write with it: it may what its owner may. Absent: it reads, and changes nothing.",
      ),
  })
  .refine(({ token, priv }) => token === undefined || priv !== undefined, { message: "who may change something needs priv, too", path: ["token"] });

export const snmpUser = defineKind({
  kind: "SnmpUser",
  plural: "snmpusers",
  scope: "Cluster",
  isSiteWide: true,
  name: z.string().regex(/^[a-z0-9](?:[-a-z0-9]{0,30}[a-z0-9])?$/, "1 to 32 small letters, digits and dashes"),
  description: "A user of SNMPv3, known to the agents of all hosts: its keys, and on whose behalf it changes something.",
  spec: userSpec,
  status: z.strictObject({}),
  columns: [
    { name: "Auth", type: "string", jsonPath: ".spec.auth.protocol", description: "How it is authenticated" },
    { name: "Priv", type: "string", jsonPath: ".spec.priv.protocol", description: "How it is encrypted" },
    { name: "Writes", type: "string", jsonPath: ".spec.token.name", description: "Present: it may change what its token's owner may" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when" },
  ],
});
export type SnmpUser = typeof snmpUser.$object;
