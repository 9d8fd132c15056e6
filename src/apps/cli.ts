import { fileURLToPath } from "node:url";
import { systemClock } from "#/base/index.ts";
import { processTerminal, readWholeInput, runCli } from "#/cli/index.ts";
import { connectTo } from "./connection.ts";
import { listenToInterrupts } from "./interrupts.ts";
import { localPlatform } from "./platform.ts";
import { readVersion } from "./version.ts";

const version = readVersion();
const interrupts = listenToInterrupts();
const connect = (data: string) => connectTo(data, { user: "admin", version });
const terminal = processTerminal({ stdout: process.stdout, stderr: process.stderr, readInput: () => readWholeInput(process.stdin) }, process.env);
// Of this call alone: no process that it starts is called so.
delete process.env["ORRERY_COMMAND"];

process.exitCode = await runCli(process.argv.slice(2), {
  terminal,
  platform: localPlatform({ version, connect, interrupts }),
  clock: systemClock,
  cwd: process.cwd(),
  env: process.env,
  sampleSite: fileURLToPath(new URL("../../sites/ground-station", import.meta.url)),
  connect,
  signal: interrupts.first,
});
