import type { z } from "zod";
import { DEFAULT_NAMESPACE, describeIssues, findOversize, formatField, type Kind, objectMeta, withoutNulls } from "#/model/index.ts";
import type { ObjectKey } from "./contract.ts";
import { type Shape, shapeFor, shapeOf } from "./fields/shape.ts";
import { isMap } from "./merge-patch.ts";
import { type Cause, invalid } from "./store-error.ts";

type Path = readonly (string | number)[];

/** Causes that are told of one object; the others are counted. */
const CAUSES_MAX = 100;

/** Gathers what is wrong with one object, to say all of it at once. */
export class Causes {
  readonly #title: string;
  readonly #causes: Cause[] = [];
  #count = 0;

  constructor(title: string) {
    this.#title = title;
  }

  add(field: string, message: string): void {
    this.#count++;
    if (this.#causes.length < CAUSES_MAX) this.#causes.push({ field, message });
  }

  /** `value` as `schema` reads it, with defaults and without what is null; what it does not allow is recorded below `root`. */
  parse<T>(schema: z.ZodType<T>, given: unknown, root: Path): T | undefined {
    const oversize = findOversize(schema, given);
    if (oversize !== undefined) {
      this.add(formatField([...root, ...oversize.path]), `found more; allowed: ${oversize.allowed}`);
      return undefined;
    }
    const value = withoutNulls(schema, given);
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    for (const { field, message } of describeIssues(schema, value, result.error.issues, root)) this.add(field, message);
    return undefined;
  }

  /** @throws store/invalid: anything was recorded */
  check(): void {
    if (this.#count > 0) throw invalid(this.#title, this.#causes, this.#count);
  }
}

const TOP_FIELDS: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata", "spec", "status"]);

/** Records what is wrong with the frame of an object: unknown fields beside `spec`, another kind, a namespace where there is none. */
export function checkFrame(kind: Kind, object: object, causes: Causes): void {
  for (const key of Object.keys(object))
    if (!TOP_FIELDS.has(key)) causes.add(formatField([key]), `unknown field; allowed: ${[...TOP_FIELDS].join(", ")}`);
  const { apiVersion, kind: name } = object as { readonly apiVersion?: unknown; readonly kind?: unknown };
  if (apiVersion !== undefined && apiVersion !== kind.apiVersion)
    causes.add("apiVersion", `found ${shortJson(apiVersion)}; allowed: ${kind.apiVersion}`);
  if (name !== undefined && name !== kind.kind) causes.add("kind", `found ${shortJson(name)}; allowed: ${kind.kind}`);
}

function shortJson(value: unknown): string {
  const text = typeof value === "object" && value !== null ? (Array.isArray(value) ? "a list" : "a map") : (JSON.stringify(value) ?? "nothing");
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** The key in full: `default` where a namespace is left out.
 *  @throws store/invalid: a namespace for a cluster-scoped kind */
export function completeKey(kind: Kind, key: ObjectKey): ObjectKey {
  const { name, namespace } = key;
  if (kind.scope === "Namespaced") return { name, namespace: namespace === undefined || namespace === "" ? DEFAULT_NAMESPACE : namespace };
  if (namespace !== undefined && namespace !== "")
    throw invalid(`${kind.kind} ${name}`, [
      { field: "metadata.namespace", message: `found ${JSON.stringify(namespace)}; allowed: none, a ${kind.kind} belongs to no namespace` },
    ]);
  return { name };
}

/** The metadata as the model allows it. */
export function parseMetadata(metadata: unknown, causes: Causes) {
  return causes.parse(objectMeta, metadata ?? {}, ["metadata"]);
}

/** Spec or status with defaults; also what schemas cannot say: no two elements of a keyed list have the same key. */
export function parsePart(kind: Kind, part: "spec" | "status", value: unknown, causes: Causes): unknown {
  const schema = kind[part];
  const data = causes.parse(schema, value ?? {}, [part]);
  if (data !== undefined) checkListKeys(partShape(schema), data, [part], causes);
  return data;
}

const partShapes = new WeakMap<z.ZodType, Shape>();

/** How the parts of a spec or status are owned and merged. */
export function partShape(schema: z.ZodType): Shape {
  const known = partShapes.get(schema);
  if (known !== undefined) return known;
  const shape = shapeOf(schema);
  partShapes.set(schema, shape);
  return shape;
}

/** Records elements of keyed lists in `value` whose key stands there before. */
export function checkListKeys(unresolved: Shape, value: unknown, path: Path, causes: Causes): void {
  const shape = shapeFor(unresolved, value);
  if (shape.type === "map" && isMap(value) && (shape.fields.size > 0 || shape.others.type === "map")) {
    for (const key in value) {
      const inner = value[key];
      // Scalars hold no lists: most fields are done with here.
      if (typeof inner === "object" && inner !== null) checkListKeys(shape.fields.get(key) ?? shape.others, inner, [...path, key], causes);
    }
  }
  if (shape.type !== "list" || !Array.isArray(value)) return;
  const seen = new Set<unknown>();
  value.forEach((item, index) => {
    const key = isMap(item) ? item[shape.key] : undefined;
    // One without a key is refused for that.
    if (key !== undefined && seen.has(key))
      causes.add(formatField([...path, index, shape.key]), `found ${shortJson(key)} a second time; each ${shape.key} may stand in the list once`);
    seen.add(key);
    checkListKeys(shape.items, item, [...path, index], causes);
  });
}
