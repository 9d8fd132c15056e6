import { type CliPart, CLI_PARTS as OWN_PARTS } from "#/face/cli/index.ts";
import type { Kind } from "#/model/index.ts";

/** What the command line can do: the commands of its own room, and one line for each capability that brings commands from elsewhere. */
export const CLI_PARTS: readonly CliPart[] = [
  ...OWN_PARTS, //
];

/** The kinds that it knows, in the order in which a folder of manifests is applied. */
export const CLI_KINDS: readonly Kind[] = CLI_PARTS.flatMap((part) => part.kinds);
