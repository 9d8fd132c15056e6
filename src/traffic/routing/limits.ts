import { DEFAULT_LIMITS, durationMs, type GatewayLimitsSpec } from "#/model/index.ts";

/** Bounds of a gateway: `spec.limits` of the Site, times in ms. */
export interface GatewayLimits {
  readonly requestHeadBytes: number;
  readonly answerHeadBytes: number;
  readonly requestHeadTimeMs: number;
  readonly idleConnectionMs: number;
  readonly openRequests: number;
  readonly heldTransactions: number;
  readonly connectTimeMs: number;
  readonly outsideSilenceMs: number;
  readonly accessLogBytes: number;
  readonly accessLogFiles: number;
}

export function gatewayLimitsOf(spec: GatewayLimitsSpec): GatewayLimits {
  return {
    requestHeadBytes: spec.requestHeadBytes,
    answerHeadBytes: spec.answerHeadBytes,
    requestHeadTimeMs: durationMs(spec.requestHeadTime),
    idleConnectionMs: durationMs(spec.idleConnection),
    openRequests: spec.openRequests,
    heldTransactions: spec.heldTransactions,
    connectTimeMs: durationMs(spec.connectTime),
    outsideSilenceMs: durationMs(spec.outsideSilence),
    accessLogBytes: spec.accessLogBytes,
    accessLogFiles: spec.accessLogFiles,
  };
}

export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = gatewayLimitsOf(DEFAULT_LIMITS);

/** What `limits` says that is not the default; `undefined` if that is nothing. */
export function limitsThatDiffer(limits: GatewayLimits): Partial<GatewayLimits> | undefined {
  const changed = Object.entries(limits).filter(([name, value]) => DEFAULT_GATEWAY_LIMITS[name as keyof GatewayLimits] !== value);
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}
