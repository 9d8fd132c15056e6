import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseAllDocuments } from "yaml";
import { describeError, OrreryError } from "#/base/index.ts";

/** One YAML document (or element of a `List`) with its place in its file. */
export interface Manifest {
  /** As given by the caller, or below the folder given; `-` is standard input. */
  readonly file: string;
  /** Line of its first field, from 1. */
  readonly line: number;
  readonly object: unknown;
  /** Line of the field at `fieldPath`, or of the nearest field around it. */
  lineOf(fieldPath: readonly (string | number)[]): number;
}

/** A file that is no YAML, at a line of it. */
export interface ManifestFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  readonly faults: readonly ManifestFault[];
}

const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Reads the manifests of a file, of a folder's own *.yaml and *.yml (ordered by name, not its subfolders: those hold other versions, and services' files), or of standard input (`-`).
 *  @throws cli/unreadable: the file or folder is missing, too large, or holds no manifests */
export function loadManifests(source: string, readInput: () => string): Manifests {
  const files = source === "-" ? ["-"] : listManifestFiles(source);
  const parsed = files.map((file) => parseManifests(file, file === "-" ? readInput() : readText(file)));
  const result = { manifests: parsed.flatMap((one) => one.manifests), faults: parsed.flatMap((one) => one.faults) };
  if (result.manifests.length === 0 && result.faults.length === 0)
    throw new OrreryError(
      "cli/unreadable",
      `${source === "-" ? "standard input" : source} holds no manifest; give YAML documents with apiVersion, kind, metadata, spec`,
    );
  return result;
}

/** The files that `loadManifests` would read.
 *  @throws cli/unreadable */
export function listManifestFiles(source: string): string[] {
  try {
    if (!statSync(source).isDirectory()) return [source];
    const names = readdirSync(source, { withFileTypes: true })
      .filter((entry) => /\.ya?ml$/.test(entry.name) && !entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
    if (names.length === 0)
      throw new OrreryError("cli/unreadable", `the folder ${source} holds no *.yaml; give the folder that holds the manifests themselves`);
    return names.map((name) => path.join(source, name));
  } catch (error) {
    throw unreadable(source, error);
  }
}

/** The documents of a YAML (or JSON) text; a `List` counts as its items. Never throws: what is wrong stands in `faults`. */
export function parseManifests(file: string, text: string): Manifests {
  const lines = new LineCounter();
  const manifests: Manifest[] = [];
  const faults: ManifestFault[] = [];
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: "1.2" });
  for (const document of Array.isArray(documents) ? documents : []) {
    const problems = [...document.errors, ...document.warnings];
    for (const problem of problems) {
      const { line, col } = lines.linePos(problem.pos[0]);
      faults.push({ file, line, column: col, message: problem.message });
    }
    if (problems.length > 0 || document.contents === null || (isScalar(document.contents) && document.contents.value === null)) continue;
    try {
      manifests.push(...itemsOf(file, document, lines));
    } catch (error) {
      // Too many or circular aliases.
      faults.push({ file, ...positionOf(document, [], lines), message: describeError(error) });
    }
  }
  return { manifests, faults };
}

function itemsOf(file: string, document: Document, lines: LineCounter): Manifest[] {
  const whole: unknown = document.toJS({ maxAliasCount: 100 });
  const make = (object: unknown, prefix: readonly (string | number)[]): Manifest => ({
    file,
    line: positionOf(document, prefix, lines).line,
    object,
    lineOf: (fieldPath) => positionOf(document, [...prefix, ...fieldPath], lines).line,
  });
  if (
    typeof whole === "object" &&
    whole !== null &&
    "items" in whole &&
    "kind" in whole &&
    String(whole.kind).endsWith("List") &&
    Array.isArray(whole.items)
  ) {
    return whole.items.map((item, index) => make(item, ["items", index]));
  }
  return [make(whole, [])];
}

/** Where the key of `fieldPath` stands, or the deepest part of it that is there. */
function positionOf(document: Document, fieldPath: readonly (string | number)[], lines: LineCounter): { line: number; column: number } {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const key of fieldPath) {
    if (!isNode(node)) break;
    const inner = childOf(node, key);
    if (inner === undefined) break;
    offset = inner.offset;
    node = inner.node;
  }
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function childOf(node: Node, key: string | number): { readonly node: unknown; readonly offset: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key));
    if (pair === undefined || !isNode(pair.key)) return undefined;
    return { node: pair.value, offset: pair.key.range?.[0] ?? 0 };
  }
  if ("items" in node && Array.isArray(node.items) && typeof key === "number") {
    const item: unknown = node.items[key];
    return isNode(item) ? { node: item, offset: item.range?.[0] ?? 0 } : undefined;
  }
  return undefined;
}

function readText(file: string): string {
  try {
    if (statSync(file).size > FILE_BYTES_MAX)
      throw new OrreryError("cli/unreadable", `${file} is larger than ${FILE_BYTES_MAX / 1024 / 1024} MiB; split it`);
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): OrreryError {
  if (error instanceof OrreryError) return error;
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  const reason = code === "ENOENT" ? "there is no such file or folder" : code === "EACCES" ? "it may not be read by this user" : describeError(error);
  return new OrreryError("cli/unreadable", `cannot read ${file}: ${reason}`, { cause: error });
}
