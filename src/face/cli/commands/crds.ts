import { stringify } from "yaml";
import { findKind, type Kind } from "#/model/index.ts";
import { type CliContext, kindsOf } from "../context.ts";
import { crd } from "../crd.ts";
import { noKind } from "../served-kinds.ts";

/** `orrery crds`: one YAML document for each kind. */
export async function crds(context: CliContext, names: readonly string[]): Promise<number> {
  const kinds = kindsOf(context);
  const chosen = names.length === 0 ? kinds : names.map((name) => ownKind(kinds, name));
  context.terminal.out(chosen.map((kind) => `---\n${stringify(crd(kind), { lineWidth: 0, aliasDuplicateObjects: false })}`).join(""));
  return 0;
}

/** Kubernetes has its own kinds already.
 *  @throws cli/usage: there is none */
function ownKind(kinds: readonly Kind[], name: string): Kind {
  const kind = findKind(kinds, name);
  if (kind === undefined) throw noKind(name, kinds);
  return kind;
}
