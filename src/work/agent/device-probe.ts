import { port } from "#/base/index.ts";
import type { Probe } from "#/model/index.ts";
import type { AskOptions, Observation, ProbeContext } from "#/work/probes/index.ts";

/** What a probe of protocol snmp is about. */
export interface ProbedDevice {
  readonly spec: NonNullable<Probe["snmp"]>;
  readonly resource: string;
  readonly intervalMs: number;
}

/** Looks at devices. Never throws for what it finds; rejects with the signal's reason when aborted. */
export interface DeviceProbe {
  look(device: ProbedDevice, context: ProbeContext, options: AskOptions): Promise<Observation>;
  /** It is not looked at any more. */
  forget(resource: string): void;
}

export const DEVICE_PROBE = port<DeviceProbe>("device-probe");
