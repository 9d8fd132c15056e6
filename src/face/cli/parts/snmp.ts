import { snmpAgent, snmpReceiver, snmpUser } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { output, parseCount } from "../option-values.ts";

/** The SNMP agents of hosts. */
export const snmpCli: CliPart = {
  name: "snmp",
  kinds: [snmpUser, snmpAgent, snmpReceiver],
  commands: [
    {
      group: "See:",
      usage: "snmp",
      description: "Walk through what a host's SNMP agent tells; look names of MIBs up; show traps that came.",
      define: (command) =>
        command
          .argument("<walk|mib|traps>", "what to do")
          .argument(
            "[name]",
            "walk: from where on, a name or numbers (default: ORRERY-MIB); mib: a name or numbers (default: the file that managers load); traps: which ones",
          )
          .argument("[host]", "walk: whose agent, where there are several; or ADDRESS:PORT")
          .option("--community <text>", "walk: of SNMPv2c", "public")
          .option("--mibs <dir>", "a folder with further MIB modules (default: mibs in the site's folder)")
          .option("--count", "traps: how many of each kind and device, and how many were not taken", false)
          .option("--since <time>", "traps: 10m, 2h, or a time")
          .option("--tail <count>", "traps: the last so many", parseCount, 100)
          .addOption(output()),
      run: async (context, args, options) => (await import("../commands/snmp.ts")).snmp(context, args, options),
    },
  ],
};
