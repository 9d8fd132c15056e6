import { Option } from "commander";
import type { CliCommand, CliPart } from "../context.ts";
import { collect, objectOutput, output, parseDuration, wait } from "../option-values.ts";

/** Objects of whatever kind. */
export const objectsCli: CliPart = {
  name: "objects",
  kinds: [],
  commands: [
    {
      group: "See:",
      usage: "get",
      description: "List objects, or show one.",
      define: (command) =>
        command
          .argument("<kind>", "kind, plural or short name (microservices, ms, …), several joined by commas, or kind/name")
          .argument("[name...]", "names")
          .option("-l, --selector <selector>", "only objects with these labels, as in app=x,tier!=y")
          .option("--field-selector <selector>", "only objects with these fields, as in spec.service=auth")
          .option("-w, --watch", "go on: a line for each change", false)
          .addOption(objectOutput()),
      run: async (context, args, options) => (await import("../commands/get.ts")).get(context, args, options),
    },
    {
      group: "See:",
      usage: "events",
      description: "Show what has happened in the last hour, of the site or of one object.",
      define: (command) =>
        command
          .argument("[kind]", "kind, kind/name, or the name of an object")
          .argument("[name]", "name of an object of that kind")
          .option("-w, --watch", "go on: a line for each event", false)
          .option("--since <duration>", "only those of the last so long", parseDuration)
          .option("--warnings", "only warnings", false)
          .addOption(objectOutput()),
      run: async (context, args, options) => (await import("../commands/events.ts")).events(context, args, options),
    },
    {
      group: "See:",
      usage: "describe",
      description: "Show everything about one object, with its events.",
      define: (command) => command.argument("<kind>", "kind, plural or short name, or kind/name").argument("[name...]", "names"),
      run: async (context, args, options) => (await import("../commands/describe.ts")).describe(context, args, options),
    },
    {
      group: "Change:",
      usage: "apply",
      description: "Create or change objects as files say.",
      define: (command) =>
        wait(command)
          .requiredOption("-f, --file <file|dir|->", "manifest, folder of manifests, or - for standard input; may be repeated", collect)
          .option("--dry-run", "check everything at the server, change nothing, and tell what changed templates would come to", false)
          .addOption(new Option("-o, --output <format>", "how to show what came of it").choices(["json", "yaml"])),
      run: async (context, args, options) => (await import("../commands/apply.ts")).apply(context, args, options),
    },
    {
      group: "Change:",
      usage: "delete",
      description: "Delete objects.",
      define: (command) =>
        command
          .argument("[kind]", "kind, plural or short name, or kind/name")
          .argument("[name...]", "names")
          .option("-f, --file <file|dir|->", "delete what these manifests name; may be repeated", collect)
          .option("--wait", "return when they are gone", false)
          .option("--timeout <duration>", "longest wait with --wait", parseDuration, "120s"),
      run: async (context, args, options) => (await import("../commands/delete.ts")).remove(context, args, options),
    },
    {
      group: "Without a running site:",
      usage: "validate",
      description: "Check manifests against the model.",
      define: (command) =>
        command
          .requiredOption("-f, --file <file|dir|->", "manifest, folder of manifests, or - for standard input; may be repeated", collect)
          .addOption(new Option("-o, --output <format>", "how to show what is wrong").choices(["json", "yaml"])),
      run: async (context, _args, options) => (await import("../commands/validate.ts")).validate(context, options),
    },
    {
      group: "Without a running site:",
      usage: "crds",
      description: "Print Kubernetes' CustomResourceDefinitions of all kinds, or of some.",
      define: (command) => command.argument("[kind...]", "kinds; default all"),
      run: async (context, args) => (await import("../commands/crds.ts")).crds(context, args),
    },
  ],
};

/** `hosts` for `get hosts`. */
export function listing(plural: string, description: string): CliCommand {
  return {
    group: "See:",
    usage: plural,
    description: `${description} The same as: get ${plural}`,
    define: (command) => command.argument("[name...]", "names").addOption(output()),
    run: async (context, args, options) => (await import("../commands/get.ts")).get(context, [plural, ...args], options),
  };
}
