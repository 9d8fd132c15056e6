/** What the page asks for, out of its address. Pure. */
import type { CALL_PARTS, CallTableRow } from "../../../../src/face/views/protocol.ts";

export type CallPart = (typeof CALL_PARTS)[number];

/** How calls are told apart: what people ask for most. */
export const LEVELS = {
  services: ["caller", "service"],
  revisions: ["caller", "service", "revision"],
  instances: ["caller", "service", "revision", "instance"],
  hosts: ["host", "service"],
} as const satisfies Readonly<Record<string, readonly CallPart[]>>;
export type Level = keyof typeof LEVELS;

export function levelOf(text: string): Level {
  return Object.hasOwn(LEVELS, text) ? (text as Level) : "services";
}

/** The address has `-` for calls from outside: an empty word is left out of it. */
export function callerOf(param: string): string | undefined {
  return param === "" ? undefined : param === "-" ? "" : param;
}

/** Key of a row: its parts, in the order of the level. */
export function keyOf(row: CallTableRow, level: Level): string {
  return LEVELS[level].map((part) => row[part] ?? "").join("|");
}

/** The parts that a key names. */
export function partsOf(key: string, level: Level): Readonly<Partial<Record<CallPart, string>>> {
  const words = key.split("|");
  return Object.fromEntries(LEVELS[level].map((part, index) => [part, words[index] ?? ""]));
}

export interface Bar {
  /** Longest of the bucket; null: longer than all. */
  readonly untilMs: number | null;
  readonly calls: number;
  /** Of the fullest bucket: 0 to 1. */
  readonly height: number;
}

/** Bars of a distribution, from the first to the last bucket that has calls, one empty one on either side. */
export function barsOf(distribution: NonNullable<CallTableRow["distribution"]>): readonly Bar[] {
  const first = distribution.findIndex(({ calls }) => calls > 0);
  if (first < 0) return [];
  const last = distribution.findLastIndex(({ calls }) => calls > 0);
  const most = Math.max(...distribution.map(({ calls }) => calls));
  return distribution.slice(Math.max(0, first - 1), last + 2).map(({ untilMs, calls }) => ({ untilMs, calls, height: calls / most }));
}
