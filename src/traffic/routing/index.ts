export type * from "./contract.ts";
export { LATENCY_BUCKETS_MS, PROXY_PORT } from "./contract.ts";
export { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from "./limits.ts";
