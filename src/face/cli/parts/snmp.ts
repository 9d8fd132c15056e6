import { snmpAgent, snmpUser } from "#/model/index.ts";
import type { CliPart } from "../context.ts";

/** The SNMP agents of hosts. */
export const snmpCli: CliPart = {
  name: "snmp",
  kinds: [snmpUser, snmpAgent],
  commands: [
    {
      group: "See:",
      usage: "snmp",
      description: "Walk through what a host's SNMP agent tells; look names of MIBs up.",
      define: (command) =>
        command
          .argument("<walk|mib>", "what to do")
          .argument(
            "[name]",
            "walk: from where on, a name or numbers (default: ORRERY-MIB); mib: a name or numbers (default: the file that managers load)",
          )
          .argument("[host]", "walk: whose agent, where there are several; or ADDRESS:PORT")
          .option("--community <text>", "walk: of SNMPv2c", "public")
          .option("--mibs <dir>", "a folder with further MIB modules"),
      run: async (context, args, options) => (await import("../commands/snmp.ts")).snmp(context, args, options),
    },
  ],
};
