import { CommanderError } from "commander";
import { describeError, isOrreryError } from "#/base/index.ts";
import type { CliContext } from "./context.ts";
import { buildProgram } from "./program.ts";

/** Exit statuses of every command. */
const EXIT = { done: 0, failed: 1, misused: 2 } as const;

/** Runs `orrery` with these arguments (without program and script). Returns the exit status: 0 done, 1 failed, 2 misused. Says in one line what failed; never throws. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const { terminal } = context;
  let status: number = EXIT.done;
  const program = buildProgram(context, (exitStatus) => {
    status = exitStatus;
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.note(text.trimEnd()),
      getOutHelpWidth: () => Math.min(terminal.columns, 100),
      getErrHelpWidth: () => Math.min(terminal.columns, 100),
      outputError: (text, write) => write(terminal.paintNote("red", text.trimEnd())),
    });
    const words = command === program ? "orrery" : `orrery ${command.name()}`;
    command.showHelpAfterError(`See: ${words} --help`).showSuggestionAfterError(true);
  }
  try {
    if (args.length === 0) {
      terminal.out(program.helpInformation());
      return EXIT.misused;
    }
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    terminal.progress(undefined);
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misused;
    if (context.signal.aborted) return 130;
    terminal.note(`${terminal.paintNote("red", "error:")} ${describeError(error)}`);
    if (context.env["ORRERY_DEBUG"] !== undefined) terminal.note(error instanceof Error ? describeDeeply(error) : String(error));
    return isOrreryError(error, "cli/usage") ? EXIT.misused : EXIT.failed;
  }
}

function describeDeeply(error: Error): string {
  const code = isOrreryError(error) ? `code: ${error.code}\ndetails: ${JSON.stringify(error.details)}\n` : "";
  const cause = error.cause instanceof Error ? `\ncause: ${describeDeeply(error.cause)}` : "";
  return `${code}${error.stack ?? error.message}${cause}`;
}
