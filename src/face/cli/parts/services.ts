import { Argument, Option } from "commander";
import { instance, microservice, revision, volume } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { collect, output, parseCount, parseDuration, wait } from "../option-values.ts";
import type { Options } from "../options.ts";

/** True if `orrery logs` is asked to search, and not to show what is written. */
function isSearch({ search, trace, level, regex, export: file, platform }: Options): boolean {
  return [search, trace, level, regex, file].some((one) => one !== undefined) || platform === true;
}

/** Services, what they write, and their data. */
export const servicesCli: CliPart = {
  name: "services",
  kinds: [microservice, volume, revision, instance],
  commands: [
    {
      group: "See:",
      usage: "logs",
      description: "Show the output of services and instances, in the order of time; or search it on all hosts, the newest first.",
      define: (command) =>
        command
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
          .option(
            "--search <words>",
            'search all hosts: records that hold all of these words, the newest first; "two words" in quotes are one',
            collect,
          )
          .option("--regex <expression>", "search: that match this expression (RE2)")
          .option("--trace <id>", "search: that tell this trace id")
          .option("--level <level>", "search: of this level or a graver one: trace, debug, info, warn, error, fatal")
          .option("--service <name>", "search: of this service; may be repeated", collect)
          .option("--host <name>", "search: on this host; may be repeated", collect)
          .option("--platform", "search: what Orrery's own processes write", false)
          .option("--export <file>", "search: write what is found into a file: lines, or JSON where its name ends with .json")
          .option("--raw", "on a terminal, too: bytes as they were written", false)
          .addOption(new Option("-o, --output <format>", "one JSON object for each line").choices(["json"])),
      run: async (context, args, options) =>
        isSearch(options)
          ? (await import("../commands/log-search.ts")).searchLogs(context, args, options)
          : (await import("../commands/logs.ts")).logs(context, args, options),
    },
    {
      group: "Change:",
      usage: "scale",
      description: "Set how many instances of a service run.",
      define: (command) =>
        wait(
          command
            .argument("<service>", "name of a microservice")
            .addArgument(new Argument("<instances>", "how many").argParser((text) => String(parseCount(text)))),
        ),
      run: async (context, args, options) => (await import("../commands/scale.ts")).scale(context, args, options),
    },
    {
      group: "Change:",
      usage: "stop",
      description: "Stop all instances of a service and keep everything else.",
      define: (command) => wait(command.argument("<service>", "name of a microservice")),
      run: async (context, args, options) => (await import("../commands/scale.ts")).suspend(context, args, { ...options, suspended: true }),
    },
    {
      group: "Change:",
      usage: "start",
      description: "Start a stopped service again.",
      define: (command) => wait(command.argument("<service>", "name of a microservice")),
      run: async (context, args, options) => (await import("../commands/scale.ts")).suspend(context, args, { ...options, suspended: false }),
    },
    {
      group: "Change:",
      usage: "restart",
      description: "Restart the instances of services one after the other; calls go to the others meanwhile.",
      define: (command) => wait(command.argument("<service...>", "names of microservices")),
      run: async (context, args, options) => (await import("../commands/restart.ts")).restart(context, args, options),
    },
    {
      group: "Change:",
      usage: "log-level",
      description: "Have a service log more, or less, for a time; it goes back by itself.",
      define: (command) =>
        command
          .argument("<service>", "name of a microservice whose template has a logLevel")
          .addArgument(new Argument("<level>", "how much").choices(["trace", "debug", "info", "warn", "error", "fatal", "back"]))
          .option("--for <duration>", "so long, 1s to 24h", parseDuration, "10m")
          .option("--instance <name>", "only this instance")
          .option("-m, --message <words>", "why; it stands in the audit")
          .addOption(new Option("-o, --output <format>", "how to show it").choices(["json"])),
      run: async (context, args, options) => (await import("../commands/log-level.ts")).logLevel(context, args, options),
    },
    {
      group: "Change:",
      usage: "run-script",
      description: "Run a script of a service on one ready instance, and show its output.",
      define: (command) =>
        command
          .argument("<service|instance>", "name of a microservice or an instance")
          .argument("<script>", "name of one of its scripts")
          .option("--all", "on all its ready instances", false)
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/run-script.ts")).runScript(context, args, options),
    },
    {
      group: "Change:",
      usage: "exec",
      description: "Run a command in the folder and environment of an instance.",
      define: (command) =>
        command
          .argument("<service|instance>", "name of a microservice or an instance")
          .argument("[command...]", "the command, behind two dashes: exec auth -- ls -l")
          .option("-i, --stdin", "give it standard input", false)
          .option("-t, --tty", "in a terminal", false)
          .option("--instance <name>", "in this instance of the service"),
      run: async (context, args, options) => (await import("../commands/exec.ts")).exec(context, args, options),
    },
    {
      group: "Change:",
      usage: "volume",
      description: "List the volumes of services, or remove one with its data.",
      define: (command) =>
        command.argument("<ls|rm>", "what to do").argument("[name]", "with rm: name of a volume that nothing uses").addOption(output()),
      run: async (context, args, options) => (await import("../commands/volume.ts")).runVolume(context, args, options),
    },
  ],
};
