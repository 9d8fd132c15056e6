/** Writes docs/cli.md from the commands themselves. */
import type { Command } from "commander";
import { CLI_PARTS } from "#/apps/cli-parts.ts";
import { ManualClock } from "#/base/index.ts";
import { buildProgram, type CliContext } from "#/face/cli/index.ts";
import { keepDocument, markdownTable } from "./document.ts";

const INTRODUCTION = `# The command \`orrery\`

Generated from the commands by \`tools/docs-cli.ts\`. Each of them shows the same with \`--help\`.

- Exit status: 0 done, 1 failed, 2 misused (unknown command or option, bad value); 130 after Ctrl-C.
- Results go to standard output; progress, warnings and errors to standard error. An error is one line: what failed, on which object, what to do. \`ORRERY_DEBUG=1\` adds code, details and stack.
- \`-o json\` and \`-o yaml\` are for programs: fields are added, never renamed.
- Colour only on a terminal; \`NO_COLOR\` turns it off, \`FORCE_COLOR=1\` on.
- \`--data\` names the data folder of the site, \`.orrery\` in the current folder by default, or what \`ORRERY_DATA\` says. Commands find the API, its certificate and the admin's token there: run them as the user who started the site.
- What comes from outside (labels, messages, names) is shown, not obeyed: a control character is written as \`\\u001b\`. Only \`logs\`, and \`run-script\` into a file or pipe, give what a service wrote as it is.
- \`source <(orrery completion bash)\` (zsh alike; fish: \`orrery completion fish | source\`) lets Tab complete commands, options, kinds and names.
- Durations are written \`500ms\`, \`30s\`, \`5m\`, \`1h30m\`.

## The usual day
\`\`\`
./orrery up --detach                          # the sample site, in the background; 0 when every service is ready
./orrery status                               # what runs, and what is not as it should be
./orrery get microservices,instances -o wide
./orrery logs portal -f
./orrery calls                                # who called what in the last minute, how fast, how many errors
./orrery describe microservice auth           # everything about one object, with its events
./orrery events --warnings -w                 # what goes wrong, as it happens
./orrery scale auth 3 --wait
./orrery apply -f sites/ground-station/versions/auth-v2.yaml --wait
./orrery down                                 # requests first, then services, then the platform
\`\`\`
`;

const context: CliContext = {
  parts: CLI_PARTS,
  terminal: {
    out() {},
    write() {},
    note() {},
    writeNote() {},
    openInput: () => ({ chunks: process.stdin, close() {} }),
    size: () => ({ rows: 24, columns: 80 }),
    onResize: () => () => {},
    readInput: async () => "",
    progress() {},
    drain: async () => true,
    isTerminal: false,
    columns: 100,
    command: "./orrery",
    dataOption: "",
    nameData() {},
    paint: (_, text) => text,
    paintNote: (_, text) => text,
  },
  platform: {
    version: "",
    up: async () => 0,
    down: async () => 0,
    processes: () => [],
    warnings: () => [],
    leftInstances: () => [],
    checkOwner: () => undefined,
    restore: async () => [],
    edge: () => undefined,
    console: () => undefined,
    keptLogin: () => undefined,
    keepLogin: async () => undefined,
    forgetLogin: async () => undefined,
    site: () => undefined,
    offeredVersions: async () => [],
    offeredTemplate: async () => undefined,
  },
  clock: new ManualClock(),
  cwd: "/",
  env: {},
  sampleSite: "/",
  connect: () => Promise.reject(new Error("documents need no site")),
  signal: new AbortController().signal,
};

function describeCommand(command: Command): string {
  const usage = `./orrery ${command.name()} ${command.usage()}`.trim();
  const parts = [`### orrery ${command.name()}`, command.description(), `\`\`\`\n${usage}\n\`\`\``];
  const args = command.registeredArguments.map((one) => [`\`${one.name()}\``, one.description]);
  if (args.length > 0) parts.push(markdownTable(["argument", "meaning"], args));
  const options = command.options.map((one) => [
    `\`${one.flags}\``,
    `${one.description}${one.argChoices === undefined ? "" : `: ${one.argChoices.join(", ")}`}`,
    defaultOf(one.defaultValue),
  ]);
  parts.push(markdownTable(["option", "meaning", "default"], options));
  return parts.join("\n\n");
}

function defaultOf(value: unknown): string {
  return value === undefined || value === false ? "" : `\`${String(value)}\``;
}

const program = buildProgram(context, () => undefined);
// What only shells ask is not for people.
const shown = program.createHelp().visibleCommands(program);
const groups = Map.groupBy(
  shown.filter((command) => command.name() !== "help"),
  (command) => command.helpGroup(),
);
const sections = [...groups].map(([title, commands]) => `## ${title.replace(/:$/, "")}\n\n${commands.map(describeCommand).join("\n\n")}`);
keepDocument("docs/cli.md", `${INTRODUCTION}\n${sections.join("\n\n")}`);
