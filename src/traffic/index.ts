export type * from "./contract.ts";
export { LATENCY_BUCKETS_MS } from "./contract.ts";
