export type { CliCommand, CliContext, CliPart } from "./context.ts";
export { readWholeInput } from "./input.ts";
export { CLI_PARTS } from "./parts/index.ts";
export type { KeptLogin, LeftInstance, Platform, PlatformProcess, PlatformWarning, UpOptions } from "./platform.ts";
export { buildProgram } from "./program.ts";
export { runCli } from "./run.ts";
export { asCalled, processTerminal, type Terminal } from "./terminal.ts";
