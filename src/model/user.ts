import { z } from "zod";
import { time } from "./conditions.ts";
import { defineKind } from "./kind.ts";
import { shortSubdomain } from "./names.ts";
import { groupName } from "./role.ts";
import { labelSelector } from "./selector-text.ts";

const grant = z.strictObject({
  role: shortSubdomain.describe("Name of a Role."),
  where: labelSelector.optional().describe("For objects with these labels alone; absent: for the whole site."),
});

const identity = z.strictObject({
  issuer: z
    .string()
    .max(500)
    .regex(/^https?:\/\/[-.:/A-Za-z0-9_~%[\]]+$/, "an address that begins with https://, as the provider tells it")
    .describe("Address of the OpenID Connect provider."),
  subject: z
    .string()
    .min(1)
    .max(255)
    .describe("How the provider calls the person (`sub`): a name or an address may be given to somebody else one day."),
});

const spec = z.strictObject({
  displayName: z.string().max(200).optional(),
  groups: z.array(groupName).max(100).default([]).describe("Groups, beside those that a provider tells."),
  roles: z.array(grant).max(100).default([]).describe("Roles, beside those of the groups."),
  person: shortSubdomain
    .optional()
    .describe("Whose account it is. Those of one person have the same here, and count as one where two people are needed."),
  disabled: z.boolean().default(false).describe("True: may do nothing, and whatever is open ends."),
  language: z.enum(["en", "zh"]).optional().describe("Of the console; absent: as the browser says."),
  identities: z.array(identity).max(10).default([]).describe("Who of an OpenID Connect provider this is."),
});

/** Who holds a token of the data folder is known by one of these. A User of the same name would be taken for them: in the audit, in sessions, and by whoever reads who changed something. */
export const MACHINE_NAMES = ["admin", "viewer", "agent", "gateway"] as const;

export const user = defineKind({
  kind: "User",
  plural: "users",
  scope: "Cluster",
  // It stands in headers, logs and the audit.
  name: shortSubdomain.refine((name) => !MACHINE_NAMES.some((one) => one === name), {
    error: `another name: ${MACHINE_NAMES.join(", ")} are the tokens of the data folder, and no Users`,
  }),
  description: "A person, or a program of one's own, and the roles that it has. It holds no password and no token.",
  spec,
  status: z.strictObject({
    /** When a person of this name came last; written at most once a minute. */
    lastSeen: time.optional(),
  }),
  columns: [
    { name: "Name", type: "string", jsonPath: ".spec.displayName", description: "What the person is called" },
    { name: "Roles", type: "string", jsonPath: ".spec.roles[*].role", description: "Roles, beside those of the groups" },
    { name: "Groups", type: "string", jsonPath: ".spec.groups[*]", description: "Groups" },
    { name: "Disabled", type: "boolean", jsonPath: ".spec.disabled", description: "Whether it may do nothing" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when" },
  ],
});
export type User = typeof user.$object;
