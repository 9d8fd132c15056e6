import { gateway, route } from "#/model/index.ts";
import type { CliPart } from "../context.ts";

/** Where requests come in and go. */
export const routesCli: CliPart = {
  name: "routes",
  kinds: [gateway, route],
  commands: [
    {
      group: "Change:",
      usage: "gateway",
      description: "Say that a lost gateway is dead: gateway forget NAME.",
      define: (command) => command.argument("<forget>", "forget").argument("<name>", "name of a gateway that is not connected"),
      run: async (context, args, options) => (await import("../commands/gateway.ts")).forgetGateway(context, args, options),
    },
  ],
};
