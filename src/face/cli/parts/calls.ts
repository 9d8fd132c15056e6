import { Option } from "commander";
import type { CliPart } from "../context.ts";
import { output } from "../option-values.ts";

/** Who calls what. */
export const callsCli: CliPart = {
  name: "calls",
  kinds: [],
  commands: [
    {
      group: "See:",
      usage: "calls",
      description: "Show the calls of the last minute: who called what, how often, how fast.",
      define: (command) =>
        command
          .addOption(new Option("--by <what>", "one row for each").choices(["instance", "service", "host"]).default("instance"))
          .option("--graph", "who calls whom, as a tree", false)
          .option("--dot", "who calls whom, for Graphviz", false)
          .addOption(output()),
      run: async (context, _args, options) => (await import("../commands/calls.ts")).calls(context, options),
    },
  ],
};
