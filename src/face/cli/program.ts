import { Argument, Command, InvalidArgumentError, Option } from "commander";
import type { StrategyName } from "#/model/index.ts";
import { type CliContext, resolvePath } from "./context.ts";
import { isDuration } from "./durations.ts";

/** The command `orrery` with all its subcommands. `finish` is called with the exit status of the one that ran. Commands are loaded when they run: the start stays quick. */
export function buildProgram(context: CliContext, finish: (exitStatus: number) => void): Command {
  const program = new Command(context.terminal.command);
  program
    .description("Runs a site: its services, the machines, things and people it is made of, and every change to them.")
    .version(context.platform.version, "-V, --version", "Print Orrery's version.")
    .helpCommand("help [command]", "Show a command's options.")
    .helpOption("-h, --help", "Show this help.")
    .configureHelp({ subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" ") })
    .showSuggestionAfterError(true);

  const add = (
    usage: string,
    description: string,
    run: (args: readonly string[], options: Options, command: Command) => Promise<number>,
  ): Command => {
    const command = program
      .command(usage)
      .description(description)
      .helpOption("-h, --help", "Show this help.")
      .option("--data <dir>", "data folder of the site", context.env["ORRERY_DATA"] ?? ".orrery");
    return command.action(async () => {
      const options: Omit<Options, "given"> = command.opts();
      if (command.getOptionValueSource("data") === "cli") context.terminal.nameData(options.data);
      finish(
        await run(
          command.processedArgs.flat().filter((one): one is string => typeof one === "string"),
          withData({ ...options, given: optionsGiven(command) }, () => resolvePath(context, options.data)),
          command,
        ),
      );
    });
  };

  program.commandsGroup("Run a site:");
  add("up", "Run a site until Ctrl-C; with --detach in the background.", async (_, options) =>
    (await import("./commands/up.ts")).up(context, options),
  )
    .option("--site <dir>", "folder with the site's manifests; default: the sample site")
    .option("--listen <address>", "address on which API and edge listen", "127.0.0.1")
    .option("--api-port <port>", "port of the API; 0: any free one", parsePort, 7443)
    .option("--edge-port <port>", "port of the edge; 0: any free one", parsePort, 8080)
    .option("--prune", "delete objects of files that have left the site's folder", false)
    .option("--detach", "return when every microservice is ready", false)
    .option("--timeout <duration>", "longest wait until all is ready", parseDuration, "120s");
  add("down", "End everything: requests first, then services, then the platform.", async (_, options) =>
    (await import("./commands/up.ts")).down(context, options),
  ).option("--timeout <duration>", "longest wait for requests that still run", parseDuration, "30s");

  add("backup", "Copy everything that is stored, while the site runs.", async (args, options) =>
    (await import("./commands/backup.ts")).backup(context, args, options),
  ).argument("[file]", "where to; default: a new file in <data>/backups");
  add("restore", "Put a backup in the place of what is stored; the site must be down.", async (args, options) =>
    (await import("./commands/backup.ts")).restore(context, args, options),
  ).argument("<file>", "a file that orrery backup made");

  program.commandsGroup("See:");
  const output = (): Option => new Option("-o, --output <format>", "how to show it").choices(["wide", "json", "yaml"]);
  add("status", "Show what runs, where, and what is not as it should be.", async (_, options) =>
    (await import("./commands/status.ts")).status(context, options),
  ).addOption(output());
  add("get", "List objects, or show one.", async (args, options) => (await import("./commands/get.ts")).get(context, args, options))
    .argument("<kind>", "kind, plural or short name (microservices, ms, …), several joined by commas, or kind/name")
    .argument("[name...]", "names")
    .option("-l, --selector <selector>", "only objects with these labels, as in app=x,tier!=y")
    .option("--field-selector <selector>", "only objects with these fields, as in spec.service=auth")
    .option("-w, --watch", "go on: a line for each change", false)
    .addOption(new Option("-o, --output <format>", "how to show it").choices(["wide", "json", "yaml", "name"]));
  add("events", "Show what has happened in the last hour, of the site or of one object.", async (args, options) =>
    (await import("./commands/events.ts")).events(context, args, options),
  )
    .argument("[kind]", "kind, kind/name, or the name of an object")
    .argument("[name]", "name of an object of that kind")
    .option("-w, --watch", "go on: a line for each event", false)
    .option("--since <duration>", "only those of the last so long", parseDuration)
    .option("--warnings", "only warnings", false)
    .addOption(new Option("-o, --output <format>", "how to show it").choices(["wide", "json", "yaml", "name"]));
  add("describe", "Show everything about one object, with its events.", async (args, options) =>
    (await import("./commands/describe.ts")).describe(context, args, options),
  )
    .argument("<kind>", "kind, plural or short name, or kind/name")
    .argument("[name...]", "names");
  add("logs", "Show the output of services and instances, in the order of time.", async (args, options) =>
    (await import("./commands/logs.ts")).logs(context, args, options),
  )
    .argument("[service|instance...]", "names of microservices, instances, jobs or their runs")
    .option("--all", "of all services", false)
    .option("-f, --follow", "go on as lines come", false)
    .option("--tail <lines>", "only so many last lines of each instance", parseCount)
    .option("--previous", "output of the run before the last restart", false)
    .option("-t, --times", "begin each line with its time", false)
    .option("--since <time>", "only lines since then: 10m (so long ago), 14:30, 2026-11-30T14:30:00Z")
    .option("--until <time>", "only lines until then")
    .option("--grep <text>", "only lines that hold this text; may be repeated: one of them", collect)
    .option("--ignore-case", "--grep takes capital and small letters for the same", false)
    .option("--raw", "on a terminal, too: bytes as they were written", false)
    .addOption(new Option("-o, --output <format>", "one JSON object for each line").choices(["json"]));
  add("calls", "Show the calls of the last minute: who called what, how often, how fast.", async (_, options) =>
    (await import("./commands/calls.ts")).calls(context, options),
  )
    .addOption(new Option("--by <what>", "one row for each").choices(["instance", "service", "host"]).default("instance"))
    .option("--graph", "who calls whom, as a tree", false)
    .option("--dot", "who calls whom, for Graphviz", false)
    .addOption(output());
  for (const [plural, description] of [
    ["hosts", "List hosts."],
    ["resources", "List people, machines and things."],
  ] as const) {
    add(plural, `${description} The same as: get ${plural}`, async (args, options) =>
      (await import("./commands/get.ts")).get(context, [plural, ...args], options),
    )
      .argument("[name...]", "names")
      .addOption(output());
  }

  program.commandsGroup("Change:");
  const wait = (command: Command): Command =>
    command.option("--wait", "return when it is ready", false).option("--timeout <duration>", "longest wait with --wait", parseDuration, "120s");
  wait(
    add("scale", "Set how many instances of a service run.", async (args, options) =>
      (await import("./commands/scale.ts")).scale(context, args, options),
    )
      .argument("<service>", "name of a microservice")
      .addArgument(new Argument("<instances>", "how many").argParser((text) => String(parseCount(text)))),
  );
  wait(
    add("stop", "Stop all instances of a service and keep everything else.", async (args, options) =>
      (await import("./commands/scale.ts")).suspend(context, args, { ...options, suspended: true }),
    ).argument("<service>", "name of a microservice"),
  );
  wait(
    add("start", "Start a stopped service again.", async (args, options) =>
      (await import("./commands/scale.ts")).suspend(context, args, { ...options, suspended: false }),
    ).argument("<service>", "name of a microservice"),
  );
  wait(
    add("restart", "Restart the instances of services one after the other; calls go to the others meanwhile.", async (args, options) =>
      (await import("./commands/restart.ts")).restart(context, args, options),
    ).argument("<service...>", "names of microservices"),
  );
  add("run-script", "Run a script of a service on one ready instance, and show its output.", async (args, options) =>
    (await import("./commands/run-script.ts")).runScript(context, args, options),
  )
    .argument("<service|instance>", "name of a microservice or an instance")
    .argument("<script>", "name of one of its scripts")
    .option("--all", "on all its ready instances", false)
    .addOption(output());
  add("exec", "Run a command in the folder and environment of an instance.", async (args, options) =>
    (await import("./commands/exec.ts")).exec(context, args, options),
  )
    .argument("<service|instance>", "name of a microservice or an instance")
    .argument("[command...]", "the command, behind two dashes: exec auth -- ls -l")
    .option("-i, --stdin", "give it standard input", false)
    .option("-t, --tty", "in a terminal", false)
    .option("--instance <name>", "in this instance of the service");
  add("update", "Update services consistently; follow, steer and remember updates.", async (args, options) =>
    (await import("./commands/update.ts")).runUpdate(context, args, options),
  )
    .argument("[service|show|history|pause|promote|abort|rollback]", "a service with --to, or what to do")
    .argument("[name]", "an update's name (history: a service's)")
    .option("--to <version>", "version or revision that the service shall go to")
    .option("-f, --file <file|->", "Updates of several services, with ramp and gates; may be repeated", collect)
    .option("--message <text>", "why; kept in the history")
    .addOption(
      new Option("--strategy <strategy>", "how new transactions come to it; rolling, blueGreen and recreate mix versions")
        .choices(["consistent", "rolling", "blueGreen", "recreate", "quiescence"])
        .default("consistent"),
    )
    .option("--ramp <shares>", "give new transactions step by step, in percent, as in 1,10,50")
    .option("--hold <duration>", "least time of each step", parseDuration, "30s")
    .option("--key <key>", "what keeps a user on one side: header:NAME, cookie:NAME or client")
    .option("--gates", "go back by itself if the new version has more errors or is slower", false)
    .option("--dry-run", "change nothing, and tell what would start, stop, be held and be waited for", false)
    .option("--no-wait", "do not wait for its end")
    .option("--watch", "with show: go on showing", false)
    .option("--off", "with pause: go on", false)
    .option("--timeout <duration>", "longest wait for its end", parseDuration, "30m")
    .addOption(output());
  add("job", "Run a job now, list jobs, show the history of their runs, stop a run.", async (args, options) =>
    (await import("./commands/job.ts")).runJob(context, args, options),
  )
    .argument("<run|list|history|stop>", "what to do")
    .argument("[name]", "name of a job (stop: or of one of its runs)")
    .option("--wait", "with run: return when it is over, with 0 only if it has succeeded", false)
    .option("--timeout <duration>", "longest wait with --wait", parseDuration, "1h")
    .addOption(output());
  add("volume", "List the volumes of services, or remove one with its data.", async (args, options) =>
    (await import("./commands/volume.ts")).runVolume(context, args, options),
  )
    .argument("<ls|rm>", "what to do")
    .argument("[name]", "with rm: name of a volume that nothing uses")
    .addOption(output());
  add("gateway", "Say that a lost gateway is dead: gateway forget NAME.", async (args, options) =>
    (await import("./commands/gateway.ts")).forgetGateway(context, args, options),
  )
    .argument("<forget>", "forget")
    .argument("<name>", "name of a gateway that is not connected");
  wait(
    add("apply", "Create or change objects as files say.", async (args, options) =>
      (await import("./commands/apply.ts")).apply(context, args, options),
    )
      .requiredOption("-f, --file <file|dir|->", "manifest, folder of manifests, or - for standard input; may be repeated", collect)
      .option("--dry-run", "check everything at the server, change nothing, and tell what changed templates would come to", false)
      .addOption(new Option("-o, --output <format>", "how to show what came of it").choices(["json", "yaml"])),
  );
  add("delete", "Delete objects.", async (args, options) => (await import("./commands/delete.ts")).remove(context, args, options))
    .argument("[kind]", "kind, plural or short name, or kind/name")
    .argument("[name...]", "names")
    .option("-f, --file <file|dir|->", "delete what these manifests name; may be repeated", collect)
    .option("--wait", "return when they are gone", false)
    .option("--timeout <duration>", "longest wait with --wait", parseDuration, "120s");

  program.commandsGroup("Without a running site:");
  add("validate", "Check manifests against the model.", async (_, options) => (await import("./commands/validate.ts")).validate(context, options))
    .requiredOption("-f, --file <file|dir|->", "manifest, folder of manifests, or - for standard input; may be repeated", collect)
    .addOption(new Option("-o, --output <format>", "how to show what is wrong").choices(["json", "yaml"]));
  add("crds", "Print Kubernetes' CustomResourceDefinitions of all kinds, or of some.", async (args) =>
    (await import("./commands/crds.ts")).crds(context, args),
  ).argument("[kind...]", "kinds; default all");
  add("completion", "Print what a shell evaluates so that Tab completes commands, options and names.", async (args, options) =>
    (await import("./commands/complete.ts")).completion(context, args, options),
  )
    .addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      "\nFor bash, in ~/.bashrc: source <(orrery completion bash)\nFor zsh, in ~/.zshrc: source <(orrery completion zsh)\nFor fish: orrery completion fish > ~/.config/fish/completions/orrery.fish",
    );
  program
    .command("complete", { hidden: true })
    .helpOption(false)
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      const at = words.indexOf("--data");
      const data = (at < 0 ? undefined : words[at + 1]) ?? context.env["ORRERY_DATA"] ?? ".orrery";
      finish(await (await import("./commands/complete.ts")).completeWords(context, program, words, resolvePath(context, data)));
    });
  add("version", "Print Orrery's version.", async (_, options) => (await import("./commands/version.ts")).version(context, options)).addOption(
    new Option("-o, --output <format>", "how to show it").choices(["json", "yaml"]),
  );
  return program;
}

