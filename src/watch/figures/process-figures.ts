import type { Figure } from "./host-figures.ts";

/** What one process of the platform tells of itself. */
export interface ProcessSight {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** How long what was due waited for its thread since the look before, at most; absent: not measured. */
  readonly loopDelaySeconds?: number;
  readonly uptimeSeconds: number;
}

/** Figures of a process of the platform: `component` is centre, agent or gateway. */
export function processFigures(component: string, sight: ProcessSight): readonly Figure[] {
  const labels = { component };
  return [
    ["orrery_process_cpu_seconds_total", labels, sight.cpuSeconds],
    ["orrery_process_resident_memory_bytes", labels, sight.residentBytes],
    ["orrery_process_heap_bytes", labels, sight.heapBytes],
    ["orrery_process_uptime_seconds", labels, sight.uptimeSeconds],
    ...(sight.loopDelaySeconds === undefined ? [] : [["orrery_process_loop_delay_seconds", labels, sight.loopDelaySeconds] as const]),
  ];
}

/** Looks at the process that asks. */
export function lookAtProcess(): ProcessSight {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: rss, heapBytes: heapUsed, uptimeSeconds: process.uptime() };
}
