import { Argument } from "commander";
import type { CliPart } from "../context.ts";
import { output } from "../option-values.ts";

/** Devices that are asked by SNMP. */
export const devicesCli: CliPart = {
  name: "devices",
  kinds: [],
  commands: [
    {
      group: "See:",
      usage: "devices",
      description: "List the devices that are asked by SNMP; show one with its interfaces.",
      define: (command) =>
        command
          .addArgument(new Argument("[what]", "what to do").choices(["list", "show"]).default("list"))
          .argument("[name]", "show: which device")
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/devices.ts")).devices(context, args, options),
    },
  ],
};
