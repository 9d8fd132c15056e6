import type { Kind } from "#/model/index.ts";
import type { CentrePart } from "#/state/reconcile/index.ts";
import { updatesPart } from "#/traffic/update/index.ts";
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
  leasesPart,
];

/** What a centre stores and serves, if its Site does without nothing. */
export const CENTRE_KINDS: readonly Kind[] = CENTRE_PARTS.flatMap((part) => part.kinds.map(({ kind }) => kind));
