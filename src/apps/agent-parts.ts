import path from "node:path";
import { witnessPart } from "#/people/audit/index.ts";
import { devicesPart } from "#/watch/devices/index.ts";
import { figuresPart } from "#/watch/figures/index.ts";
import { logsHostPart } from "#/watch/logs/host/index.ts";
import { type AgentContext, type AgentPart, hostPart, instancesPart, observationsPart } from "#/work/agent/index.ts";

/** What an agent does, one line for each capability, in the order of their starts. */
export const AGENT_PARTS: readonly AgentPart[] = [
  observationsPart, //
  devicesPart,
  instancesPart,
  hostPart,
  figuresPart,
  logsHostPart,
  witnessPart<AgentContext>(({ dataFolder }) => path.join(dataFolder, "agent")),
];