/** Options of all commands; each reads its own. `data` is absolute. */
/** `options` with its data folder, which is looked for only when a command asks: the current folder may be gone, and not every command needs one. */
function withData(options: Omit<Options, "data">, data: () => string): Options {
  return Object.defineProperty({ ...options } as Options, "data", { get: data, enumerable: true });
}

export interface Options {
  readonly data: string;
  /** Long names of those that were typed, `--no-wait` as it is. */
  readonly given: readonly string[];
  readonly site?: string;
  readonly listen?: string;
  readonly apiPort?: number;
  readonly edgePort?: number;
  readonly prune?: boolean;
  readonly detach?: boolean;
  readonly timeout?: string;
  readonly output?: "wide" | "json" | "yaml" | "name";
  readonly dot?: boolean;
  readonly graph?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly previous?: boolean;
  readonly times?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly grep?: readonly string[];
  readonly ignoreCase?: boolean;
  readonly raw?: boolean;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly instance?: string;
  readonly by?: "instance" | "service" | "host";
  readonly wait?: boolean;
  readonly all?: boolean;
  readonly file?: readonly string[];
  readonly dryRun?: boolean;
  readonly to?: string;
  readonly message?: string;
  readonly strategy?: StrategyName;
  readonly ramp?: string;
  readonly hold?: string;
  readonly key?: string;
  readonly gates?: boolean;
  readonly watch?: boolean;
  readonly warnings?: boolean;
  readonly off?: boolean;
}

function optionsGiven(command: Command): readonly string[] {
  return command.options.filter((one) => command.getOptionValueSource(one.attributeName()) === "cli").map((one) => one.long ?? one.flags);
}

/** `<kind>`, `[name...]`. */
function argumentTerm(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}

function parsePort(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError("Give a port from 0 to 65535.");
  return Number(text);
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Give a whole number, 0 or more.");
  return Number(text);
}

/** Kept as text, so that --help shows it as people write it. */
function parseDuration(text: string): string {
  if (!isDuration(text)) throw new InvalidArgumentError("Give a duration such as 500ms, 30s, 5m.");
  return text;
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
