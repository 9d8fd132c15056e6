export { type DistributionMark, TableDistribution, type TableDistributionOptions, type TableSource } from "./distribution.ts";
