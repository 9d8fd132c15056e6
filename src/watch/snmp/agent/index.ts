export { type CentreReach, type HostAgent, type HostAgentOptions, startHostAgent } from "./host-agent.ts";
