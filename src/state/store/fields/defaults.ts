import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { ManagedFieldsEntry } from "#/model/index.ts";
import { isMap } from "../merge-patch.ts";
import { elementKey } from "./difference.ts";
import { EMPTY, type FieldSet, isEmpty, unite } from "./field-set.ts";
import { fieldsOfEntry } from "./managed-fields.ts";
import { fieldShape, type Shape, shapeFor } from "./shape.ts";

export interface PartOfObject {
  readonly name: "spec" | "status";
  readonly schema: z.ZodType;
  readonly shape: Shape;
  /** As it is stored, with defaults. */
  readonly value: unknown;
}

/** A stored part without what nobody wished, which the defaults have filled in: an apply then does not meet the defaults of a former wish. The part as it is where that cannot be told: what nobody owns is not all defaults. */
export function withoutDefaults({ name, schema, shape, value }: PartOfObject, entries: readonly ManagedFieldsEntry[]): unknown {
  const owned = entries.reduce((all, entry) => unite(all, fieldsOfEntry(entry)), EMPTY)[`f:${name}`];
  if (owned === undefined || value === undefined) return value;
  const wished = keepOwned(shape, value, owned);
  if (wished === value) return value;
  const filled = schema.safeParse(wished);
  return filled.success && isDeepStrictEqual(filled.data, value) ? wished : value;
}

/** What of `value` is in `owned`; `value` itself if all is. */
function keepOwned(unresolved: Shape, value: unknown, owned: FieldSet): unknown {
  const shape = shapeFor(unresolved, value);
  if (shape.type === "map" && isMap(value)) {
    const kept: Record<string, unknown> = {};
    let isSame = true;
    for (const key of Object.keys(value)) {
      const node = owned[`f:${key}`];
      if (node === undefined) {
        isSame = false;
        continue;
      }
      kept[key] = keepOwned(fieldShape(shape, key), value[key], node);
      isSame &&= kept[key] === value[key];
    }
    return isSame ? value : kept;
  }
  if (!Array.isArray(value)) return value;
  if (shape.type === "set") return filtered(value, (item) => owned[`v:${JSON.stringify(item)}`] !== undefined);
  if (shape.type !== "list") return value;
  const items = value.flatMap((item: unknown) => {
    const node = owned[elementKey(shape.key, item)];
    // Its key stands in its name.
    return node === undefined ? [] : [keepOwned(shape.items, item, isEmpty(node) ? node : { ...node, [`f:${shape.key}`]: EMPTY })];
  });
  return items.length === value.length && items.every((item, index) => item === value[index]) ? value : items;
}

function filtered(list: readonly unknown[], test: (item: unknown) => boolean): readonly unknown[] {
  const kept = list.filter(test);
  return kept.length === list.length ? list : kept;
}
