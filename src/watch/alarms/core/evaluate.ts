import { type AlarmRule, type Condition, compileJsonPath, durationMs, type JsonPath, type StoredObject } from "#/model/index.ts";
import type { AlarmSettings, Observation } from "./state.ts";

type RuleSpec = AlarmRule["spec"];

/** A rule about objects, ready to be asked. */
export interface ObjectRule {
  readonly name: string;
  readonly spec: RuleSpec;
  readonly settings: AlarmSettings;
  /** Whether it looks at the object, by its kind, name and labels. */
  looksAt(object: StoredObject): boolean;
  /** What it sees of the object. `isRaised`: whether its alarm is raised, for the hysteresis. `isUnseen`: nobody observes the object now, so that what stands in it is old. */
  observe(object: StoredObject, how: { readonly isRaised: boolean; readonly isUnseen: boolean }): Observation;
}

/** What is read of any object. */
interface AnyStatus {
  readonly conditions?: readonly Condition[];
  readonly waits?: readonly { readonly reason: string; readonly object: string; readonly since: string; readonly message: string }[];
  readonly observedAt?: string;
}

export type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** `spec` is about objects; `labels` is its selector, compiled. */
export function compileRule(name: string, spec: RuleSpec, labels: LabelTest | undefined): ObjectRule {
  const path = spec.field === undefined ? undefined : compileJsonPath(spec.field.path);
  const names = spec.of?.names === undefined ? undefined : new Set(spec.of.names);
  return {
    name,
    spec,
    settings: settingsOf(spec),
    looksAt: ({ kind, metadata }) => kind === spec.of?.kind && names?.has(metadata.name) !== false && labels?.(metadata.labels ?? {}) !== false,
    observe(object, { isRaised, isUnseen }) {
      const status = (object.status ?? {}) as AnyStatus;
      const base = { severity: spec.severity, ...adviceOf(spec), ...atOf(status) };
      if (spec.disabled || isUnseen) return { ...base, holds: undefined, text: "" };
      if (spec.condition !== undefined) return { ...base, ...ofCondition(spec, object, status) };
      if (spec.waits !== undefined) return { ...base, ...ofWaits(spec, object, status) };
      return { ...base, ...ofField(spec, object, path, isRaised) };
    },
  };
}

export function settingsOf(spec: Pick<RuleSpec, "delay" | "clearDelay">): AlarmSettings {
  return { delayMs: durationMs(spec.delay), clearDelayMs: durationMs(spec.clearDelay) };
}

/** What to do, in what time, by the rule. */
export function adviceOf({ action, response, runbook }: RuleSpec): Pick<Observation, "action" | "response" | "runbook"> {
  return { ...(action !== undefined && { action }), ...(response !== undefined && { response }), ...(runbook !== undefined && { runbook }) };
}

function atOf({ observedAt }: AnyStatus): Pick<Observation, "atMs"> {
  const atMs = observedAt === undefined ? Number.NaN : Date.parse(observedAt);
  return Number.isNaN(atMs) ? {} : { atMs };
}

type Seen = Pick<Observation, "holds" | "text" | "sinceMs">;

const UNSEEN: Seen = { holds: undefined, text: "" };

/** What is not said is unknown; `Unknown` is only an alarm where the rule names it. */
function ofCondition(spec: RuleSpec, object: StoredObject, { conditions }: AnyStatus): Seen {
  const wanted = spec.condition;
  const found = conditions?.find(({ type }) => type === wanted?.type);
  if (wanted === undefined || found === undefined) return UNSEEN;
  const { status, reason, message, lastTransitionTime } = found;
  const isNamed = wanted.status.includes(status) && wanted.reasons?.includes(reason) !== false;
  if (!isNamed && status === "Unknown") return UNSEEN;
  if (!isNamed) return { holds: false, text: message };
  // Among several reasons of one status nobody says since when it is this one.
  const sinceMs = wanted.reasons === undefined ? Date.parse(lastTransitionTime) : Number.NaN;
  return { holds: true, text: fill(spec.text ?? "{message}", object, { reason, message }), ...(!Number.isNaN(sinceMs) && { sinceMs }) };
}

function ofWaits(spec: RuleSpec, object: StoredObject, { waits }: AnyStatus): Seen {
  if (object.status === undefined) return UNSEEN;
  const found = waits?.find(({ reason }) => spec.waits?.reasons?.includes(reason) !== false);
  if (found === undefined) return { holds: false, text: "" };
  const sinceMs = Date.parse(found.since);
  return { holds: true, text: fill(spec.text ?? "{message}", object, found), ...(!Number.isNaN(sinceMs) && { sinceMs }) };
}

function ofField(spec: RuleSpec, object: StoredObject, path: JsonPath | undefined, isRaised: boolean): Seen {
  const value = path?.(object);
  if (spec.field === undefined || typeof value !== "number") return UNSEEN;
  const holds = isBeyond(value, spec.field, isRaised);
  return holds === undefined
    ? UNSEEN
    : { holds, text: fill(spec.text ?? `${spec.field.path.slice(1)} is {value} (${describeLimit(spec.field)})`, object, { value: String(value) }) };
}

export interface Limits {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  readonly clear?: number | undefined;
}

/** Whether `value` is on the wrong side of the limit; one that is raised stays so until it is past `clear`. `undefined` of what is no number: nothing divided by nothing is not well. */
export function isBeyond(value: number, { above, below, clear }: Limits, isRaised: boolean): boolean | undefined {
  if (Number.isNaN(value)) return undefined;
  if (above !== undefined) return value > (isRaised ? (clear ?? above) : above);
  return value < (isRaised ? (clear ?? below ?? Number.NEGATIVE_INFINITY) : (below ?? Number.NEGATIVE_INFINITY));
}

export function describeLimit({ above, below }: Limits): string {
  return above === undefined ? `limit: not below ${below}` : `limit: not above ${above}`;
}

/** Longer texts are cut. */
export const TEXT_MAX = 1_000;

/** `{name}` and so on, put in; what there is no value for stays as it is written. */
export function fill(text: string, object: Pick<StoredObject, "kind" | "metadata">, values: Readonly<Record<string, unknown>>): string {
  const all: Readonly<Record<string, unknown>> = { ...values, kind: object.kind, name: object.metadata.name };
  const filled = text.replaceAll(/\{([a-z]+)\}/g, (whole, key: string) => (Object.hasOwn(all, key) ? String(all[key]) : whole));
  return filled.length > TEXT_MAX ? `${filled.slice(0, TEXT_MAX - 1)}…` : filled;
}
