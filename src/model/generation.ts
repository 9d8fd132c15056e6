import { z } from "zod";
import { time } from "./conditions.ts";
import { defineKind } from "./kind.ts";

const spec = z.strictObject({
  number: z.int().min(1),
  /** Service to name of its revision. Never changes. */
  map: z.record(z.string(), z.string()),
  /** Why it was issued: the Update's name, or a sentence. */
  cause: z.string().optional(),
  history: z.string(),
});

const status = z.strictObject({
  phase: z.enum(["Preparing", "Distributing", "Holding", "Ramping", "Active", "Draining", "Closed", "Aborted"]).optional(),
  since: time.optional(),
  /** What it waits for: reason code, object, since when, what a person can do. */
  waits: z.array(z.strictObject({ reason: z.string(), object: z.string(), since: time, message: z.string() })).optional(),
  transactions: z.int().optional(),
});

export const generation = defineKind({
  kind: "Generation",
  plural: "generations",
  shortNames: ["gen"],
  scope: "Namespaced",
  description: "An immutable map from services to revisions. Each transaction belongs to one generation.",
  spec,
  status,
  isImmutable: true,
  columns: [
    { name: "Number", type: "integer", jsonPath: ".spec.number", description: "Its number" },
    { name: "Phase", type: "string", jsonPath: ".status.phase", description: "Where it stands" },
    { name: "Since", type: "date", jsonPath: ".status.since", description: "For how long" },
    { name: "Waits for", type: "string", jsonPath: ".status.waits[0].message", description: "What holds it back" },
    { name: "Waiting", type: "date", jsonPath: ".status.waits[0].since", description: "For how long it has waited for that" },
    { name: "Transactions", type: "integer", jsonPath: ".status.transactions", description: "Transactions begun in it" },
    { name: "Cause", type: "string", jsonPath: ".spec.cause", description: "Why it was issued", priority: 1 },
  ],
});
export type Generation = typeof generation.$object;
/** Name of the Generation `number` of a history. */
export function generationName(number: number): string {
  return `g${number}`;
}
