/** The view of what is wrong and what is being changed; and its rows. */
import { z } from "zod";
import { window } from "./fields.ts";
import type { Severity } from "./object-views.ts";

export const overviewView = z.strictObject({ of: z.literal("overview"), limit: window.limit });

/** Which object something is about. */
export interface ObjectRef {
  readonly kind: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly name: string;
}

/** A sentence whose words the console has, in its languages: a code and what to put into it. */
export interface Saying {
  readonly code: string;
  readonly args: Readonly<Record<string, string | number>>;
}

/** Rows of `overview`, by their `type`. */
export type OverviewRow = ProblemRow | ChangeRow | LayerRow | PlatformRow;

export const LAYERS = ["platform", "services", "gateway", "applications"] as const;
export type Layer = (typeof LAYERS)[number];

/** Something that is wrong. Worst first; of equally bad ones those that began last. */
export interface ProblemRow {
  readonly type: "problem";
  readonly severity: Severity;
  readonly layer: Layer;
  readonly object: ObjectRef;
  /** Why, in the object's own word: `CrashLoop`. Texts for it stand under this code. */
  readonly reason: string;
  /** RFC 3339. */
  readonly since?: string;
  /** In the words of whoever saw it, English. */
  readonly message?: string;
  /** What a person can do, the best first. */
  readonly next: readonly Saying[];
}

/** An update under way. */
export interface ChangeRow {
  readonly type: "change";
  readonly object: ObjectRef;
  readonly phase: string;
  readonly since?: string;
  /** Who asked for it. */
  readonly by?: string;
  readonly services: readonly { readonly name: string; readonly to: string }[];
  readonly generation?: number;
  readonly share?: number;
  /** Why, as its author wrote it. */
  readonly message?: string;
  /** What it waits for first. */
  readonly waits?: { readonly reason: string; readonly object: string; readonly since: string; readonly message: string };
}

export interface LayerRow {
  readonly type: "layer";
  readonly layer: Layer;
  readonly total: number;
  readonly counts: Readonly<Partial<Record<Severity, number>>>;
  /** The worst that there is in it. */
  readonly severity: Severity;
}

/** The centre itself. */
export interface PlatformRow {
  readonly type: "platform";
  readonly version?: string;
  readonly checks: readonly { readonly name: string; readonly problem?: string }[];
  readonly consoles: number;
}
