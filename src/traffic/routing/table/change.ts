import { OrreryError } from "#/base/index.ts";
import type { Table, TableChange, TableSection, TableSections } from "../contract.ts";
import { formatPosition, isSamePosition } from "./position.ts";

/** All sections, in the order in which changes name them. */
export const TABLE_SECTIONS: readonly TableSection[] = ["site", "stamp", "generation", "revision", "service", "caller", "route"];

type Entries = { [S in TableSection]: Record<string, TableSections[S]> };

/** What turns `from` into `to`. */
export function diff(from: Table, to: Table): TableChange {
  const changes: { section: TableSection; key: string; value: unknown }[] = [];
  for (const section of TABLE_SECTIONS) {
    const before: Readonly<Record<string, unknown>> = from.entries[section];
    const after: Readonly<Record<string, unknown>> = to.entries[section];
    for (const [key, value] of Object.entries(after)) if (!isEqual(before[key], value)) changes.push({ section, key, value });
    for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) changes.push({ section, key, value: null });
  }
  return { base: from.position, position: to.position, changes };
}

/** The table after `change`; `table` itself stays as it was.
 *  @throws traffic/base (after-reread): the change is for another table; ask for a whole one */
export function applyChange(table: Table, change: TableChange): Table {
  if (!isSamePosition(table.position, change.base)) {
    throw new OrreryError("traffic/base", `the change is for table ${formatPosition(change.base)}, this is ${formatPosition(table.position)}`, {
      retry: "after-reread",
    });
  }
  const entries: Entries = { ...table.entries };
  const copied = new Set<TableSection>();
  for (const { section, key, value } of change.changes) {
    if (!copied.has(section)) {
      copied.add(section);
      copySection(entries, section);
    }
    const target: Record<string, unknown> = entries[section];
    if (value === null) delete target[key];
    else target[key] = value;
  }
  return { position: change.position, entries };
}

function copySection<S extends TableSection>(entries: Entries, section: S): void {
  entries[section] = { ...entries[section] };
}

/** A table without entries. */
export function emptyTable(position: Table["position"]): Table {
  return { position, entries: { site: {}, stamp: {}, generation: {}, revision: {}, service: {}, caller: {}, route: {} } };
}

/** Equal as JSON, whatever the order of keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && isEqual(left[key], right[key]));
}
