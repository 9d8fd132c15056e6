export { type Agent, type AgentOptions, startAgent } from "./agent.ts";
export { DEVICE_PROBE, type DeviceProbe } from "./device-probe.ts";
export { hostPart, observationsPart } from "./host-part.ts";
export type { InstanceLook } from "./instance-looks.ts";
export { instancesPart } from "./instances-part.ts";
export {
  type AgentContext,
  type AgentPart,
  type AgentWorker,
  HOST_INSTANCES,
  HOST_LOGS,
  type HostLog,
  type HostLogs,
} from "./part.ts";
