import { Argument, Option } from "commander";
import type { CliPart } from "../context.ts";

/** The command itself. */
export const commandCli: CliPart = {
  name: "command",
  kinds: [],
  commands: [
    {
      group: "Without a running site:",
      usage: "completion",
      description: "Print what a shell evaluates so that Tab completes commands, options and names.",
      define: (command) =>
        command
          .addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh", "fish"]))
          .addHelpText(
            "after",
            "\nFor bash, in ~/.bashrc: source <(orrery completion bash)\nFor zsh, in ~/.zshrc: source <(orrery completion zsh)\nFor fish: orrery completion fish > ~/.config/fish/completions/orrery.fish",
          ),
      run: async (context, args, options) => (await import("../commands/complete.ts")).completion(context, args, options),
    },
    {
      group: "Without a running site:",
      usage: "version",
      description: "Print Orrery's version.",
      define: (command) => command.addOption(new Option("-o, --output <format>", "how to show it").choices(["json", "yaml"])),
      run: async (context, _args, options) => (await import("../commands/version.ts")).version(context, options),
    },
  ],
};
