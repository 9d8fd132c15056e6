/** Between the centre and the agents. */
export const LOGS_SEARCH = "logs/search";
export const LOGS_KEPT = "logs/kept";

/** What an agent tells of what it keeps, each minute. */
export interface KeptNotice {
  readonly bytes: number;
  readonly segments: number;
  /** Processor time of the thread that seals and searches, since it began. */
  readonly cpuMs: number;
  /** Records that went, by the reason, since the agent began. */
  readonly lost: Readonly<Record<string, number>>;
}
