/** What this page reads of a Resource and of what is observed of it. */
import type { Condition } from "../../frame/site.ts";

export interface ResourceObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly creationTimestamp: string;
  };
  readonly spec: {
    readonly id: string;
    readonly type: string;
    readonly displayName?: string;
    readonly description?: string;
    readonly capabilities?: readonly string[];
    readonly place?: string;
    readonly access?: { readonly protocol: string; readonly address: string; readonly credentialRef?: string };
    readonly probe?: Probe;
    readonly probeEnabled?: boolean;
    readonly host?: string;
    readonly maxAge?: string;
    readonly desired?: Readonly<Record<string, unknown>>;
  };
  readonly status?: {
    readonly observed?: Readonly<Record<string, unknown>>;
    readonly observedAt?: string;
    readonly observedBy?: string;
    readonly error?: string;
    readonly probeInstance?: string;
    readonly conditions?: readonly Condition[];
  };
}

export interface Probe {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly image?: string;
  readonly http?: { readonly url: string };
  readonly tcp?: { readonly address: string };
  readonly exec?: { readonly command: readonly string[] };
  readonly snmp?: { readonly address: string };
  readonly host?: object;
  readonly interval?: string;
  readonly timeout?: string;
}

/** An entry of the live topic: what an agent saw last. */
export interface LiveObservation {
  readonly value: {
    readonly observed?: Readonly<Record<string, unknown>>;
    readonly error?: string;
    readonly atMs?: number;
    readonly instance?: string;
  } | null;
}

/** Cells of a row, in this order. */
export const RESOURCE_PATHS: readonly string[] = [
  ".spec.displayName",
  ".spec.type",
  ".spec.place",
  ".spec.capabilities",
  ".status.observed",
  ".status.observedAt",
  ".spec.id",
];
export type ResourceCells = readonly [
  displayName: string | null,
  type: string | null,
  place: string | null,
  capabilities: readonly string[] | null,
  observed: Readonly<Record<string, unknown>> | null,
  observedAt: string | null,
  id: string | null,
];

export interface Observed {
  readonly observed: Readonly<Record<string, unknown>> | undefined;
  readonly atMs: number | undefined;
  readonly by: string | undefined;
  readonly error: string | undefined;
}

/** The newer of what the object has kept and what was seen last. Pure. */
export function newestOf(
  kept: { readonly observed?: Readonly<Record<string, unknown>> | undefined; readonly atMs: number | undefined; readonly by?: string | undefined },
  live: LiveObservation["value"] | undefined,
): Observed {
  const isNewer = live?.atMs !== undefined && (kept.atMs === undefined || live.atMs >= kept.atMs);
  if (!isNewer) return { observed: kept.observed, atMs: kept.atMs, by: kept.by, error: undefined };
  return live.observed === undefined
    ? { observed: kept.observed, atMs: kept.atMs, by: kept.by, error: live.error }
    : { observed: live.observed, atMs: live.atMs, by: live.instance, error: live.error };
}

export interface Leaf {
  /** `axes.azimuth`. */
  readonly path: string;
  readonly value: unknown;
  /** What somebody wants it to be, where that is another. */
  readonly desired?: unknown;
  readonly isDifferent: boolean;
}

const LEAVES_MAX = 500;
const DEPTH_MAX = 8;

/** Single values of an observed state, and those of the desired one that differ or are not there. Bounded. Pure. */
export function leavesOf(observed: unknown, desired: unknown): readonly Leaf[] {
  const seen = flatten(observed);
  const wanted = flatten(desired);
  const paths = [...seen.keys(), ...[...wanted.keys()].filter((path) => !seen.has(path))].slice(0, LEAVES_MAX);
  return paths.map((path) => {
    const [value, wish] = [seen.get(path), wanted.get(path)];
    const isDifferent = wanted.has(path) && JSON.stringify(value) !== JSON.stringify(wish);
    return { path, value, ...(wanted.has(path) && { desired: wish }), isDifferent };
  });
}

function flatten(value: unknown): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  const add = (one: unknown, path: string, depth: number): void => {
    if (found.size >= LEAVES_MAX) return;
    const isBranch = typeof one === "object" && one !== null && !Array.isArray(one) && Object.keys(one).length > 0 && depth < DEPTH_MAX;
    if (!isBranch) {
      if (path !== "") found.set(path, one);
      return;
    }
    for (const [key, below] of Object.entries(one)) add(below, path === "" ? key : `${path}.${key}`, depth + 1);
  };
  add(value ?? {}, "", 0);
  return found;
}

const TEXT_MAX = 300;

/** A value as a person reads it. Pure. */
export function valueText(value: unknown): string {
  if (value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

/** The first few values, for a line of a list. Pure. */
export function summaryOf(observed: unknown, most = 3): string {
  return leavesOf(observed, undefined)
    .slice(0, most)
    .map(({ path, value }) => `${path.split(".").at(-1)} ${valueText(value).slice(0, 40)}`)
    .join(" · ");
}

/** How the probe looks: its kind, and at what. Pure. */
export function probeText(probe: Probe): { readonly how: string; readonly what: string } {
  if (probe.http !== undefined) return { how: "http", what: probe.http.url };
  if (probe.tcp !== undefined) return { how: "tcp", what: probe.tcp.address };
  if (probe.exec !== undefined) return { how: "exec", what: probe.exec.command.join(" ") };
  if (probe.snmp !== undefined) return { how: "snmp", what: probe.snmp.address };
  if (probe.host !== undefined) return { how: "host", what: "" };
  if (probe.command !== undefined) return { how: "program", what: [...probe.command, ...(probe.args ?? [])].join(" ") };
  return { how: "image", what: probe.image ?? "" };
}

type Wished = Readonly<Record<string, unknown>> | undefined;

/** Whether a change of its manifest (`after` absent: it goes) ends that its state is seen by a probe. Whatever is typed is looked at: nothing of it need be right yet. */
export function isSilenced(before: Wished, after: Wished): boolean {
  return isLookedAt(before) && !isLookedAt(after);
}

function isLookedAt(one: Wished): boolean {
  const spec = one?.["spec"];
  if (typeof spec !== "object" || spec === null) return false;
  const { probe, probeEnabled } = spec as { readonly probe?: unknown; readonly probeEnabled?: unknown };
  return probe !== undefined && probe !== null && probeEnabled !== false;
}
