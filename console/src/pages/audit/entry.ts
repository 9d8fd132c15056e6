/** Entries of the audit as `GET /audit` tells them, and how the page reads them. Pure. */
import type { Severity } from "../../../../src/face/views/protocol.ts";

export interface AuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly is: "intent" | "outcome" | "record" | "chain";
  readonly who?: { readonly name: string; readonly uid?: string; readonly via: string; readonly credential?: string };
  readonly from?: string;
  readonly action?: string;
  readonly object?: { readonly kind: string; readonly namespace?: string; readonly name: string; readonly uid?: string };
  readonly change?: { readonly before: Readonly<Record<string, unknown>>; readonly after: Readonly<Record<string, unknown>> };
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
  readonly reason?: string;
  readonly trace?: string;
  readonly outcome?: { readonly code: number; readonly message?: string };
  readonly of?: number;
}

export interface AuditHead {
  readonly seq: number;
  readonly head?: { readonly note: string; readonly key: string };
  readonly bytes: number;
  readonly bytesMax: number;
  readonly alarms: readonly string[];
  readonly isWritable: boolean;
  readonly lost: number;
}

export interface Filters {
  readonly text: string;
  readonly user: string;
  readonly action: string;
  readonly object: string;
  /** `1h`, `24h`, …: so long before now; a day `2030-01-31` or a time; empty: from the beginning. */
  readonly since: string;
  readonly until: string;
}

const HOUR_MS = 3_600_000;
export const SPANS: Readonly<Record<string, number>> = { "1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 168 * HOUR_MS, "30d": 720 * HOUR_MS };
const MINUTE_MS = 60_000;

export function isSpan(text: string): boolean {
  return Object.hasOwn(SPANS, text);
}

/** The path that asks for it. What counts from now counts from the minute: the same question stays the same path for so long. */
export function auditPath(
  filters: Filters,
  { nowMs, before, limit }: { readonly nowMs: number; readonly before: string; readonly limit: number },
): string {
  const params = new URLSearchParams();
  const { since, until, ...words } = filters;
  for (const [name, value] of Object.entries(words)) if (value.trim() !== "") params.set(name, value.trim());
  const span = isSpan(since) ? SPANS[since] : undefined;
  const from = span === undefined ? instantOf(since) : new Date(Math.floor((nowMs - span) / MINUTE_MS) * MINUTE_MS).toISOString();
  if (from !== undefined) params.set("since", from);
  const to = instantOf(until);
  if (to !== undefined) params.set("until", to);
  if (/^\d{1,15}$/.test(before)) params.set("before", before);
  params.set("limit", String(limit));
  return `/audit?${params.toString()}`;
}

/** A time that was typed, in UTC as all times of the console are; undefined: none. */
function instantOf(text: string): string | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?Z?$/.exec(text.trim());
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1]}T${match[2] ?? "00:00"}Z`);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

export type Ending = "done" | "waits" | "refused" | "failed" | "unknown" | "said";

/** What came of it. Of what was begun and never ended nobody knows it. */
export function endingOf({ is, outcome }: AuditEntry): Ending {
  if (outcome === undefined) return is === "intent" ? "unknown" : "said";
  if (outcome.code === 0) return "unknown";
  if (outcome.code === 202) return "waits";
  if (outcome.code < 400) return "done";
  return outcome.code < 500 ? "refused" : "failed";
}

export const SEVERITY_OF: Readonly<Record<Ending, Severity>> = {
  done: "normal",
  waits: "changing",
  refused: "minor",
  failed: "major",
  unknown: "unknown",
  said: "normal",
};

export interface FieldChange {
  readonly field: string;
  readonly before?: string;
  readonly after?: string;
}

/** Field by field: what was there, what is there. */
export function changesOf({ change }: AuditEntry): readonly FieldChange[] {
  if (change === undefined) return [];
  const fields = new Set([...Object.keys(change.before), ...Object.keys(change.after)]);
  return [...fields].sort().map((field) => ({
    field,
    ...(Object.hasOwn(change.before, field) && { before: textOf(change.before[field]) }),
    ...(Object.hasOwn(change.after, field) && { after: textOf(change.after[field]) }),
  }));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}
