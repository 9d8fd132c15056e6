import type { Faults } from "#/base/index.ts";

/** The last guard of a process whose work must go on whatever happens in one part of it: what no guard of a unit has caught ends nothing either. Started work that depends on what has failed is looked after by its own timers. */
export function guardProcess(faults: Faults): void {
  process.on("uncaughtException", (error, origin) => faults.note(origin === "unhandledRejection" ? "a promise" : "a callback", error));
}
