import { checkManifest, type Kind } from "#/model/index.ts";
import type { Manifest, Manifests } from "./manifests.ts";

/** Something wrong in a manifest, where it stands. */
export interface Fault {
  readonly file: string;
  readonly line: number;
  /** `Microservice auth`; absent where the file is no YAML. */
  readonly object?: string;
  /** `spec.template.version`; empty for the object itself. */
  readonly field: string;
  readonly found?: string;
  readonly allowed?: string;
  readonly message: string;
}

/** Everything that the model has against these manifests, ordered by file and line. Rules that need the server (owners, what is already there) are not checked. */
export function findFaults(kinds: readonly Kind[], { manifests, faults }: Manifests): Fault[] {
  const found: Fault[] = faults.map((fault) => ({
    file: fault.file,
    line: fault.line,
    field: "",
    message: `column ${fault.column}: ${fault.message}`,
  }));
  for (const manifest of manifests) found.push(...violationsOf(kinds, manifest));
  found.push(...findDoubles(kinds, manifests));
  return found.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** `file:line: Microservice auth: spec.replicas: found "three"; allowed: …` */
export function formatFault(fault: Fault): string {
  return [`${fault.file}:${fault.line}`, fault.object, fault.field, fault.message].filter((part) => part !== undefined && part !== "").join(": ");
}

function violationsOf(kinds: readonly Kind[], manifest: Manifest): Fault[] {
  const { title, violations } = checkManifest(kinds, manifest.object);
  return violations.map(({ path, field, found, allowed, message }) => ({
    file: manifest.file,
    line: manifest.lineOf(path),
    object: title,
    field,
    found,
    allowed,
    message,
  }));
}

/** The same object twice, and two objects with the same value of a unique field. */
function findDoubles(kinds: readonly Kind[], manifests: readonly Manifest[]): Fault[] {
  const first = new Map<string, string>();
  const faults: Fault[] = [];
  for (const manifest of manifests) {
    const { kind: name, metadata } = manifest.object as {
      readonly kind?: unknown;
      readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown };
    };
    const kind = kinds.find((one) => one.kind === name);
    if (kind === undefined || typeof metadata?.name !== "string") continue;
    const claims = [
      { field: "metadata.name", value: metadata.name },
      ...(kind.unique ?? []).map((field) => ({ field: field.slice(1), value: fieldOf(manifest.object, field) })),
    ];
    for (const { field, value } of claims) {
      if (typeof value !== "string") continue;
      const key = JSON.stringify([kind.kind, metadata.namespace ?? "", field, value]);
      const place = `${manifest.file}:${manifest.lineOf(field.split("."))}`;
      const holder = first.get(key);
      if (holder === undefined) first.set(key, place);
      else
        faults.push({
          file: manifest.file,
          line: manifest.lineOf(field.split(".")),
          object: `${kind.kind} ${metadata.name}`,
          field,
          found: value,
          allowed: "a value that no other object has",
          message: `${JSON.stringify(value)} is already used at ${holder}`,
        });
    }
  }
  return faults;
}

function fieldOf(object: unknown, path: string): unknown {
  return path
    .split(".")
    .slice(1)
    .reduce<unknown>((inner, key) => (typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined), object);
}
