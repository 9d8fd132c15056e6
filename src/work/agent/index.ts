export { type Agent, type AgentOptions, startAgent } from "./agent.ts";
export { hostPart, observationsPart } from "./host-part.ts";
export { instancesPart } from "./instances-part.ts";
export type { AgentContext, AgentPart, AgentWorker } from "./part.ts";
