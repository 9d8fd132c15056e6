import type { Command } from "commander";
import type { Kind } from "#/model/index.ts";
import type { CliContext } from "./context.ts";
import type { Options } from "./options.ts";

/** What a capability gives to the command line, as one value. `apps/` lists the parts. */
export interface CliPart {
  /** That of the centre's part, where there is one. */
  readonly name: string;
  /** Its kinds, in the order in which a folder of manifests is applied; those of the parts listed before it come before. */
  readonly kinds: readonly Kind[];
  readonly commands: readonly CliCommand[];
}

/** Under which title a command stands in the help, in this order. */
export const GROUPS = ["Run a site:", "See:", "Change:", "Without a running site:"] as const;

export interface CliCommand {
  readonly group: (typeof GROUPS)[number];
  /** Its name. */
  readonly usage: string;
  /** A sentence. */
  readonly description: string;
  /** Gives it its arguments and options. */
  readonly define?: (command: Command) => unknown;
  /** Returns the exit status. Loads its code itself, so that the start of every command stays quick. */
  readonly run: (context: CliContext, args: readonly string[], options: Options) => Promise<number>;
}
