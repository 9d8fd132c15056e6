import type { Kind } from "#/model/index.ts";
import { accessPart } from "#/people/access/index.ts";
import { loginPart } from "#/people/login/index.ts";
import { type CentrePart, servedKinds, storedKinds } from "#/state/reconcile/index.ts";
import { updatesPart } from "#/traffic/update/index.ts";
import { alarmsPart } from "#/watch/alarms/index.ts";
import { callRecordsPart } from "#/watch/calls/index.ts";
import { centreFiguresPart } from "#/watch/figures/index.ts";
import { logsPart } from "#/watch/logs/index.ts";
import { seriesPart } from "#/watch/series/index.ts";
import { snmpPart } from "#/watch/snmp/index.ts";
import { callsPart, hostsPart, jobsPart, leasesPart, resourcesPart, routesPart, servicesPart } from "#/work/controllers/index.ts";

/** What a centre can do, one line for each capability. A folder of manifests is applied in the order of their kinds. */
export const CENTRE_PARTS: readonly CentrePart[] = [
  updatesPart, //
  hostsPart,
  routesPart,
  resourcesPart,
  servicesPart,
  jobsPart,
  callsPart,
  seriesPart,
  centreFiguresPart,
  callRecordsPart,
  leasesPart,
  snmpPart,
  alarmsPart,
  logsPart,
  accessPart,
  loginPart,
];

/** What a centre serves, if its Site does without nothing. */
export const CENTRE_KINDS: readonly Kind[] = servedKinds(CENTRE_PARTS);

/** What it stores: also kinds without a face. */
export const STORED_KINDS: readonly Kind[] = storedKinds(CENTRE_PARTS);
