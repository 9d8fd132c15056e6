import path from "node:path";
import type { Clock } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliPart } from "./part.ts";
import type { Platform } from "./platform.ts";
import type { Terminal } from "./terminal.ts";

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
  /** The API of what runs on a data folder (absolute), as its admin. The caller closes it.
   *  @throws cli/not-running: nothing was started there */
  connect(data: string): Promise<Client>;
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
