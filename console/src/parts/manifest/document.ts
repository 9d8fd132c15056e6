/** A manifest as people edit it: what of an object they may say, as YAML and back, and where in the text a field stands. Pure. */
import { type Document, isMap, isPair, isScalar, isSeq, type Node, parseAllDocuments, stringify } from "yaml";
import { type FieldPath, parseField } from "./place.ts";

export interface ObjectText {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name?: string; readonly resourceVersion?: string; readonly uid?: string };
  readonly spec?: unknown;
  readonly [field: string]: unknown;
}

/** A problem at a place of the text. */
export interface Problem {
  readonly from: number;
  readonly to: number;
  readonly message: string;
}

export interface Manifest {
  /** Absent: it cannot be read, or is no object. */
  readonly object?: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
  /** Where the field stands; of what is not there, the nearest around it. */
  readonly placeOf: (field: string) => { readonly from: number; readonly to: number };
}

const KEPT_BY_SERVER: readonly string[] = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "namespace",
  "selfLink",
];
/** What controllers and tools keep in an object: nobody edits it here, and it stays as it is. */
const KEPT_BY_TOOLS: readonly string[] = ["finalizers", "ownerReferences"];
const NOTES_OF_TOOLS: readonly string[] = ["kubectl.kubernetes.io/last-applied-configuration", "orrery.dev/changed-by"];

/** What of `object` somebody may say. */
export function wishOf(object: ObjectText): ObjectText {
  const { status: _, metadata, ...rest } = object;
  const { annotations, ...kept } = Object.fromEntries(
    Object.entries(metadata).filter(([name]) => !KEPT_BY_SERVER.includes(name) && !KEPT_BY_TOOLS.includes(name)),
  );
  const notes = Object.entries((annotations ?? {}) as object).filter(([name]) => !NOTES_OF_TOOLS.includes(name));
  const { apiVersion, kind, ...more } = rest;
  return { apiVersion, kind, metadata: { ...kept, ...(notes.length > 0 && { annotations: Object.fromEntries(notes) }) }, ...more } as ObjectText;
}

/** `wish` with what tools keep in `live`: as it is written. */
export function withKept(wish: Readonly<Record<string, unknown>>, live: ObjectText | undefined): Readonly<Record<string, unknown>> {
  if (live === undefined) return wish;
  const { annotations, ...metadata } = (wish["metadata"] ?? {}) as Readonly<Record<string, unknown>>;
  const kept = Object.entries(live.metadata).filter(([name]) => KEPT_BY_TOOLS.includes(name));
  const notes = {
    ...(isRecord(annotations) ? annotations : {}),
    ...Object.fromEntries(Object.entries((live.metadata["annotations"] ?? {}) as object).filter(([name]) => NOTES_OF_TOOLS.includes(name))),
  };
  const all = isRecord(annotations) || annotations === undefined ? (Object.keys(notes).length === 0 ? undefined : notes) : annotations;
  return { ...wish, metadata: { ...metadata, ...Object.fromEntries(kept), ...(all !== undefined && { annotations: all }) } };
}

export function textOf(object: ObjectText): string {
  return yamlOf(wishOf(object));
}

export function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Reads a manifest; what is wrong with it stands in `problems`. */
export function readManifest(text: string): Manifest {
  const documents = parseAllDocuments(text, {
    keepSourceTokens: false,
    prettyErrors: false,
    strict: true,
    uniqueKeys: true,
    maxAliasCount: 100,
  } as never);
  const all = (Array.isArray(documents) ? documents : []) as readonly Document.Parsed[];
  const used = all.filter((one) => one.contents !== null);
  const end = text.length;
  const bounded = (from: number, to: number) => ({ from: Math.min(from, end), to: Math.min(Math.max(to, from), end) });
  const problems = all.flatMap(({ errors }) => errors.map(({ pos, message }) => ({ ...bounded(pos[0], pos[1]), message: firstLine(message) })));
  const [document] = used;
  const placeOf = (field: string) => bounded(...rangeOf(document?.contents ?? null, parseField(field)));
  if (problems.length > 0) return { problems, placeOf };
  if (document === undefined) return { problems: [{ from: 0, to: 0, message: "empty" }], placeOf };
  if (used.length > 1) return { problems: [{ ...bounded(used[1]?.range[0] ?? 0, end), message: "several" }], placeOf };
  let object: unknown;
  try {
    object = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { problems: [{ from: 0, to: end, message: firstLine(String(error)) }], placeOf };
  }
  if (typeof object !== "object" || object === null || Array.isArray(object)) return { problems: [{ from: 0, to: end, message: "no map" }], placeOf };
  return { object: object as Readonly<Record<string, unknown>>, problems, placeOf };
}

function firstLine(message: string): string {
  return message.split("\n")[0] ?? message;
}

/** The key of the field, and a plain value beside it. */
function rangeOf(root: Node | null, path: FieldPath): [number, number] {
  let node: Node | null | undefined = root;
  let range: [number, number] = [0, 0];
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((one) => isPair(one) && isScalar(one.key) && String(one.key.value) === String(key));
      if (pair === undefined) break;
      const keyRange = (pair.key as Node).range ?? [0, 0, 0];
      const value = pair.value as Node | null;
      range = [keyRange[0], isScalar(value) && value.range != null ? Math.max(keyRange[1], value.range[1]) : keyRange[1]];
      node = value;
    } else if (isSeq(node)) {
      const item = node.items[Number(key)] as Node | undefined;
      if (item?.range == null) break;
      range = isScalar(item) ? [item.range[0], item.range[1]] : [item.range[0], Math.min(item.range[1], item.range[0] + 1)];
      node = item;
    } else break;
  }
  return range;
}

/** What the API refuses, at the fields that it names; what it says of none stands at the beginning. */
export function problemsOf(refusal: Refusal, { placeOf }: Manifest): readonly Problem[] {
  const causes = refusal.details?.causes ?? [];
  const named = causes.filter(({ field }) => parseField(field).length > 0);
  if (named.length === 0) return [{ from: 0, to: 0, message: refusal.message ?? "" }];
  return named.map(({ field, message }) => ({ ...placeOf(field), message: `${field}: ${message}` }));
}

/** Of a Status. */
export interface Refusal {
  readonly code: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly field: string; readonly message: string }[] };
}

/** What a person has changed of `base`, put onto `other`: maps field by field, anything else as a whole. */
export function rebased(base: unknown, edited: unknown, other: unknown): unknown {
  if (same(edited, base)) return other;
  if (!isRecord(base) || !isRecord(edited) || !isRecord(other)) return edited;
  const result: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(other), ...Object.keys(edited)])) {
    const value =
      key in edited
        ? key in other || !(key in base)
          ? rebased(base[key], edited[key], other[key])
          : same(edited[key], base[key])
            ? undefined
            : edited[key]
        : key in base
          ? undefined
          : other[key];
    if (value !== undefined) result[key] = value;
  }
  return result;
}

export function same(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length && one.every((item, index) => same(item, other[index]));
  if (!isRecord(one) || !isRecord(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && same(one[key], other[key]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether something of it is kept secret: it is shown as `(secret)` here, and told to who may see it when they ask. */
export function hasSecrets(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ((value as { readonly secret?: unknown }).secret === true) return true;
  return Object.values(value).some(hasSecrets);
}
