import type { LogLevel } from "#/base/index.ts";

/** Between the centre and the agents. */
export const LOGS_SEARCH = "logs/search";
export const LOGS_KEPT = "logs/kept";

export const LOGS_LEVEL = "logs/level";

/** The centre tells each agent where lines go: the `LogForwarding` of the Site, or null. */
export const LOGS_FORWARDING = "logs/forwarding";

/** What an agent is asked to do with one instance. */
export interface LevelWish {
  readonly namespace: string;
  readonly instance: string;
  /** Absent: back, now. */
  readonly level?: LogLevel;
  readonly forMs: number;
}

/** What came of it. */
export interface LevelAnswer {
  /** When it goes back, by the host's clock. */
  readonly untilMs?: number;
}

/** What an agent tells of what it keeps, each minute. */
export interface KeptNotice {
  readonly bytes: number;
  readonly segments: number;
  /** Processor time of the thread that seals and searches, since it began. */
  readonly cpuMs: number;
  /** Absent: nothing is forwarded. */
  readonly forwarded?: { readonly sent: number; readonly refused: number; readonly lostBytes: number };
  /** Records that went, by the reason, since the agent began. */
  readonly lost: Readonly<Record<string, number>>;
}
