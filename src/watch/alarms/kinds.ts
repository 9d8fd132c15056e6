import {
  alarm,
  alarmChannel,
  alarmRule,
  approval,
  gateway,
  generation,
  host,
  instance,
  job,
  jobRun,
  type Kind,
  maintenance,
  microservice,
  resource,
  revision,
  route,
  site,
  update,
  volume,
} from "#/model/index.ts";

/** What rules may be about: every kind that has a face below this room. */
export const WATCHED_KINDS: readonly Kind[] = [
  approval,
  gateway,
  generation,
  host,
  instance,
  job,
  jobRun,
  microservice,
  resource,
  revision,
  route,
  site,
  update,
  volume,
  alarmChannel,
  alarmRule,
];

/** Local copies, by the plurals of their kinds. */
export const ALARM_READS: Readonly<Record<string, Kind>> = Object.fromEntries(
  [...WATCHED_KINDS, alarm, maintenance].map((kind) => [kind.plural, kind]),
);
