import { type AlarmState, NEW_ALARM } from "../core/state.ts";
import { type Entry, type Message, messageOf } from "./message.ts";

/** For tests: a message about so many hosts. */
export function messageAbout(names: readonly string[], more: Partial<AlarmState> = {}): Message {
  const entries: readonly Entry[] = names.map((name) => ({
    name: `host-lost.${name}`,
    identity: { resource: { kind: "Host", name }, type: "host-lost" },
    labels: { team: "a" },
    state: {
      ...NEW_ALARM,
      condition: "raised",
      severity: "critical",
      occurrence: 1,
      text: `host ${name} is lost`,
      action: "look",
      raisedAtMs: 1_800_000_000_000,
      ...more,
    },
    due: {
      what: more.condition === "cleared" ? "cleared" : "raised",
      told: { channel: "ops", occurrence: 1, severity: "critical", condition: more.condition === "cleared" ? "cleared" : "raised" },
    },
  }));
  return messageOf("ops", entries, 1_800_000_000_000);
}
