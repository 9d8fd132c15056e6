export { type Balancer, type BalancingAlgorithm, type Candidate, createBalancer, type Explanation } from "./balancer.ts";
export { CallStats } from "./call-stats.ts";
