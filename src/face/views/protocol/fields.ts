/** What several views are asked by. */
import { z } from "zod";

/** Rows of one window. */
export const WINDOW_ROWS_MAX = 1_000;
const WINDOW_ROWS_DEFAULT = 100;
const TEXT_MAX = 1_000;
export const LIST_MAX = 100;

export const name = z.string().min(1).max(253);
export const text = z.string().max(TEXT_MAX);
export const resource = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,62}(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?){0,10}$/, "the plural name of a kind as in the API: microservices, events");
export const window = {
  /** Of the first row that is shown. */
  offset: z.int().min(0).max(10_000_000).default(0),
  limit: z.int().min(0).max(WINDOW_ROWS_MAX).default(WINDOW_ROWS_DEFAULT),
};
/** Which objects: all of these must hold. */
export const selection = {
  resource,
  /** Absent: all. */
  namespace: name.optional(),
  /** Each of its words stands somewhere in the row: name, labels, columns, state; capitals or not. */
  search: text.optional(),
  /** A label selector, as in Kubernetes. */
  where: text.optional(),
  /** A field selector, as in Kubernetes. */
  fields: text.optional(),
  /** By facet, the values of which one must hold; `""` is "has none". */
  filter: z
    .record(z.string().min(1).max(400), z.array(text).min(1).max(LIST_MAX))
    .refine((map) => Object.keys(map).length <= 20, "at most 20 facets")
    .optional(),
};
export const facet = z.string().min(1).max(400).describe("state, reason, namespace, host, service, …, label:KEY, or a path such as .spec.type");
