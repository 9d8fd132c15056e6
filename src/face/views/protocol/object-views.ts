/** Views of objects, of how many there are, and of topics; and their rows. */
import { z } from "zod";
import { facet, name, resource, selection, text, window } from "./fields.ts";

/** Of the keys that a view of a topic may name. */
const KEYS_MAX = 1_000;

export const objectsView = z.strictObject({
  of: z.literal("objects"),
  ...selection,
  /** By a column's name, a facet or a path; ties by key. Absent: by key. What has no such value comes last, whichever way. */
  sort: z.strictObject({ by: facet, descending: z.boolean().default(false) }).optional(),
  ...window,
  /** What a row holds: absent the object; `table` the cells of the kind's columns; paths those values. */
  columns: z.union([z.literal("table"), z.array(z.string().min(1).max(300)).min(1).max(50)]).optional(),
});
export const objectView = z.strictObject({ of: z.literal("object"), resource, name, namespace: name.optional() });
export const topicView = z.strictObject({
  of: z.literal("topic"),
  topic: z.string().min(1).max(100),
  key: z.string().max(1_000).optional(),
  /** Of these alone, such as those of the rows that are shown. */
  keys: z.array(z.string().max(1_000)).max(KEYS_MAX).optional(),
  search: text.optional(),
  ...window,
});
export const countsView = z.strictObject({ of: z.literal("counts"), ...selection, by: facet, limit: window.limit });

export type ObjectsView = z.output<typeof objectsView>;
export type CountsView = z.output<typeof countsView>;
export type TopicView = z.output<typeof topicView>;

/** State of an object in the console's words; worst first. */
export const SEVERITIES = ["critical", "major", "minor", "unknown", "changing", "off", "normal"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a row of `objects` holds where `columns` is `table` or a list of paths. */
export interface TableRow {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  /** Values as they stand in the object; dates are RFC 3339, not ages. null: there is none. */
  readonly cells: readonly unknown[];
  readonly state?: ObjectState;
}

/** How an object is, by one rule for all kinds. */
export interface ObjectState {
  readonly severity: Severity;
  /** The word for it, such as `Ready`, `Backoff`, `Draining`. */
  readonly word: string;
  /** RFC 3339. */
  readonly since?: string;
  /** As whoever saw it wrote it. */
  readonly message?: string;
}

export interface TopicRow {
  readonly value: unknown;
}

export interface CountRow {
  /** Value of the facet; empty: has none. */
  readonly value: string;
  readonly count: number;
}
