import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";

/** `orrery version`. */
export async function version(context: CliContext, { output }: Options): Promise<number> {
  const facts = { orrery: context.platform.version, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
  if (output === "json" || output === "yaml") printData(context.terminal, output, facts);
  else context.terminal.out(`orrery ${facts.orrery} (Node.js ${facts.node}, ${facts.platform})`);
  return 0;
}
