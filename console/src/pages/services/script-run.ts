/** What is known of a script that was run from here. Pure. */
import type { WaitsForOthers } from "../../api/request.ts";

/** What came of a script on one instance. */
export interface ScriptEnd {
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly timedOut?: boolean;
  readonly durationMs?: number;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface ScriptPart {
  readonly instance: string;
  /** The newest of what it wrote. */
  readonly text: string;
  /** Bytes that this page has missed. */
  readonly left: number;
  readonly end?: ScriptEnd;
}

/** What was asked for. `instance` absent: on one that is ready; `isAll`: on each. */
export interface ScriptWish {
  readonly script: string;
  readonly instance?: string;
  readonly isAll?: boolean;
  readonly reason: string;
}

export interface ScriptRun {
  readonly number: number;
  readonly script: string;
  readonly wish: ScriptWish;
  readonly sinceMs: number;
  /** `left`: this page went away from it, which ended it. */
  readonly is: "running" | "over" | "failed" | "ended" | "waits";
  readonly parts: readonly ScriptPart[];
  /** Why it failed before it began, or broke off. */
  readonly why?: string;
  readonly waits?: WaitsForOthers;
}

/** As the API tells it. */
export interface Line extends ScriptEnd {
  readonly instance: string;
  readonly out?: string;
  readonly left?: number;
  readonly script?: string;
}

/** Characters of the output of one instance that are kept. */
export const TEXT_MAX = 200_000;

/** A run with one more line of the API's. Pure. */
export function withLine(run: ScriptRun, line: Line): ScriptRun {
  const known = run.parts.find(({ instance }) => instance === line.instance) ?? { instance: line.instance, text: "", left: 0 };
  const { out, left, script, instance: _, ...end } = line;
  const next: ScriptPart = {
    ...known,
    ...(out !== undefined && { text: (known.text + out).slice(-TEXT_MAX) }),
    ...(left !== undefined && { left: known.left + left }),
    ...(script !== undefined && { end }),
  };
  const parts = run.parts.some(({ instance }) => instance === line.instance)
    ? run.parts.map((one) => (one.instance === line.instance ? next : one))
    : [...run.parts, next];
  return { ...run, parts };
}

/** Whether it came to a good end everywhere. Pure. */
export function isGood({ is, parts }: ScriptRun): boolean {
  return is === "over" && parts.length > 0 && parts.every(({ end }) => end?.exitCode === 0 && end.timedOut !== true && end.error === undefined);
}
