import type { ManagedFieldsEntry } from "#/model/index.ts";
import type { Difference } from "./difference.ts";
import { EMPTY, type FieldSet, intern, isEmpty, subtract, unite } from "./field-set.ts";

/** Who writes. */
export interface Writer {
  readonly manager: string;
  readonly operation: "Update" | "Apply";
  /** Of the object. */
  readonly apiVersion: string;
  readonly subresource: "status" | "scale" | undefined;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

/** The fields that an entry names. */
export function fieldsOfEntry(entry: ManagedFieldsEntry): FieldSet {
  return (entry.fieldsV1 ?? EMPTY) as FieldSet;
}

/** The entries after `writer` made `difference` by an update: what it changed is its own, and nobody else's. Returns `entries` itself if nothing differs. */
export function recordUpdate(entries: readonly ManagedFieldsEntry[], writer: Writer, difference: Difference): readonly ManagedFieldsEntry[] {
  const { changed, removed } = difference;
  if (isEmpty(changed) && isEmpty(removed)) return entries;
  const lost = unite(changed, removed);
  const next = entries.flatMap((entry) => (isOf(entry, writer) ? [] : shrink(entry, lost)));
  const own = entries.find((entry) => isOf(entry, writer));
  const before = own === undefined ? EMPTY : fieldsOfEntry(own);
  const fields = unite(subtract(before, removed), changed);
  return isEmpty(fields) ? next : bounded([...next, entryOf(writer, before === fields ? before : intern(fields))], writer.subresource);
}

/** Managers that an object remembers as having updated it, as kube-apiserver; else whoever writes under ever new names makes it too large to be written. */
const UPDATERS_MAX = 10;
/** Kubernetes' name for those before. */
const ANCIENT = "ancient-changes";

/** `entries` with the oldest of too many updaters made one. */
function bounded(entries: readonly ManagedFieldsEntry[], of: Writer["subresource"]): readonly ManagedFieldsEntry[] {
  const isUpdate = ({ operation, subresource }: ManagedFieldsEntry): boolean => operation === "Update" && subresource === of;
  const updaters = entries.filter(isUpdate);
  if (updaters.length <= UPDATERS_MAX) return entries;
  const oldest = updaters.toSorted((a, b) => ((a.time ?? "") < (b.time ?? "") ? -1 : 1)).slice(0, updaters.length - UPDATERS_MAX + 1);
  const fields = oldest.reduce((all, entry) => unite(all, fieldsOfEntry(entry)), EMPTY);
  const ancient: ManagedFieldsEntry = Object.freeze({ ...oldest.at(-1), manager: ANCIENT, fieldsV1: intern(fields) });
  return [ancient, ...entries.filter((entry) => !oldest.includes(entry))];
}

/** The entries after `writer` applied the fields `applied`; `difference` is what that changed in all, `taken` what it took from others by force. Returns `entries` itself if nothing differs. */
export function recordApply(
  entries: readonly ManagedFieldsEntry[],
  writer: Writer,
  applied: FieldSet,
  taken: FieldSet,
  difference: Difference,
): readonly ManagedFieldsEntry[] {
  const lost = unite(difference.removed, taken);
  const own = entries.find((entry) => isOf(entry, writer));
  const fields = intern(applied);
  const isSame = own !== undefined && intern(fieldsOfEntry(own)) === fields && isEmpty(difference.changed);
  const next = entries.flatMap((entry) => (entry === own ? (isSame ? [entry] : []) : shrink(entry, lost)));
  if (!isSame && !isEmpty(fields)) return [...next, entryOf(writer, fields)];
  return next.length === entries.length && next.every((entry, index) => entry === entries[index]) ? entries : next;
}

/** True if `entry` is where the fields of `writer` stand. */
export function isOf(entry: ManagedFieldsEntry, writer: Writer): boolean {
  return entry.manager === writer.manager && entry.operation === writer.operation && entry.subresource === writer.subresource;
}

function shrink(entry: ManagedFieldsEntry, lost: FieldSet): readonly ManagedFieldsEntry[] {
  const before = fieldsOfEntry(entry);
  const after = subtract(before, lost);
  if (after === before) return [entry];
  return isEmpty(after) ? [] : [Object.freeze({ ...entry, fieldsV1: intern(after) })];
}

function entryOf(writer: Writer, fields: FieldSet): ManagedFieldsEntry {
  const { manager, operation, apiVersion, subresource, time } = writer;
  return Object.freeze({
    manager,
    operation,
    apiVersion,
    time,
    fieldsType: "FieldsV1",
    fieldsV1: fields,
    ...(subresource !== undefined && { subresource }),
  });
}
