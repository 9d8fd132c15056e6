import { Command } from "commander";
import { asking } from "./asking-client.ts";
import { type CliContext, GROUPS, resolvePath } from "./context.ts";
import type { Options } from "./options.ts";

/** The command `orrery` with the subcommands of the parts in `context`. `finish` is called with the exit status of the one that ran. Commands are loaded when they run: the start stays quick. */
export function buildProgram(context: CliContext, finish: (exitStatus: number) => void): Command {
  const program = new Command(context.terminal.command);
  program
    .description("Runs a site: its services, the machines, things and people it is made of, and every change to them.")
    .version(context.platform.version, "-V, --version", "Print Orrery's version.")
    .helpCommand("help [command]", "Show a command's options.")
    .helpOption("-h, --help", "Show this help.")
    .configureHelp({ subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" ") })
    .showSuggestionAfterError(true);

  for (const group of GROUPS) {
    program.commandsGroup(group);
    for (const one of context.parts.flatMap((part) => part.commands).filter((each) => each.group === group)) {
      const command = program
        .command(one.usage)
        .description(one.description)
        .helpOption("-h, --help", "Show this help.")
        .option("--data <dir>", "data folder of the site", context.env["ORRERY_DATA"] ?? ".orrery");
      one.define?.(command);
      // Whoever changes something may have to say why, and may have to do it alone.
      if (group === "Change:" || ["backup", "secrets"].includes(one.usage))
        command
          .option("--reason <text>", "why; kept in the audit, and shown to who has to approve it")
          .option("--break-glass <reason>", "do alone, in need, what others have to approve: all are told, until one of them has looked at it");
      command.action(async () => {
        const options: Omit<Options, "given"> = command.opts();
        if (command.getOptionValueSource("data") === "cli") context.terminal.nameData(options.data);
        const args = command.processedArgs.flat().filter((each): each is string => typeof each === "string");
        finish(
          await one.run(
            asking(context, options),
            args,
            withData({ ...options, given: optionsGiven(command) }, () => resolvePath(context, options.data)),
          ),
        );
      });
    }
  }
  program
    .command("complete", { hidden: true })
    .helpOption(false)
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      const at = words.indexOf("--data");
      const data = (at < 0 ? undefined : words[at + 1]) ?? context.env["ORRERY_DATA"] ?? ".orrery";
      finish(await (await import("./commands/complete.ts")).completeWords(context, program, words, resolvePath(context, data)));
    });
  return program;
}

/** `options` with its data folder, which is looked for only when a command asks: the current folder may be gone, and not every command needs one. */
function withData(options: Omit<Options, "data">, data: () => string): Options {
  return Object.defineProperty({ ...options } as Options, "data", { get: data, enumerable: true });
}

function optionsGiven(command: Command): readonly string[] {
  return command.options.filter((one) => command.getOptionValueSource(one.attributeName()) === "cli").map((one) => one.long ?? one.flags);
}

/** `<kind>`, `[name...]`. */
function argumentTerm(argument: { name(): string; readonly variadic: boolean; readonly required: boolean }): string {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}
