import { z } from "zod";
import { formatField, type Kind, objectMeta, unwrap, withoutNulls } from "#/model/index.ts";
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
}

/** `object` without the fields that its kind does not know, and which those were. Unchanged parts are shared; nothing is removed from what is no map where the schema wants one (validation tells of that). */
export function pruneUnknown(kind: Kind, object: unknown): Pruned {
  const removed: Removed = { fields: [], count: 0 };
  return { object: pruneValue(wholeSchema(kind), object, [], removed), removed: removed.fields, count: removed.count };
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

function pruneValue(wrapped: z.ZodType, value: unknown, path: readonly (string | number)[], removed: Removed): unknown {
  if (typeof value !== "object" || value === null) return value;
  const schema = unwrap(wrapped);
  if (Array.isArray(value)) {
    if (!(schema instanceof z.ZodArray)) return value;
    const items = value.map((item, index) => pruneValue(schema.element as z.ZodType, item, [...path, index], removed));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (!isMap(value)) return value;
  if (schema instanceof z.ZodRecord) return pruneMap(value, path, removed, () => schema.valueType as z.ZodType);
  if (schema instanceof z.ZodObject)
    return pruneMap(value, path, removed, (key) => (Object.hasOwn(schema.shape, key) ? (schema.shape[key] as z.ZodType) : undefined));
  return value;
}

function pruneMap(
  value: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
  removed: Removed,
  schemaOf: (key: string) => z.ZodType | undefined,
): unknown {
  const pruned: Record<string, unknown> = {};
  let isSame = true;
  for (const key of Object.keys(value)) {
    const schema = schemaOf(key);
    if (schema === undefined) {
      removed.count++;
      if (removed.fields.length < REMOVED_TOLD_MAX) removed.fields.push(formatField([...path, key]).slice(0, FIELD_CHARACTERS_MAX));
      isSame = false;
      continue;
    }
    pruned[key] = pruneValue(schema, value[key], [...path, key], removed);
    isSame &&= pruned[key] === value[key];
  }
  return isSame ? value : pruned;
}
