import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { OrreryError } from "#/base/index.ts";
import type { ProcessName } from "../run-file.ts";

/** Heap of a process of the platform, in MiB. */
export interface HeapLimits {
  /** Old objects: at this limit V8 ends the process. */
  readonly heap: number;
  /** One of the two halves for young objects: the larger, the rarer they are collected, and the more is resident meanwhile. */
  readonly young: number;
}

/** Measured with an update every two seconds (docs/benchmarks.md): what the default of V8 (a fraction of the machine's memory, and 16 MiB) lets grow before it collects is resident, though not in use. */
const DEFAULTS: Readonly<Record<ProcessName, HeapLimits>> = {
  supervisor: { heap: 256, young: 1 },
  centre: { heap: 1024, young: 4 },
  agent: { heap: 512, young: 2 },
  // Each request makes young objects.
  gateway: { heap: 1024, young: 16 },
  snmp: { heap: 256, young: 2 },
  // Bodies of messages stand outside the heap; what keeps them does not.
  broker: { heap: 1024, young: 16 },
};
const MIB_MIN = { heap: 64, young: 1 } as const;
const MIB_MAX = 65_536;

/** Options of Node.js for a process of the platform; none by which V8 would refuse cached code (see ../heap-growth.ts). `ORRERY_<NAME>_HEAP` and `ORRERY_<NAME>_YOUNG` of the environment change the defaults.
 *  @throws up/heap: one of them is no number of MiB that is allowed */
export function heapFlags(name: ProcessName, environment: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const { heap, young } = heapLimits(name, environment);
  return [`--max-old-space-size=${heap}`, `--max-semi-space-size=${young}`];
}

/** The limits of a process; see `heapFlags`. */
export function heapLimits(name: ProcessName, environment: Readonly<Record<string, string | undefined>> = process.env): HeapLimits {
  const read = (what: "heap" | "young"): number => {
    const variable = heapVariable(name, what);
    const text = environment[variable];
    if (text === undefined || text === "") return DEFAULTS[name][what];
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < MIB_MIN[what] || value > MIB_MAX)
      throw new OrreryError("up/heap", `${variable} is ${JSON.stringify(text)}; give a whole number of MiB from ${MIB_MIN[what]} to ${MIB_MAX}`);
    return value;
  };
  return { heap: read("heap"), young: read("young") };
}

/** The variable that sets a limit. */
export function heapVariable(name: ProcessName, what: "heap" | "young"): string {
  return `ORRERY_${name.toUpperCase()}_${what.toUpperCase()}`;
}

const TAIL_BYTES = 16 * 1024;

/** Whether a process that has ended had come to its heap limit: V8 says so on its way out, in the last lines of `log`. `from`: length of the log at its start. */
export function endedAtHeapLimit(log: string, from: number): boolean {
  try {
    const descriptor = openSync(log, "r");
    try {
      const { size } = fstatSync(descriptor);
      const begin = Math.max(from, size - TAIL_BYTES);
      const tail = Buffer.alloc(Math.max(0, size - begin));
      readSync(descriptor, tail, 0, tail.length, begin);
      return /^FATAL ERROR: .*heap/im.test(tail.toString("latin1"));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}
