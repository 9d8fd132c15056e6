import { z } from "zod";
import { formatField, type Kind, type Outline, objectMeta, outlineOf, withoutNulls } from "#/model/index.ts";
import { isMap } from "./merge-patch.ts";

export interface Pruned {
  readonly object: unknown;
  /** The first hundred fields that were taken out, as people write them: `spec.template.replics`. */
  readonly removed: readonly string[];
  /** How many were taken out. */
  readonly count: number;
}

const REMOVED_TOLD_MAX = 100;
const FIELD_CHARACTERS_MAX = 200;

interface Removed {
  readonly fields: string[];
  count: number;
  /** Of what is being looked at. */
  readonly path: (string | number)[];
}

/** `object` without the fields that its kind does not know, and which those were. Unchanged parts are shared; nothing is removed from what is no map where the schema wants one (validation tells of that). */
export function pruneUnknown(kind: Kind, object: unknown): Pruned {
  const removed: Removed = { fields: [], count: 0, path: [] };
  return { object: pruneValue(outlineOf(wholeSchema(kind)), object, removed), removed: removed.fields, count: removed.count };
}

/** `object` without the fields that are null, at any depth, where its kind knows no null: as if they were not there. */
export function dropNulls<T>(kind: Kind, object: T): T {
  return withoutNulls(wholeSchema(kind), object) as T;
}

/** Making a schema costs more than pruning by it. */
const wholeSchemas = new WeakMap<Kind, z.ZodType>();

function wholeSchema(kind: Kind): z.ZodType {
  const known = wholeSchemas.get(kind);
  if (known !== undefined) return known;
  const schema = z.strictObject({ apiVersion: z.unknown(), kind: z.unknown(), metadata: objectMeta, spec: kind.spec, status: kind.status });
  wholeSchemas.set(kind, schema);
  return schema;
}

function pruneValue(outline: Outline, value: unknown, removed: Removed): unknown {
  if (typeof value !== "object" || value === null || outline.type === "leaf") return value;
  if (!isMap(value))
    return outline.type === "list" && Array.isArray(value) && outline.items !== undefined ? pruneList(outline.items, value, removed) : value;
  return outline.type === "list" ? value : pruneMap(outline, value, removed);
}

function pruneList(items: Outline, list: readonly unknown[], removed: Removed): unknown {
  if (items.type === "leaf") return list;
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    removed.path.push(index);
    const next = pruneValue(items, list[index], removed);
    removed.path.pop();
    if (next === list[index]) continue;
    copy ??= [...list];
    copy[index] = next;
  }
  return copy ?? list;
}

function pruneMap(outline: Outline, map: Readonly<Record<string, unknown>>, removed: Removed): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(map)) {
    const field = outline.fieldOf(key);
    if (field === undefined) {
      removed.count++;
      if (removed.fields.length < REMOVED_TOLD_MAX) removed.fields.push(formatField([...removed.path, key]).slice(0, FIELD_CHARACTERS_MAX));
      copy ??= { ...map };
      delete copy[key];
      continue;
    }
    const inner = map[key];
    if (typeof inner !== "object" || inner === null) continue;
    removed.path.push(key);
    const next = pruneValue(field, inner, removed);
    removed.path.pop();
    if (next === inner) continue;
    copy ??= { ...map };
    copy[key] = next;
  }
  return copy ?? map;
}
