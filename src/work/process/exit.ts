import { constants } from "node:os";

/** How a process ended: `code`, or `signal`; neither if nobody saw it (its shim was killed, too, or the machine was restarted). */
export interface ProcessExit {
  readonly code?: number;
  /** Name, such as `SIGKILL`. */
  readonly signal?: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

/** Reads a shell's exit status: above 128 it means a signal, as shells have it (a program that itself exits with 143 cannot be told from one ended by SIGTERM). */
export function parseExitStatus(status: number, atMs: number): ProcessExit {
  const signal = status > 128 ? signalName(status - 128) : undefined;
  return signal === undefined ? { code: status, atMs } : { signal, atMs };
}

/** For people: `exit status 3`, `killed by SIGKILL`, `ended, status unknown`. */
export function describeExit(exit: ProcessExit): string {
  if (exit.signal !== undefined) return `killed by ${exit.signal}`;
  if (exit.code === 126) return "exit status 126: the program cannot be executed";
  if (exit.code === 127) return "exit status 127: program not found";
  return exit.code === undefined ? "ended, status unknown" : `exit status ${exit.code}`;
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
