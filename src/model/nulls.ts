import type { z } from "zod";
import { type Outline, outlineOf } from "./outline.ts";

/** `value` without the fields that are null where `schema` knows no null, as Kubernetes reads it: null for a field is as good as no field, and a default stands in for it. A null in a list stays, and so does one under a field that nobody knows. Parts without such fields are shared. */
export function withoutNulls(schema: z.ZodType, value: unknown): unknown {
  return typeof value === "object" && value !== null ? withoutNullsOf(outlineOf(schema), value) : value;
}

function withoutNullsOf(outline: Outline, value: object): unknown {
  if (outline.type === "leaf") return value;
  if (Array.isArray(value)) return outline.type === "list" && outline.items !== undefined ? ofList(outline.items, value) : value;
  return outline.type === "list" ? value : ofMap(outline, value as Readonly<Record<string, unknown>>);
}

function ofList(items: Outline, list: readonly unknown[]): unknown {
  if (items.type === "leaf") return list;
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    if (typeof item !== "object" || item === null) continue;
    const next = withoutNullsOf(items, item);
    if (next === item) continue;
    copy ??= [...list];
    copy[index] = next;
  }
  return copy ?? list;
}

function ofMap(outline: Outline, map: Readonly<Record<string, unknown>>): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(map)) {
    const inner = map[key];
    if (typeof inner !== "object") continue;
    const field = outline.fieldOf(key);
    if (field === undefined) continue;
    if (inner === null) {
      if (field.takesNull) continue;
      copy ??= { ...map };
      delete copy[key];
      continue;
    }
    const next = withoutNullsOf(field, inner);
    if (next === inner) continue;
    copy ??= { ...map };
    copy[key] = next;
  }
  return copy ?? map;
}
