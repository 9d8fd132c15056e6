import { stringify } from "yaml";
import { formatDuration } from "#/model/index.ts";
import type { Terminal } from "./terminal.ts";

/** Writes `value` as JSON or YAML, as programs read it. */
export function printData(terminal: Terminal, format: "json" | "yaml", value: unknown): void {
  terminal.out(format === "json" ? JSON.stringify(value, undefined, 2) : stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }));
}

/** An age for people: whole seconds, at most two units; never below nothing where clocks differ. */
export function formatAge(ageMs: number): string {
  return ageMs < 1000 ? "0s" : formatDuration(ageMs);
}

/** 1.5 GiB, 12 MiB, 3 KiB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** So many of a list are named where all would fill the screen. */
const FEW = 5;

/** `a, b, c`; of more than five the first ones and how many there are beside: `a, b, c, d, e and 45 more`. */
export function listFew(items: readonly string[], between: string = ", "): string {
  const left = items.length - FEW;
  return left <= 0 ? items.join(between) : `${items.slice(0, FEW).join(between)} and ${left} more`;
}

/** `1 object`, `3 objects`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
