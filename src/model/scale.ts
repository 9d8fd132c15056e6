import { z } from "zod";
import { defineKind } from "./kind.ts";

/** autoscaling/v1 Scale: the one number of an object that can be scaled. Never stored: it is a view of the object. */
export const scale = defineKind({
  kind: "Scale",
  plural: "scales",
  scope: "Namespaced",
  description: "How many instances are wanted, and how many there are.",
  spec: z.strictObject({ replicas: z.int().optional() }),
  status: z.strictObject({ replicas: z.int(), selector: z.string().optional() }),
  columns: [],
});
