/** Keeps the table of parts in ARCHITECTURE.md: who reads and writes which kind, and who gives what to whom. `npm run parts` prints it. */
import { CENTRE_PARTS } from "#/apps/centre/parts.ts";
import type { Port } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { CentrePart, ControllerDeclaration } from "#/state/reconcile/index.ts";
import { keepDocument, markdownTable } from "./document.ts";
import { readSource } from "./sources.ts";

const DOCUMENT = "ARCHITECTURE.md";
const BEGIN = "<!-- parts: written by tools/docs-parts.ts -->";
const END = "<!-- end of parts -->";

/** One row for each controller; a part without any has one row, too. */
export function partsTable(parts: readonly CentrePart[]): string {
  const rows = parts.flatMap((part) => {
    const title = `\`${part.name}\`${part.isEssential === true ? "" : " *"}`;
    const kinds = part.kinds.map(({ kind }) => kind.kind).join(", ");
    const [first, ...others] = part.controllers.map(row);
    return [[title, kinds, ...(first ?? ["", "", "", ""])], ...others.map((cells) => ["", "", ...cells])];
  });
  return markdownTable(["part", "its kinds", "controller", "reads", "writes", "uses → gives"], rows);
}

function row({ name, reads, writes, uses = [], gives = [] }: ControllerDeclaration): readonly string[] {
  const ports = [names(uses), names(gives)];
  return [name, kindNames(Object.values(reads), writes), kindNames(writes), ports.join("") === "" ? "" : ports.join(" → ").trim()];
}

function kindNames(kinds: readonly Kind[], without: readonly Kind[] = []): string {
  return [...new Set(kinds.filter((kind) => !without.includes(kind)).map(({ kind }) => kind))].sort().join(", ");
}

function names(ports: readonly Port<unknown>[]): string {
  return ports.map(({ name }) => name).join(", ");
}

if (import.meta.main) {
  const table = partsTable(CENTRE_PARTS);
  if (process.argv.includes("--print")) console.log(table);
  else {
    const text = await readSource(DOCUMENT);
    const begin = text.indexOf(BEGIN);
    const end = text.indexOf(END);
    if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} has no place for the table of parts: ${BEGIN} … ${END}`);
    keepDocument(DOCUMENT, `${text.slice(0, begin)}${BEGIN}\n${table}\n${text.slice(end)}`);
  }
}
