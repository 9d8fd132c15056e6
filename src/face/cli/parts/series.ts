import { Argument, Option } from "commander";
import { dashboard } from "#/model/index.ts";
import type { CliPart } from "../context.ts";

/** Figures over time. */
export const seriesCli: CliPart = {
  name: "series",
  kinds: [dashboard],
  commands: [
    {
      group: "See:",
      usage: "series",
      description: "Ask for figures over time, in PromQL.",
      define: (command) =>
        command
          .addArgument(new Argument("<what>", "what to do").choices(["query"]))
          .argument("<expression>", "in PromQL: 'avg by (host) (host_cpu_percent)'")
          .option(
            "--from <time>",
            "the values since then: a duration ago (1h, -1h), 14:30, or 2030-01-31T06:00:00Z; default: the present value alone",
          )
          .option("--to <time>", "until then; default: now")
          .option("--step <duration>", "one value for each; default: so that some 200 are shown")
          .option("--plot", "draw them", false)
          .addOption(new Option("-o, --output <format>", "how to show it").choices(["json", "yaml"]))
          .addHelpText(
            "after",
            "\nWith --from and without --plot each series is told by its first, last, least, greatest and mean value; -o json has all.",
          )
          .allowUnknownOption(false),
      run: async (context, args, options) => (await import("../commands/series.ts")).runSeries(context, args, options),
    },
  ],
};
