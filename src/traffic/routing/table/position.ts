import type { TablePosition } from "../contract.ts";

/** True if `a` is older than `b`. Positions of different histories are never older or newer than each other. */
export function isOlder(a: TablePosition, b: TablePosition): boolean {
  if (a.history !== b.history) return false;
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.version < b.version);
}

/** True if both name the same table. */
export function isSamePosition(a: TablePosition, b: TablePosition): boolean {
  return a.history === b.history && a.epoch === b.epoch && a.version === b.version;
}

/** A position for people and logs: `history/epoch/version`. */
export function formatPosition(position: TablePosition): string {
  return `${position.history}/${position.epoch}/${position.version}`;
}
