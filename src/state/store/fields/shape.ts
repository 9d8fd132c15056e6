import { z } from "zod";
import { type Kind, unwrap } from "#/model/index.ts";

/** How the parts of a value are owned and merged: fields of a map one by one, elements of a keyed list by key, elements of a set by value; `atom` as a whole; `unknown` as the value itself looks (maps by field, lists as a whole). */
export type Shape =
  | { readonly type: "map"; readonly fields: ReadonlyMap<string, Shape>; readonly others: Shape }
  | { readonly type: "list"; readonly key: string; readonly items: Shape }
  | { readonly type: "set" }
  | { readonly type: "atom" }
  | { readonly type: "unknown" };

const ATOM: Shape = { type: "atom" };
const UNKNOWN: Shape = { type: "unknown" };
const NONE: ReadonlyMap<string, Shape> = new Map();

/** Fields of the metadata that someone may own. All others are the store's. */
const METADATA: Shape = {
  type: "map",
  fields: new Map<string, Shape>([
    ["labels", { type: "map", fields: NONE, others: ATOM }],
    ["annotations", { type: "map", fields: NONE, others: ATOM }],
    ["finalizers", { type: "set" }],
    ["ownerReferences", { type: "list", key: "uid", items: { type: "map", fields: NONE, others: ATOM } }],
  ]),
  others: UNKNOWN,
};

/** The shape of whole objects of `kind`. */
export function shapeOfKind(kind: Kind): Shape {
  let shape = shapes.get(kind.spec);
  if (shape === undefined) {
    shape = {
      type: "map",
      fields: new Map([
        ["metadata", METADATA],
        ["spec", shapeOf(kind.spec)],
        ["status", shapeOf(kind.status)],
      ]),
      others: UNKNOWN,
    };
    shapes.set(kind.spec, shape);
  }
  return shape;
}

const shapes = new WeakMap<z.ZodType, Shape>();

/** The shape that a schema gives its values: lists are keyed where their `.meta()` has a `listKey`, else atomic. */
export function shapeOf(wrapped: z.ZodType): Shape {
  const schema = unwrap(wrapped);
  if (schema instanceof z.ZodObject)
    return {
      type: "map",
      fields: new Map(Object.entries(schema.shape).map(([name, field]) => [name, shapeOf(field as z.ZodType)])),
      others: UNKNOWN,
    };
  if (schema instanceof z.ZodRecord) return { type: "map", fields: NONE, others: shapeOf(schema.valueType as z.ZodType) };
  if (schema instanceof z.ZodArray) {
    const key = findListKey(wrapped);
    return key === undefined ? ATOM : { type: "list", key, items: shapeOf(schema.element as z.ZodType) };
  }
  return schema instanceof z.ZodUnknown || schema instanceof z.ZodAny ? UNKNOWN : ATOM;
}

/** The mark may stand on the list itself or on a wrapper such as `.default([])`. */
function findListKey(wrapped: z.ZodType): string | undefined {
  for (let schema = wrapped; ; ) {
    const key = schema.meta()?.["listKey"];
    if (typeof key === "string") return key;
    const inner =
      schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable
        ? (schema.def.innerType as z.ZodType)
        : undefined;
    if (inner === undefined) return undefined;
    schema = inner;
  }
}

/** The shape that is in force for `value`: `unknown` resolved by looking at it. */
export function shapeFor(shape: Shape, value: unknown): Shape {
  if (shape.type !== "unknown") return shape;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? UNKNOWN_MAP : ATOM;
}

const UNKNOWN_MAP: Shape = { type: "map", fields: NONE, others: UNKNOWN };

/** The shape of the field `name` of a map. */
export function fieldShape(shape: Shape & { readonly type: "map" }, name: string): Shape {
  return shape.fields.get(name) ?? shape.others;
}
