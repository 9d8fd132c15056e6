import { z } from "zod";
import { defineKind } from "./kind.ts";

const promql = z.string().min(1).max(10_000);

/** How values are written; `percent` is of 100, `share` of 1. */
export const PLOT_UNITS = ["number", "percent", "share", "bytes", "bytesPerSecond", "seconds", "perSecond", "celsius"] as const;

const line = z.strictObject({
  promql: promql.describe("In PromQL; $NAME is the value chosen for a variable, $range a fitting time for rate()."),
  legend: z.string().max(200).optional().describe("Of each line; {{label}} is put in. Absent: the labels in which the lines differ."),
});

const plot = z.strictObject({
  title: z.string().min(1).max(200),
  lines: z.array(line).min(1).max(20),
  unit: z.enum(PLOT_UNITS).default("number"),
  limit: z.number().min(-1e300).max(1e300).optional().describe("Drawn as a thin band: where it begins to be too much."),
  max: z.number().min(-1e300).max(1e300).optional().describe("Where the scale ends at the least, as 100 of percent."),
  wide: z.boolean().default(false).describe("Over the whole width."),
});

const variable = z.strictObject({
  name: z
    .string()
    .max(60)
    .regex(/^[a-z][A-Za-z0-9_]*$/, "letters, digits and _, as in host")
    .refine((name) => name !== "range", "range is the time for rate() already"),
  of: z.string().min(1).max(2_000).describe("Series whose label it is, as in host_load."),
  label: z
    .string()
    .max(200)
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a label")
    .describe("Its values are offered."),
});

const spec = z.strictObject({
  title: z.string().min(1).max(200).optional().describe("Absent: its name."),
  description: z.string().max(2_000).optional().describe("Which question it answers."),
  variables: z
    .array(variable)
    .max(5)
    .meta({ listKey: "name" })
    .default([])
    .describe("What one chooses above the plots, put in where an expression has $NAME."),
  plots: z.array(plot).min(1).max(40),
});

export const dashboard = defineKind({
  kind: "Dashboard",
  plural: "dashboards",
  shortNames: ["db"],
  scope: "Cluster",
  description: "Plots that somebody looks at together, on the page Monitoring of the console.",
  spec,
  status: z.strictObject({}),
  columns: [
    { name: "Title", type: "string", jsonPath: ".spec.title", description: "Absent: its name" },
    { name: "Plots", type: "string", jsonPath: ".spec.plots[*].title", description: "What they show" },
  ],
});
export type Dashboard = typeof dashboard.$object;
