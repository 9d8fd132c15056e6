import { port } from "#/base/index.ts";
import type { AlarmIdentity, AlarmSettings, Observation } from "./core/state.ts";

/** Something of ours that is not as wanted, or may be: told by whoever sees it, without a rule. */
export interface AlarmFact extends AlarmIdentity, Observation {
  readonly settings?: Partial<AlarmSettings> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Alarms of what hangs on its resource are consequences. */
  readonly suppresses?: boolean | undefined;
}

/** Takes facts. */
export interface AlarmFacts {
  /** All that `source` sees now, in place of what it told before: what it tells no more is well. A source that has told nothing since this centre leads is silent, and its alarms are unobserved. */
  report(source: string, facts: readonly AlarmFact[]): void;
  /** `source` cannot see for now: its alarms stay as they are, unobserved. */
  blind(source: string): void;
}

/** Where other controllers tell what is not as it should be. */
export const ALARM_FACTS = port<AlarmFacts>("alarm-facts");

/** What the process itself knows: whether its audit is well, when certificates end, how far its clock was set. */
export interface PlatformSight {
  facts(): Promise<readonly AlarmFact[]> | readonly AlarmFact[];
}

export const PLATFORM_SIGHT = port<PlatformSight>("platform-sight");
