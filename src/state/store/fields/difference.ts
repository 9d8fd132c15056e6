import { isMap } from "../merge-patch.ts";
import { EMPTY, type FieldSet, isEmpty, subtract } from "./field-set.ts";
import { fieldShape, type Shape, shapeFor } from "./shape.ts";

export interface Difference {
  /** Fields that are new or have another value. */
  readonly changed: FieldSet;
  /** Fields that are no longer there. */
  readonly removed: FieldSet;
}

/** All fields of `value`. */
export function fieldsOf(unresolved: Shape, value: unknown): FieldSet {
  const shape = shapeFor(unresolved, value);
  const set: Record<string, FieldSet> = {};
  if (shape.type === "map" && isMap(value)) for (const key in value) set[`f:${key}`] = fieldsOf(fieldShape(shape, key), value[key]);
  else if (shape.type === "list" && Array.isArray(value))
    for (const item of value) set[elementKey(shape.key, item)] = withSelf(fieldsOf(shape.items, item));
  else if (shape.type === "set" && Array.isArray(value)) for (const item of value) set[`v:${JSON.stringify(item)}`] = EMPTY;
  return isEmpty(set) ? EMPTY : Object.freeze(set);
}

/** What differs between two sealed values that share equal parts; costs as much as what differs. */
export function differenceOf(shape: Shape, former: unknown, next: unknown): Difference {
  const changed: Record<string, FieldSet> = {};
  const removed: Record<string, FieldSet> = {};
  compareMaps(shapeFor(shape, next), former, next, changed, removed);
  return { changed: Object.freeze(changed), removed: Object.freeze(removed) };
}

/** Name of a keyed list's element in a field set. */
export function elementKey(key: string, item: unknown): string {
  return `k:${JSON.stringify({ [key]: isMap(item) ? item[key] : undefined })}`;
}

type Collector = Record<string, FieldSet>;

function compareMaps(shape: Shape, former: unknown, next: unknown, changed: Collector, removed: Collector): void {
  if (shape.type !== "map" || !isMap(former) || !isMap(next)) return;
  for (const key in next) {
    if (next[key] !== former[key] || !Object.hasOwn(former, key))
      compare(`f:${key}`, fieldShape(shape, key), former[key], next[key], changed, removed);
  }
  for (const key in former) if (!Object.hasOwn(next, key)) removed[`f:${key}`] = withAll(fieldsOf(fieldShape(shape, key), former[key]));
}

/** Records under `name` what differs between `former` (absent if undefined) and `next`. */
function compare(name: string, unresolved: Shape, former: unknown, next: unknown, changed: Collector, removed: Collector): void {
  const shape = shapeFor(unresolved, next);
  if (former === undefined) {
    changed[name] = fieldsOf(shape, next);
    return;
  }
  const innerChanged: Collector = {};
  const innerRemoved: Collector = {};
  if (shape.type === "map" && isMap(former) && isMap(next)) compareMaps(shape, former, next, innerChanged, innerRemoved);
  else if (shape.type === "list" && Array.isArray(former) && Array.isArray(next)) compareLists(shape, former, next, innerChanged, innerRemoved);
  else if (shape.type === "set" && Array.isArray(former) && Array.isArray(next)) compareSets(former, next, innerChanged, innerRemoved);
  else {
    const fresh = fieldsOf(shape, next);
    const lost = subtract({ [name]: fieldsOf(unresolved, former) }, { [name]: fresh })[name];
    if (lost !== undefined) removed[name] = lost;
    changed[name] = fresh;
    return;
  }
  // A map or list that became empty, or is no longer, is itself what changed.
  if (isHollow(next) !== isHollow(former)) (isHollow(next) ? innerChanged : innerRemoved)["."] = EMPTY;
  if (!isEmpty(innerChanged)) changed[name] = normalised(innerChanged);
  if (!isEmpty(innerRemoved)) removed[name] = normalised(innerRemoved);
}

function compareLists(
  shape: Shape & { readonly type: "list" },
  former: readonly unknown[],
  next: readonly unknown[],
  changed: Collector,
  removed: Collector,
): void {
  const before = new Map(former.map((item) => [elementKey(shape.key, item), item]));
  for (const item of next) {
    const name = elementKey(shape.key, item);
    const old = before.get(name);
    if (!before.delete(name)) changed[name] = withSelf(fieldsOf(shape.items, item));
    else if (old !== item) compare(name, shape.items, old, item, changed, removed);
  }
  for (const [name, item] of before) removed[name] = withSelf(fieldsOf(shape.items, item));
}

function compareSets(former: readonly unknown[], next: readonly unknown[], changed: Collector, removed: Collector): void {
  const before = new Set(former.map((item) => `v:${JSON.stringify(item)}`));
  for (const item of next) {
    const name = `v:${JSON.stringify(item)}`;
    if (!before.delete(name)) changed[name] = EMPTY;
  }
  for (const name of before) removed[name] = EMPTY;
}

function withSelf(set: FieldSet): FieldSet {
  return isEmpty(set) ? set : Object.freeze({ ".": EMPTY, ...set });
}

/** Of what is removed, the containers go as well: someone may own the bare map. */
function withAll(set: FieldSet): FieldSet {
  if (isEmpty(set)) return set;
  const all: Collector = { ".": EMPTY };
  for (const key in set) if (key !== ".") all[key] = withAll(set[key] ?? EMPTY);
  return Object.freeze(all);
}

function normalised(collector: Collector): FieldSet {
  const keys = Object.keys(collector);
  return keys.length === 1 && keys[0] === "." ? EMPTY : Object.freeze(collector);
}

function isHollow(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0;
}
