import { alarm, alarmChannel, alarmRule, maintenance } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { output, parseCount } from "../option-values.ts";

/** What is not as it should be. */
export const alarmsCli: CliPart = {
  name: "alarms",
  kinds: [alarmRule, alarmChannel, maintenance, alarm],
  commands: [
    {
      group: "See:",
      usage: "alarms",
      description: "What is not as it should be, what nobody has acknowledged first; acknowledge, shelve or close it.",
      define: (command) =>
        command
          .argument("[list|show|history|ack|shelve|unshelve|close]", "what to do; list where nothing is said")
          .argument("[alarm...]", "names of alarms, or beginnings of them; with shelve then a time, as 2h")
          .option("-m, --message <why>", "with ack, shelve, unshelve, close: why; kept with the alarm and in the audit")
          .option("--all", "with list: also what is shelved, suppressed or over; with ack and so on: all that are listed", false)
          .option("--tail <count>", "with history: so many of the newest", parseCount)
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/alarms.ts")).alarms(context, args, options),
    },
  ],
};
