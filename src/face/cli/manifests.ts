import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";
import { parseYaml, type YamlDocument } from "#/text/index.ts";

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

/** The documents of a YAML (or JSON) text; a `List` counts as its items. Never throws: what is wrong stands in `faults`, also keys that stand in a map twice. */
export function parseManifests(file: string, text: string): Manifests {
  const { documents } = parseYaml(text);
  const faults = documents.flatMap((document) =>
    [...document.faults, ...document.duplicates].map(({ line, column, message }) => ({ file, line, column, message })),
  );
  return { manifests: documents.filter(({ value }) => value !== undefined).flatMap((document) => itemsOf(file, document)), faults };
}

function itemsOf(file: string, document: YamlDocument): Manifest[] {
  const whole = document.value;
  const make = (object: unknown, prefix: readonly (string | number)[]): Manifest => ({
    file,
    line: document.positionOf(prefix).line,
    object,
    lineOf: (fieldPath) => document.positionOf([...prefix, ...fieldPath]).line,
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
