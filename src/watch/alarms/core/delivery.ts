import { isSilent } from "./standing.ts";
import { type AlarmSeverity, type AlarmState, compareSeverity, type Told } from "./state.ts";

/** As far as it decides what is told. */
export interface ChannelRule {
  readonly name: string;
  readonly severities?: readonly AlarmSeverity[] | undefined;
  readonly selects: (labels: Readonly<Record<string, string>>) => boolean;
  /** Told of what nobody has acknowledged for so long. */
  readonly afterMs: number;
}

/** What a channel should be told of an alarm now. */
export interface Due {
  readonly what: "raised" | "again" | "worse" | "cleared";
  readonly told: Omit<Told, "atMs">;
}

export interface DueAnswer {
  readonly due?: Due | undefined;
  /** It may become due by time alone. */
  readonly wakeMs?: number | undefined;
}

/** What `channel` has to be told: the difference between the present state and what it was told last. So nothing is told twice, what came and went meanwhile is not told at all, and who was not told of the raise is not told of the end. */
export function dueOf(state: AlarmState, labels: Readonly<Record<string, string>>, channel: ChannelRule, nowMs: number): DueAnswer {
  if (isSilent(state, nowMs)) return {};
  const told = state.told.find((one) => one.channel === channel.name);
  const { occurrence, severity } = state;
  const is = (what: Due["what"], condition: "raised" | "cleared"): DueAnswer => ({
    due: { what, told: { channel: channel.name, occurrence, severity, condition } },
  });
  const isStanding = state.condition === "raised" && state.operator.state !== "closed";
  if (!isStanding) return told?.condition === "raised" ? is("cleared", "cleared") : {};
  const isTold = told !== undefined && told.condition === "raised" && told.occurrence === occurrence && compareSeverity(severity, told.severity) <= 0;
  if (isTold || !selects(channel, state, labels)) return {};
  if (channel.afterMs > 0) {
    if (state.operator.state !== "unacknowledged") return {};
    const dueMs = Math.max(state.raisedAtMs ?? 0, state.severityAtMs ?? 0) + channel.afterMs;
    if (dueMs > nowMs) return { wakeMs: dueMs };
  }
  if (told === undefined || told.condition === "cleared") return is("raised", "raised");
  return is(told.occurrence === occurrence ? "worse" : "again", "raised");
}

function selects({ severities, selects }: ChannelRule, { severity }: AlarmState, labels: Readonly<Record<string, string>>): boolean {
  return (severities === undefined || severities.includes(severity)) && selects(labels);
}

/** The alarm once the channel has been told. */
export function withTold(state: AlarmState, told: Told): AlarmState {
  return { ...state, told: [...state.told.filter((one) => one.channel !== told.channel), told] };
}
