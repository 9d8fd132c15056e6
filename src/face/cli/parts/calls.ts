import { Option } from "commander";
import { serviceDomain } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { collect, output, parseCount, parseDuration } from "../option-values.ts";

/** Who calls what, and each call as gateways have recorded it. */
export const callsCli: CliPart = {
  name: "calls",
  kinds: [serviceDomain],
  commands: [
    {
      group: "See:",
      usage: "calls",
      description: "Show the calls of the last minute: who called what, how often, how fast; with a filter, recorded calls one by one.",
      define: (command) =>
        command
          .addOption(new Option("--by <what>", "one row for each").choices(["instance", "service", "host"]).default("instance"))
          .option("--graph", "who calls whom, as a tree", false)
          .option("--dot", "who calls whom, for Graphviz", false)
          .option("--service <name>", "recorded calls to this service; may be given more than once", collect)
          .option("--domain <name>", "recorded calls to the services of this ServiceDomain")
          .option("--caller <service>", "recorded calls of this service; (outside): from outside")
          .option("--instance <name>", "recorded calls to this instance")
          .option("--generation <number>", "recorded calls of this generation", parseCount)
          .option("--errors", "recorded calls that failed", false)
          .option("--slow <duration>", "recorded calls that took so long: 200ms", parseDuration)
          .option("--from <time>", "recorded calls since then: a duration ago (1h, -1h), 14:30, or 2030-01-31T06:00:00Z; default: 1h")
          .option("--to <time>", "until then; default: now")
          .option("--limit <count>", "the newest so many, up to 1000; default: 100", parseCount)
          .addOption(output()),
      run: async (context, _args, options) => (await import("../commands/calls.ts")).calls(context, options),
    },
    {
      group: "See:",
      usage: "trace",
      description: "Show one request as the tree of its calls, as gateways have recorded them.",
      define: (command) =>
        command
          .argument("<id>", "its trace id, 32 hexadecimal digits: from orrery calls, from a log, or from the header of an answer")
          .option("--domain <name>", "as who sees this ServiceDomain")
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/trace.ts")).trace(context, args, options),
    },
  ],
};
