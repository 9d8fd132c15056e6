import { Option } from "commander";
import { generation, update } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { collect, output, parseDuration } from "../option-values.ts";

/** Changes of services. */
export const updatesCli: CliPart = {
  name: "updates",
  kinds: [generation, update],
  commands: [
    {
      group: "Change:",
      usage: "update",
      description: "Update services consistently; follow, steer and remember updates.",
      define: (command) =>
        command
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
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/update.ts")).runUpdate(context, args, options),
    },
  ],
};
