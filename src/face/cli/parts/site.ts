import { host, site } from "#/model/index.ts";
import type { CliPart } from "../context.ts";
import { output, parseDuration, parsePort } from "../option-values.ts";
import { listing } from "./objects.ts";

/** The site as a whole. */
export const siteCli: CliPart = {
  name: "hosts",
  kinds: [site, host],
  commands: [
    {
      group: "Run a site:",
      usage: "up",
      description: "Run a site until Ctrl-C; with --detach in the background.",
      define: (command) =>
        command
          .option("--site <dir>", "folder with the site's manifests; default: that of the last start, at first the sample site")
          .option("--listen <address>", "address on which API and edge listen", "127.0.0.1")
          .option("--api-port <port>", "port of the API; 0: any free one", parsePort, 7443)
          .option("--edge-port <port>", "port of the edge; 0: any free one", parsePort, 8080)
          .option(
            "--console-port <port>",
            "port of the console, for browsers on this machine; 0: any free one; default: 7480 if it is free",
            parsePort,
          )
          .option("--prune", "delete objects of files that have left the site's folder", false)
          .option("--detach", "return when every microservice is ready", false)
          .option("--timeout <duration>", "longest wait until all is ready", parseDuration, "120s"),
      run: async (context, _args, options) => (await import("../commands/up.ts")).up(context, options),
    },
    {
      group: "Run a site:",
      usage: "down",
      description: "End everything: requests first, then services, then the platform.",
      define: (command) => command.option("--timeout <duration>", "longest wait for requests that still run", parseDuration, "30s"),
      run: async (context, _args, options) => (await import("../commands/up.ts")).down(context, options),
    },
    {
      group: "Run a site:",
      usage: "backup",
      description: "Copy everything that is stored, while the site runs.",
      define: (command) => command.argument("[file]", "where to; default: a new file in <data>/backups"),
      run: async (context, args, options) => (await import("../commands/backup.ts")).backup(context, args, options),
    },
    {
      group: "Run a site:",
      usage: "restore",
      description: "Put a backup in the place of what is stored; the site must be down.",
      define: (command) => command.argument("<file>", "a file that orrery backup made"),
      run: async (context, args, options) => (await import("../commands/backup.ts")).restore(context, args, options),
    },
    {
      group: "See:",
      usage: "status",
      description: "Show what runs, where, and what is not as it should be.",
      define: (command) => command.addOption(output()),
      run: async (context, _args, options) => (await import("../commands/status.ts")).status(context, options),
    },
    listing("hosts", "List hosts."),
  ],
};
