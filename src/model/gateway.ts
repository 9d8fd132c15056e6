import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { defineKind } from "./kind.ts";

const spec = z.strictObject({
  host: z.string(),
  roles: z.array(z.enum(["edge", "host"])).min(1),
  edge: z.strictObject({ address: z.string().default("127.0.0.1"), port: z.int().min(0).max(65_535) }).optional(),
});

const status = z.strictObject({
  incarnation: z.int().optional(),
  /** When a start last found the incarnation before ended with calls open. */
  incarnationSince: time.optional(),
  /** Until then they may be in flight: the longest transaction of that time, wherever it began. */
  unknownUntil: time.optional(),
  /** Newest generation when that was noted: later ones the incarnation before never saw. */
  incarnationCounter: z.int().optional(),
  /** Where the edge listens, if it does. */
  edgeAddress: z.string().optional(),
  conditions: conditions.optional(),
  observedAt: time.optional(),
});

export const gateway = defineKind({
  kind: "Gateway",
  plural: "gateways",
  shortNames: ["gw"],
  scope: "Cluster",
  description: "A proxy of Orrery: at the edge (outside to services), on a host (services to services), or both.",
  spec,
  status,
  columns: [
    { name: "Host", type: "string", jsonPath: ".spec.host", description: "Where it runs" },
    { name: "Roles", type: "string", jsonPath: ".spec.roles", description: "edge, host" },
    {
      name: "Status",
      type: "string",
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: "Whether it is connected and holds the newest table",
    },
    { name: "Edge", type: "string", jsonPath: ".status.edgeAddress", description: "Where the edge listens" },
    { name: "Incarnation", type: "integer", jsonPath: ".status.incarnation", description: "How often it has started", priority: 1 },
  ],
});
export type Gateway = typeof gateway.$object;
