import type { z } from "zod";
import { type Outline, outlineOf } from "./outline.ts";

/** Values of a `spec` or `status`: scalars, lists and maps together. What is done with an object at each write costs so much. */
export const OBJECT_VALUES_MAX = 50_000;
/** As deep as what is read may be. What walks a value calls itself for each level. */
export const OBJECT_DEPTH_MAX = 100;

/** Elements of a list, and keys of a map, for which the schema has no bound of its own. */
const ITEMS_MAX = 5_000;

/** Where and why `value` is more than an object may hold, before a schema looks at each part of it; `undefined` if it is not. */
export function findOversize(
  schema: z.ZodType,
  value: unknown,
): { readonly path: readonly (string | number)[]; readonly allowed: string } | undefined {
  const { values, levels } = sizeOf(value);
  if (levels > OBJECT_DEPTH_MAX) return { path: [], allowed: `at most ${OBJECT_DEPTH_MAX} levels of maps and lists` };
  if (values > OBJECT_VALUES_MAX) return { path: [], allowed: `at most ${OBJECT_VALUES_MAX} values in all` };
  return values <= ITEMS_MAX ? undefined : findLong(outlineOf(schema), value, []);
}

type Oversize = NonNullable<ReturnType<typeof findOversize>>;

/** A list or map whose parts the schema would look at one by one. */
function findLong(outline: Outline, value: unknown, path: readonly (string | number)[]): Oversize | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const isList = Array.isArray(value);
  const entries: readonly (readonly [string | number, unknown])[] = isList ? value.map((item, index) => [index, item]) : Object.entries(value);
  if (entries.length > ITEMS_MAX && (outline.type === "list" || outline.type === "record"))
    return { path, allowed: `at most ${ITEMS_MAX} ${isList ? "elements" : "keys"}` };
  if (outline.type === "leaf" || isList !== (outline.type === "list")) return undefined;
  for (const [key, inner] of entries) {
    const field = isList ? outline.items : outline.fieldOf(String(key));
    const found = field === undefined ? undefined : findLong(field, inner, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

export interface Size {
  readonly values: number;
  /** Of texts and keys. */
  readonly characters: number;
  /** Maps and lists inside of each other. */
  readonly levels: number;
}

/** How large a JSON-like value is. Beyond what an object may have it is not looked at to its end: the numbers are then too large, and not exact. */
export function sizeOf(value: unknown): Size {
  let [values, characters, levels] = [0, 0, 0];
  const count = (inner: unknown, level: number): void => {
    values++;
    if (typeof inner === "string") characters += inner.length;
    if (typeof inner !== "object" || inner === null) return;
    levels = Math.max(levels, level + 1);
    if (levels > OBJECT_DEPTH_MAX) return;
    if (Array.isArray(inner)) {
      for (let index = 0; index < inner.length && values <= OBJECT_VALUES_MAX; index++) count(inner[index], level + 1);
      return;
    }
    for (const key in inner) {
      if (values > OBJECT_VALUES_MAX) return;
      characters += key.length;
      count((inner as Readonly<Record<string, unknown>>)[key], level + 1);
    }
  };
  count(value, 0);
  return { values, characters, levels };
}
