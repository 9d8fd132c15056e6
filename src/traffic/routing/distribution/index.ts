export { type DistributionMark, TableDistribution, type TableDistributionOptions, type TableSource, type TableStream } from "./distribution.ts";
export { describeLate } from "./late-gateway.ts";
