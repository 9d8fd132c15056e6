import path from "node:path";
import type { Command } from "commander";
import type { Clock } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { Options } from "./options.ts";
import type { Platform } from "./platform.ts";
import type { Terminal } from "./terminal.ts";

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

/** What every command is given. */
export interface CliContext {
  /** What it can do: commands and kinds. */
  readonly parts: readonly CliPart[];
  readonly terminal: Terminal;
  readonly platform: Platform;
  readonly clock: Clock;
  /** Relative paths begin here.
   *  @throws cli/no-folder: it is gone */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The site that comes with Orrery: what `up` runs by default. Absolute. */
  readonly sampleSite: string;
  /** The API of what runs on a data folder (absolute): as who has logged in, else as the machine's admin, and always so with `asMachine`. The caller closes it.
   *  @throws cli/not-running: nothing was started there */
  connect(data: string, options?: { readonly asMachine?: boolean }): Promise<Client>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The kinds of all parts, in the order in which a folder of manifests is applied. */
export function kindsOf({ parts }: Pick<CliContext, "parts">): readonly Kind[] {
  return parts.flatMap((part) => part.kinds);
}

export type OutputFormat = "table" | "wide" | "json" | "yaml" | "name";

/** `name` as an absolute path.
 *  @throws cli/no-folder: it is relative, and the current folder is gone */
export function resolvePath(context: Pick<CliContext, "cwd">, name: string): string {
  return path.isAbsolute(name) ? path.normalize(name) : path.resolve(context.cwd, name);
}
