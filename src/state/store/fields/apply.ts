import { OrreryError } from "#/base/index.ts";
import type { ManagedFieldsEntry } from "#/model/index.ts";
import { isMap } from "../merge-patch.ts";
import { sealedCopy } from "../sealed-copy.ts";
import { differenceOf, elementKey, fieldsOf } from "./difference.ts";
import { EMPTY, type FieldSet, intersect, isEmpty, pathsOf, subtract, unite } from "./field-set.ts";
import { fieldsOfEntry, isOf, type Writer } from "./managed-fields.ts";
import { fieldShape, type Shape, shapeFor } from "./shape.ts";

export interface ApplyRequest {
  readonly title: string;
  readonly shape: Shape;
  /** The object as it is: `metadata`, `spec`, `status`; `undefined` if there is none. */
  readonly live: unknown;
  /** The writer's whole wish, without the fields that are the store's. */
  readonly config: unknown;
  readonly entries: readonly ManagedFieldsEntry[];
  readonly writer: Writer;
  readonly force: boolean;
}

export interface Applied {
  /** The object as it shall be, before defaults. */
  readonly merged: unknown;
  /** Fields of the wish. */
  readonly fields: FieldSet;
  /** Fields that other managers lose. */
  readonly taken: FieldSet;
}

/** Server-side apply: what is wished is merged in, and what the writer wished formerly but no longer, and nobody else owns, is taken out.
 *  @throws store/apply-conflict: it would change fields of others and `force` is off */
export function applyConfig(request: ApplyRequest): Applied {
  const { shape, live, config, entries, writer } = request;
  const fields = fieldsOf(shape, config);
  const others = entries.filter((entry) => !isOf(entry, writer));
  const merged = live === undefined ? config : sealedCopy(merge(shape, live, config), live);
  const taken = takenFromOthers(request, others, merged);
  const own = entries.find((entry) => isOf(entry, writer));
  const kept = others.reduce((all, entry) => unite(all, subtract(fieldsOfEntry(entry), taken)), fields);
  const dropped = own === undefined ? EMPTY : subtract(fieldsOfEntry(own), kept);
  return { merged: isEmpty(dropped) ? merged : prune(shape, merged, dropped, kept), fields, taken };
}

function takenFromOthers({ title, shape, live, force, writer }: ApplyRequest, others: readonly ManagedFieldsEntry[], merged: unknown): FieldSet {
  if (live === undefined || others.length === 0) return EMPTY;
  const { changed } = differenceOf(shape, live, merged);
  if (isEmpty(changed)) return EMPTY;
  const conflicts: { manager: string; operation: string; field: string; time?: string; subresource?: string }[] = [];
  let taken = EMPTY;
  for (const entry of others) {
    const common = intersect(changed, fieldsOfEntry(entry));
    taken = unite(taken, common);
    for (const field of pathsOf(common)) {
      const { manager = "unknown", operation = "Update", time, subresource } = entry;
      conflicts.push({ manager, operation, field, ...(time !== undefined && { time }), ...(subresource !== undefined && { subresource }) });
    }
  }
  if (conflicts.length === 0 || force) return taken;
  const text = conflicts.slice(0, 10).map(({ manager, field }) => `${field} is ${JSON.stringify(manager)}'s`);
  if (conflicts.length > 10) text.push(`and ${conflicts.length - 10} more`);
  throw new OrreryError(
    "store/apply-conflict",
    `${title}: ${JSON.stringify(writer.manager)} would change fields that others set: ${text.join(", ")}; leave them out, give them the same value, or take them over with force`,
    { details: { conflicts } },
  );
}

/** `config` over `live`. */
function merge(unresolved: Shape, live: unknown, config: unknown): unknown {
  const shape = shapeFor(unresolved, config);
  if (shape.type === "map" && isMap(live) && isMap(config)) {
    const merged: Record<string, unknown> = { ...live };
    for (const key of Object.keys(config))
      if (key !== "__proto__" && config[key] !== undefined) merged[key] = merge(fieldShape(shape, key), live[key], config[key]);
    return merged;
  }
  if (!Array.isArray(live) || !Array.isArray(config)) return config;
  if (shape.type === "list") return mergeLists(shape, live, config);
  if (shape.type === "set") return [...live, ...config.filter((item) => !live.includes(item))];
  return config;
}

/** The wish's elements in its order; elements of others stay behind the element that they follow now. */
function mergeLists(shape: Shape & { readonly type: "list" }, live: readonly unknown[], config: readonly unknown[]): unknown {
  const before = new Map(live.map((item) => [elementKey(shape.key, item), item]));
  const merged = config
    .map((item) => [elementKey(shape.key, item), item] as const)
    .map(([key, item]) => [key, before.has(key) ? merge(shape.items, before.get(key), item) : item] as const);
  const wished = new Set(merged.map(([key]) => key));
  let previous: string | undefined;
  for (const key of before.keys()) {
    if (!wished.has(key))
      merged.splice(previous === undefined ? 0 : merged.findIndex(([other]) => other === previous) + 1, 0, [key, before.get(key)]);
    previous = key;
  }
  return merged.map(([, item]) => item);
}

/** `value` without the fields `dropped`; maps and list elements that hold nothing any more go, too, unless they are `kept`. */
function prune(unresolved: Shape, value: unknown, dropped: FieldSet, kept: FieldSet): unknown {
  const shape = shapeFor(unresolved, value);
  if (shape.type === "map" && isMap(value)) {
    const rest: Record<string, unknown> = { ...value };
    for (const key in value) {
      const node = dropped[`f:${key}`];
      if (node === undefined) continue;
      const inner = prune(fieldShape(shape, key), value[key], node, kept[`f:${key}`] ?? EMPTY);
      // Who owned an empty map does not own what has come into it since.
      const isGone = isEmpty(node) ? isHollow(inner) || fieldsOf(fieldShape(shape, key), inner) === EMPTY : isHollow(inner);
      if (isGone && kept[`f:${key}`] === undefined) delete rest[key];
      else rest[key] = inner;
    }
    return rest;
  }
  if (!Array.isArray(value)) return value;
  if (shape.type === "set") return value.filter((item) => dropped[`v:${JSON.stringify(item)}`] === undefined);
  if (shape.type !== "list") return value;
  return value.flatMap((item) => {
    const name = elementKey(shape.key, item);
    const node = dropped[name];
    if (node === undefined) return [item];
    if (kept[name] === undefined) return [];
    // The element stays because of others, and with it what identifies it.
    const { [`f:${shape.key}`]: _, ...others } = node;
    return [prune(shape.items, item, others, kept[name])];
  });
}

function isHollow(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0;
}
