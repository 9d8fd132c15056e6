import path from "node:path";
import { type CliContext, kindsOf, resolvePath } from "../context.ts";
import { findFaults, formatFault } from "../faults.ts";
import { loadManifests, type Manifests } from "../manifests.ts";
import type { Options } from "../options.ts";
import { count, printData } from "../output.ts";

/** `orrery validate`: 0 if the model allows everything, else each fault in a line of its own, and 1. */
export async function validate(context: CliContext, { file = [], output }: Options): Promise<number> {
  const { terminal } = context;
  const loaded = await loadAll(context, file);
  const faults = findFaults(kindsOf(context), loaded);
  if (output === "json" || output === "yaml") printData(terminal, output, { objects: loaded.manifests.length, faults });
  else {
    for (const fault of faults) terminal.out(formatFault(fault));
    const files = new Set([...loaded.manifests, ...loaded.faults].map((one) => one.file)).size;
    if (faults.length === 0) terminal.out(`${count(loaded.manifests.length, "object")} in ${count(files, "file")}: allowed`);
    else terminal.note(terminal.paintNote("red", `${count(faults.length, "fault")} in ${count(files, "file")}`));
  }
  return faults.length === 0 ? 0 : 1;
}

/** The manifests of all sources, in their order; relative ones from the caller's folder, named as given. */
export async function loadAll(context: CliContext, sources: readonly string[]): Promise<Manifests> {
  const input = sources.includes("-") ? await context.terminal.readInput() : "";
  const loaded = sources.map((source) => {
    const absolute = source === "-" ? source : resolvePath(context, source);
    const { manifests, faults } = loadManifests(absolute, () => input);
    const rename = <T extends { readonly file: string }>(one: T): T => ({
      ...one,
      file: one.file.startsWith(absolute) && source !== "-" ? path.join(source, path.relative(absolute, one.file)) : one.file,
    });
    return { manifests: manifests.map(rename), faults: faults.map(rename) };
  });
  return { manifests: loaded.flatMap((one) => one.manifests), faults: loaded.flatMap((one) => one.faults) };
}
