import { isMap } from "../merge-patch.ts";

/** A set of fields in Kubernetes' fieldsV1 form: `f:name` a field, `k:{"name":"x"}` an element of a keyed list, `v:"x"` an element of a set, `.` the node itself beside its children.
 *  A node is a member if it is empty or has `.`; the root never is. Frozen and shared: https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
export interface FieldSet {
  readonly [key: string]: FieldSet;
}

export const EMPTY: FieldSet = Object.freeze({});

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** True if `value` is a field set as clients may send one: maps all the way down, with keys that name a field, an element or a value. */
export function isFieldSet(value: unknown): value is FieldSet {
  if (!isMap(value)) return false;
  return Object.entries(value).every(([key, inner]) => isElement(key) && isFieldSet(inner));
}

function isElement(key: string): boolean {
  if (key === "." || key.startsWith("f:")) return true;
  if (!key.startsWith("k:") && !key.startsWith("v:")) return false;
  try {
    const named: unknown = JSON.parse(key.slice(2));
    return key.startsWith("v:") || isMap(named);
  } catch {
    return false;
  }
}

function isMember(node: FieldSet): boolean {
  return isEmpty(node) || Object.hasOwn(node, ".");
}

/** Everything that is in `a` or in `b`. Returns `a` itself if `b` adds nothing. */
export function unite(a: FieldSet, b: FieldSet): FieldSet {
  return a === b || isEmpty(b) ? a : isEmpty(a) ? b : uniteNodes(a, b, false);
}

function uniteNodes(a: FieldSet, b: FieldSet, isInner: boolean): FieldSet {
  if (a === b) return a;
  const united: Record<string, FieldSet> = {};
  let isSame = true;
  const needsDot = isInner && (isMember(a) || isMember(b)) && !(isEmpty(a) && isEmpty(b));
  if (needsDot) {
    united["."] = EMPTY;
    isSame = Object.hasOwn(a, ".");
  }
  for (const key in a) if (key !== ".") united[key] = a[key] ?? EMPTY;
  for (const key in b) {
    if (key === ".") continue;
    const node = b[key] ?? EMPTY;
    const known = a[key];
    const next = known === undefined ? node : uniteNodes(known, node, true);
    isSame &&= next === known;
    united[key] = next;
  }
  return isSame ? a : Object.freeze(united);
}

/** What is in `a` and not in `b`. Returns `a` itself if they share nothing. */
export function subtract(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a) || isEmpty(b)) return a;
  return subtractNodes(a, b, false) ?? EMPTY;
}

function subtractNodes(a: FieldSet, b: FieldSet, isInner: boolean): FieldSet | undefined {
  const isKept = isInner && isMember(a) && !isMember(b);
  const rest: Record<string, FieldSet> = {};
  let isSame = !isInner || isMember(a) === isKept;
  let count = 0;
  for (const key in a) {
    if (key === ".") continue;
    const node = a[key] ?? EMPTY;
    const other = b[key];
    const next = other === undefined ? node : subtractNodes(node, other, true);
    isSame &&= next === node;
    if (next === undefined) continue;
    rest[key] = next;
    count++;
  }
  if (isSame) return a;
  if (count === 0) return isKept ? EMPTY : undefined;
  return Object.freeze(isKept ? { ".": EMPTY, ...rest } : rest);
}

/** What is in both. */
export function intersect(a: FieldSet, b: FieldSet): FieldSet {
  return intersectNodes(a, b, false) ?? EMPTY;
}

function intersectNodes(a: FieldSet, b: FieldSet, isInner: boolean): FieldSet | undefined {
  const common: Record<string, FieldSet> = {};
  let count = 0;
  for (const key in a) {
    const other = b[key];
    if (key === "." || other === undefined) continue;
    const next = intersectNodes(a[key] ?? EMPTY, other, true);
    if (next === undefined) continue;
    common[key] = next;
    count++;
  }
  const isBoth = isInner && isMember(a) && isMember(b);
  if (count === 0) return isBoth ? EMPTY : undefined;
  return Object.freeze(isBoth ? { ".": EMPTY, ...common } : common);
}

/** Every member as kubectl writes it: `.spec.env[name="A"].value`. */
export function pathsOf(set: FieldSet): string[] {
  const paths: string[] = [];
  const visit = (node: FieldSet, path: string): void => {
    if (path !== "" && isMember(node)) paths.push(path);
    for (const key in node) if (key !== ".") visit(node[key] ?? EMPTY, path + pathElement(key));
  };
  visit(set, "");
  return paths;
}

function pathElement(key: string): string {
  const text = key.slice(2);
  if (key.startsWith("f:")) return `.${text}`;
  if (key.startsWith("v:")) return `[=${text}]`;
  const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`;
}

/** One shared copy of equal sets: thousands of objects written alike have the same. */
export function intern(set: FieldSet): FieldSet {
  const text = JSON.stringify(set);
  const known = interned.get(text);
  if (known !== undefined) return known;
  if (interned.size >= INTERNED_MAX) interned.clear();
  interned.set(text, set);
  return set;
}

const INTERNED_MAX = 2_000;
const interned = new Map<string, FieldSet>();
