import { stringify } from "yaml";
import { OrreryError } from "#/base/index.ts";
import { findKind, findNearest, kinds } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { crd } from "../crd.ts";

/** `orrery crds`: one YAML document for each kind. */
export async function crds(context: CliContext, names: readonly string[]): Promise<number> {
  const chosen = names.length === 0 ? kinds : names.map(kindNamed);
  context.terminal.out(chosen.map((kind) => `---\n${stringify(crd(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`).join(""));
  return 0;
}

/** The kind of that name in any of its forms.
 *  @throws cli/usage: there is none */
export function kindNamed(name: string): (typeof kinds)[number] {
  const kind = findKind(name);
  if (kind !== undefined) return kind;
  const nearest = findNearest(
    name,
    kinds.flatMap((one) => [one.plural, one.singular, ...(one.shortNames ?? [])]),
  );
  throw new OrreryError(
    "cli/usage",
    `there is no kind ${JSON.stringify(name)}${nearest === undefined ? "" : `; did you mean ${nearest}?`}; kinds: ${kinds.map((one) => one.plural).join(", ")}`,
  );
}
