import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { someDuration } from "./duration.ts";
import { defineKind } from "./kind.ts";
import { capability, shortSubdomain, subdomain } from "./names.ts";
import { probe } from "./probe.ts";
import { tooLongToStart } from "./program.ts";
import { environment, fileMapping } from "./run.ts";

const spec = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[A-Za-z0-9](?:[-._:/A-Za-z0-9]*[A-Za-z0-9])?$/, "letters, digits and - . _ : /"),
    type: z.enum(["human", "machine", "thing"]),
    displayName: z.string().max(200).optional(),
    description: z.string().max(4000).optional(),
    capabilities: z.array(capability).max(200).default([]),
    place: z.string().max(500).optional(),
    access: z
      .strictObject({
        protocol: z.string().max(50),
        address: z.string().max(500),
        credentialRef: z.string().max(253).optional().describe("Name of a secret; never the secret itself."),
      })
      .optional(),
    probe: probe.optional(),
    probeEnabled: z.boolean().default(true),
    files: z.array(fileMapping).max(100).default([]).describe("Files that the probe program needs, copied by content."),
    env: environment.default([]).describe("Environment of the probe program."),
    host: subdomain.optional().describe("Host that probes it; default any."),
    maxAge: someDuration.optional().describe("Observations older than this make the resource Stale; default three intervals of the probe."),
    desired: z.record(z.string(), z.unknown()).optional().describe("State that someone wants of it."),
  })
  .superRefine(({ probe, env }, context) => {
    const size = tooLongToStart([...(probe?.command ?? []), ...(probe?.args ?? [])], env);
    if (size !== undefined) context.addIssue({ code: "custom", path: ["env"], message: size });
  });

const status = z.strictObject({
  observedGeneration: z.int().optional(),
  observed: z.record(z.string(), z.unknown()).optional(),
  observedAt: time.optional(),
  /** Name of the Instance (and so the host) that observed it. */
  observedBy: z.string().optional(),
  error: z.string().optional(),
  probeInstance: z.string().optional(),
  conditions: conditions.optional(),
});

export const resource = defineKind({
  kind: "Resource",
  // Its probe is an Instance that is labelled with it.
  name: shortSubdomain,
  plural: "resources",
  shortNames: ["res"],
  scope: "Namespaced",
  description: "A person, a machine or a thing of the site: what it can do, where it is, how it is reached and observed.",
  spec,
  status,
  unique: [".spec.id"],
  selectableFields: [".spec.id", ".spec.type"],
  columns: [
    { name: "Id", type: "string", jsonPath: ".spec.id", description: "Site-wide unique id" },
    { name: "Type", type: "string", jsonPath: ".spec.type", description: "human, machine or thing" },
    { name: "Capabilities", type: "string", jsonPath: ".spec.capabilities", description: "What it can do" },
    { name: "Status", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: "Whether its state is known" },
    { name: "Observed", type: "date", jsonPath: ".status.observedAt", description: "Age of the observed state" },
    { name: "Place", type: "string", jsonPath: ".spec.place", description: "Where it is", priority: 1 },
    { name: "Access", type: "string", jsonPath: ".spec.access.address", description: "How it is reached", priority: 1 },
  ],
});
export type Resource = typeof resource.$object;
