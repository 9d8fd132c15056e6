/** Alarms counted by where they stand and how bad they are. Pure. */

export const ALARM_SEVERITIES = ["critical", "major", "minor", "warning"] as const;
export type AlarmSeverity = (typeof ALARM_SEVERITIES)[number];

/** How many alarms stand so, by their severities. */
export type AlarmCounts = Readonly<Record<AlarmSeverity, number>>;

export interface StandingAlarms {
  /** Nobody has acknowledged them: they come first, the critical ones before all. */
  readonly unacknowledged: AlarmCounts;
  readonly acknowledged: AlarmCounts;
}

/** Of how many alarms have which `status.rank`: ten for each standing, and in it one for each severity. Pure. */
export function standingAlarms(counts: Iterable<readonly [rank: string, count: number]>): StandingAlarms {
  const known = new Map(counts);
  const of = (standing: number): AlarmCounts =>
    Object.fromEntries(
      ALARM_SEVERITIES.map((severity, index) => [severity, known.get(String(10 * standing + index)) ?? 0]),
    ) as unknown as AlarmCounts;
  return { unacknowledged: of(0), acknowledged: of(1) };
}

export function sumOf(counts: AlarmCounts): number {
  return ALARM_SEVERITIES.reduce((sum, severity) => sum + counts[severity], 0);
}

/** The shape by which a severity is drawn. */
export function shapeOf(severity: AlarmSeverity): "critical" | "major" | "minor" {
  return severity === "warning" ? "minor" : severity;
}
