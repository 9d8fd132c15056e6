export type { CliContext } from "./context.ts";
export { readWholeInput } from "./input.ts";
export type { CliCommand, CliPart } from "./part.ts";
export { CLI_PARTS } from "./parts/index.ts";
export type { LeftInstance, Platform, PlatformProcess, PlatformWarning, UpOptions } from "./platform.ts";
export { buildProgram } from "./program.ts";
export { runCli } from "./run.ts";
export { asCalled, processTerminal, type Terminal } from "./terminal.ts";
