import { type AgentPart, hostPart, instancesPart, observationsPart } from "#/work/agent/index.ts";

/** What an agent does, one line for each capability, in the order of their starts. */
export const AGENT_PARTS: readonly AgentPart[] = [
  observationsPart, //
  instancesPart,
  hostPart,
];
