import { Argument, Option } from "commander";
import type { CliPart } from "../context.ts";
import { output } from "../option-values.ts";
import { TOP_OBJECTS, TOP_SORTS } from "../top-table.ts";

/** What uses most. */
export const topCli: CliPart = {
  name: "top",
  kinds: [],
  commands: [
    {
      group: "See:",
      usage: "top",
      description: "Show what uses most now: processor, memory, calls; again every 2 s, until Ctrl-C.",
      define: (command) =>
        command
          .addArgument(new Argument("[what]", "of what").choices(TOP_OBJECTS).default("hosts"))
          .addOption(new Option("--sort <what>", "what stands first").choices(TOP_SORTS).default("cpu"))
          .option("--once", "show it once; so it is where no terminal is, and with -o json or yaml", false)
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/top.ts")).top(context, args, options),
    },
  ],
};
