export { askBusy, type BusyAnswer } from "./busy.ts";
export type { AskOptions, Check, CheckResult, CheckTarget, Observation, Observe, ProbeContext } from "./contract.ts";
export { type CpuTicks, cpuPercent, type MemoryUse, parseMemory, parseUptime } from "./host/parse.ts";
export { type DiskUse, type HostUse, HostUseReader } from "./host/use.ts";
export { ObservationLines } from "./observation-lines.ts";
export { type CheckAction, isBuiltIn, runCheck, runProbe } from "./registry.ts";
export type { AgentObservation, AgentReport, InstanceUse } from "./report.ts";
