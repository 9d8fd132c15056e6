/** An alarm as what decides sees it: times in Unix ms. It is a stored state of a resource, not a message (RFC 8632): its condition is what was observed, the operator's state what people say to it. */
import type { AlarmSeverity } from "#/model/index.ts";

export type { AlarmSeverity };

/** What an alarm is of: there is one for each. */
export interface AlarmIdentity {
  readonly resource: { readonly kind: string; readonly namespace?: string | undefined; readonly name: string };
  readonly type: string;
  readonly qualifier?: string | undefined;
}

export type OperatorState = "unacknowledged" | "acknowledged" | "closed";

/** `none`: it has never been raised, or nobody remembers that it was. */
export type AlarmCondition = "none" | "raised" | "cleared";

export interface AlarmState {
  readonly condition: AlarmCondition;
  readonly severity: AlarmSeverity;
  /** How often it was raised; 0: never. */
  readonly occurrence: number;
  readonly text: string;
  readonly action?: string | undefined;
  readonly response?: string | undefined;
  readonly runbook?: string | undefined;
  readonly raisedAtMs?: number | undefined;
  readonly clearedAtMs?: number | undefined;
  readonly severityAtMs?: number | undefined;
  readonly unobservedSinceMs?: number | undefined;
  readonly turning?: Turning | undefined;
  readonly flapping?: { readonly sinceMs: number; readonly changes: number } | undefined;
  /** When it was last raised or cleared, oldest first. */
  readonly turnsMs: readonly number[];
  readonly operator: {
    readonly state: OperatorState;
    readonly by?: string | undefined;
    readonly atMs?: number | undefined;
    readonly message?: string | undefined;
  };
  readonly shelved?: { readonly untilMs: number; readonly by: string; readonly atMs: number; readonly message: string } | undefined;
  readonly suppressed?: Suppressed | undefined;
  readonly told: readonly Told[];
  readonly history: readonly Happening[];
  readonly expiresMs?: number | undefined;
}

/** On its way to another condition or severity. Only time in which it was observed counts, so that neither a gap nor a restart raises or clears anything. */
export interface Turning {
  readonly to: "raised" | "cleared";
  readonly severity?: AlarmSeverity | undefined;
  readonly elapsedMs: number;
  /** Counted up to then; absent: it is not counted on while nobody observes. */
  readonly asOfMs?: number | undefined;
}

export interface Suppressed {
  readonly why: "cause" | "maintenance" | "out-of-service";
  readonly by: string;
  readonly message: string;
  readonly sinceMs: number;
  readonly untilMs?: number | undefined;
  /** The cause is over since then, and this has not been judged anew. */
  readonly endedMs?: number | undefined;
}

/** What a channel was told last. */
export interface Told {
  readonly channel: string;
  readonly occurrence: number;
  readonly severity: AlarmSeverity;
  readonly condition: "raised" | "cleared";
  readonly atMs: number;
}

export interface Happening {
  readonly atMs: number;
  readonly what: string;
  readonly by?: string | undefined;
  readonly message?: string | undefined;
}

/** What somebody has seen, or that nobody can see it. */
export interface Observation {
  /** True: it is not as it should be; false: it is; `undefined`: unobserved. */
  readonly holds: boolean | undefined;
  readonly severity: AlarmSeverity;
  readonly text: string;
  /** Since when it is so by the word of who observed it, where it has one: a delay then counts from there. */
  readonly sinceMs?: number | undefined;
  /** When it was observed; absent: now. */
  readonly atMs?: number | undefined;
  /** It was told once, at `atMs`, and nobody looks whether it goes on: until another word, it holds. */
  readonly isEvent?: boolean | undefined;
  readonly action?: string | undefined;
  readonly response?: string | undefined;
  readonly runbook?: string | undefined;
}

export interface AlarmSettings {
  readonly delayMs: number;
  readonly clearDelayMs: number;
}

export const NEW_ALARM: AlarmState = Object.freeze<AlarmState>({
  condition: "none",
  severity: "warning",
  occurrence: 0,
  text: "",
  turnsMs: [],
  operator: { state: "unacknowledged" },
  told: [],
  history: [],
});

const RANKS: Readonly<Record<AlarmSeverity, number>> = { critical: 3, major: 2, minor: 1, warning: 0 };

/** Above 0: `one` is worse than `other`. */
export function compareSeverity(one: AlarmSeverity, other: AlarmSeverity): number {
  return RANKS[one] - RANKS[other];
}

/** Changes that one alarm remembers. */
export const HISTORY_MAX = 20;

export function withHappening(state: AlarmState, happening: Happening): AlarmState {
  return { ...state, history: [...state.history, happening].slice(-HISTORY_MAX) };
}

/** True: whoever has acknowledged, or nobody, need look at it again: it is cleared and acknowledged, or closed, or was never raised. */
export function isOver(state: AlarmState): boolean {
  if (state.condition === "none") return true;
  if (state.operator.state === "closed") return true;
  return state.condition === "cleared" && state.operator.state === "acknowledged";
}
