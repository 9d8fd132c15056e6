import { fileURLToPath } from "node:url";
import { systemClock } from "#/base/index.ts";
import { processTerminal, readWholeInput, runCli } from "#/face/cli/index.ts";
import { CLI_PARTS } from "./cli-parts.ts";
import { connectTo } from "./connection.ts";
import { currentFolder } from "./current-folder.ts";
import { listenToInterrupts } from "./interrupts.ts";
import { keptLogin } from "./kept-login.ts";
import { guardOutput } from "./output.ts";
import { localPlatform } from "./platform.ts";
import { readVersion } from "./version.ts";

const output = guardOutput();
const version = readVersion();
const interrupts = listenToInterrupts({ mayHangUp: process.env["ORRERY_NOHUP"] === undefined });
const wasFolderThere = process.env["ORRERY_NO_FOLDER"] === undefined;
const asMachine = (data: string) => connectTo(data, { user: "admin", version });
/** Who has a token of their own in the environment, or has logged in here, acts for themselves. */
const connect = (data: string, options: { readonly asMachine?: boolean } = {}) =>
  options.asMachine === true
    ? asMachine(data)
    : connectTo(data, { user: "admin", version, token: process.env["ORRERY_TOKEN"] || keptLogin(data)?.token });
const terminal = processTerminal({ stdout: process.stdout, stderr: process.stderr, readInput: () => readWholeInput(process.stdin) }, process.env);
// Of this call alone: no process that it starts is called so.
for (const name of ["ORRERY_COMMAND", "ORRERY_NOHUP", "ORRERY_NO_FOLDER"]) delete process.env[name];

const status = await runCli(process.argv.slice(2), {
  parts: CLI_PARTS,
  terminal,
  platform: localPlatform({ version, connect: asMachine, interrupts }),
  clock: systemClock,
  // Asked for only when a path is relative: the folder that this was called in may be gone.
  get cwd() {
    return currentFolder(wasFolderThere);
  },
  env: process.env,
  sampleSite: fileURLToPath(new URL("../../sites/ground-station", import.meta.url)),
  connect,
  signal: interrupts.first,
});
// A write that failed says so a moment later.
await new Promise((resolve) => setImmediate(resolve));
// Of a command that runs a site the site is the result, of every other one what it prints.
const isLost = output.lost !== undefined && status === 0 && !interrupts.isClaimed;
if (isLost) terminal.note(`error: its output could not be written (${output.lost}); what it did is done`);
process.exitCode = isLost ? 1 : status;
