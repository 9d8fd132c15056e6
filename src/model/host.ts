import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { defineKind } from "./kind.ts";

const spec = z.strictObject({
  cordoned: z.boolean().default(false).describe("True: no new instances are placed here."),
  instancesMax: z.int().min(1).optional(),
});

const status = z.strictObject({
  facts: z
    .strictObject({
      os: z.string(),
      kernel: z.string(),
      architecture: z.string(),
      cpus: z.int(),
      memoryBytes: z.int(),
      bootedAt: time.optional(),
      agentVersion: z.string(),
    })
    .optional(),
  addresses: z.array(z.string()).optional(),
  conditions: conditions.optional(),
  observedAt: time.optional(),
});

export const host = defineKind({
  kind: "Host",
  plural: "hosts",
  scope: "Cluster",
  description: "A physical or virtual machine with an agent. Its use (CPU, memory, disks, network, load) is read live.",
  spec,
  status,
  columns: [
    { name: "Status", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: "Whether its agent answers" },
    { name: "Cordoned", type: "boolean", jsonPath: ".spec.cordoned", description: "No new instances" },
    { name: "OS", type: "string", jsonPath: ".status.facts.os", description: "Operating system" },
    { name: "CPUs", type: "integer", jsonPath: ".status.facts.cpus", description: "Processors", priority: 1 },
    { name: "Architecture", type: "string", jsonPath: ".status.facts.architecture", description: "CPU architecture", priority: 1 },
    { name: "Agent", type: "string", jsonPath: ".status.facts.agentVersion", description: "Version of its agent", priority: 1 },
  ],
});
export type Host = typeof host.$object;
