import { Option } from "commander";
import type { CliPart } from "../context.ts";
import { collect, parseCount } from "../option-values.ts";

/** What people did. */
export const auditCli: CliPart = {
  name: "audit",
  kinds: [],
  commands: [
    {
      group: "See:",
      usage: "audit",
      description: "Show what people did, verify that nothing of it was changed, export and remove it.",
      define: (command) =>
        command
          .argument("[show|verify|export|prune]", "what to do; default: show")
          .argument("[file]", "verify: an export, instead of the data folder; export: where to; prune: an export of what is to be removed")
          .option("--user <name>", "with show: what this user did")
          .option("--action <action>", "with show: such as update, scale, login, exec")
          .option("--object <object>", "with show: kind/name, a kind, or a name")
          .option("--since <time>", "with show: a duration ago (2h), or a time (2030-01-31T06:00:00Z)")
          .option("--until <time>", "with show: the same")
          .option("--text <text>", "with show: entries in which it stands")
          .option("--tail <count>", "with show: so many of the newest", parseCount, 50)
          .option("-f, --follow", "with show: go on showing", false)
          .option("--against <place>", "with verify: heads kept elsewhere: witness, a folder, or a file; may be repeated", collect)
          .addOption(new Option("-o, --output <format>", "how to show it").choices(["wide", "json", "yaml"])),
      run: async (context, args, options) => (await import("../commands/audit.ts")).runAudit(context, args, options),
    },
  ],
};
