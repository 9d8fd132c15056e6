import { z } from "zod";
import { unwrap } from "./violation.ts";

/** `value` without the fields that are null where `schema` knows no null, as Kubernetes reads it: null for a field is as good as no field, and a default stands in for it. A null in a list stays, and so does one under a field that nobody knows. Parts without such fields are shared. */
export function withoutNulls(wrapped: z.ZodType, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const schema = unwrap(wrapped);
  if (Array.isArray(value)) {
    if (!(schema instanceof z.ZodArray)) return value;
    const element = schema.element as z.ZodType;
    const items = value.map((item) => withoutNulls(element, item));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const schemaOf = fieldSchemas(schema);
  if (schemaOf === undefined) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [key, inner] of Object.entries(value)) {
    const field = schemaOf(key);
    const next = field === undefined ? inner : inner === null && !isNullable(field) ? undefined : withoutNulls(field, inner);
    if (next === inner) continue;
    copy ??= { ...value };
    if (next === undefined) delete copy[key];
    else copy[key] = next;
  }
  return copy ?? value;
}

/** The schema of each field of a map, if `schema` is one of maps. */
export function fieldSchemas(schema: z.ZodType): ((key: string) => z.ZodType | undefined) | undefined {
  if (schema instanceof z.ZodRecord) return () => schema.valueType as z.ZodType;
  if (schema instanceof z.ZodObject) return (key) => (Object.hasOwn(schema.shape, key) ? (schema.shape[key] as z.ZodType) : undefined);
  return undefined;
}

/** Asking a schema costs more than remembering. */
const nullable = new WeakMap<z.ZodType, boolean>();

function isNullable(schema: z.ZodType): boolean {
  let answer = nullable.get(schema);
  if (answer === undefined) {
    answer = schema.safeParse(null).success;
    nullable.set(schema, answer);
  }
  return answer;
}
