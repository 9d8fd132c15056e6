import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import snmp, { type MibEntry } from "net-snmp";
import { describeError } from "#/base/index.ts";

/** Where ORRERY-MIB is published. */
export const MIBS: string = path.join(import.meta.dirname, "../../../../mibs");

/** What a module says of one name. */
export interface MibName {
  /** `ORRERY-MIB::orreryServiceName`. */
  readonly name: string;
  readonly oid: string;
  readonly access: string;
  readonly description: string;
  /** Words of an enumeration, by number. */
  readonly words: ReadonlyMap<number, string>;
}

/** Names of object identifiers, from modules of MIBs. */
export class MibNames {
  readonly #byOid: ReadonlyMap<string, MibName>;
  readonly #byName: ReadonlyMap<string, MibName>;
  /** Files that could not be read, and why. */
  readonly failures: readonly string[];

  constructor(names: readonly MibName[], failures: readonly string[]) {
    this.#byOid = new Map(names.map((one) => [one.oid, one]));
    this.#byName = new Map(names.flatMap((one) => [[one.name, one] as const, [one.name.split("::")[1] ?? "", one] as const]));
    this.failures = failures;
  }

  /** The names that stand above `oid`, the nearest first; and what of `oid` is left behind it. */
  find(oid: string): { readonly name: MibName; readonly rest: string } | undefined {
    for (let head = oid, end = oid.length; end > 0; end = head.lastIndexOf(".")) {
      head = oid.slice(0, end);
      const name = this.#byOid.get(head);
      if (name !== undefined) return { name, rest: oid.slice(end) };
    }
    return undefined;
  }

  /** `ORRERY-MIB::orreryServiceName.7`; an object identifier that no module names stays as it is. */
  format(oid: string): string {
    const found = this.find(oid);
    return found === undefined || !found.name.name.includes("::") ? oid : `${found.name.name}${found.rest}`;
  }

  /** What a person means: `sysUpTime.0`, `IF-MIB::ifName`, `1.3.6.1`; `undefined`: no module has such a name. */
  resolve(text: string): string | undefined {
    const bare = text.replace(/^\./, "");
    if (/^\d+(?:\.\d+)*$/.test(bare)) return bare;
    const [, name = "", rest = ""] = /^([^.]+)((?:\.\d+)*)$/.exec(bare) ?? [];
    const found = this.#byName.get(name);
    return found === undefined ? undefined : `${found.oid}${rest}`;
  }

  /** All names, in the order of their numbers. */
  get all(): readonly MibName[] {
    return [...this.#byOid.values()].sort((a, b) => compare(a.oid, b.oid));
  }
}

/** Loads the standard modules, ours, and those of `folder` (files of any name): one that cannot be read is left out and told. Takes some hundred milliseconds. */
export function loadMibNames(folder?: string): MibNames {
  const failures: string[] = [];
  const store = snmp.createModuleStore();
  const standard = path.join(path.dirname(createRequire(import.meta.url).resolve("net-snmp")), "lib", "mibs");
  const ours = readdirSync(MIBS).map((name) => path.join(MIBS, name));
  for (const file of [
    path.join(standard, "IANAifType-MIB.mib"),
    path.join(standard, "IF-MIB.mib"),
    ...ours,
    ...(folder === undefined ? [] : filesOf(folder)),
  ])
    try {
      store.loadFromFile(file);
    } catch (error) {
      failures.push(`${file}: ${describeError(error)}`);
    }
  const names = Object.entries(store.getModules(true)).flatMap(([module, entries]) =>
    Object.values(entries).flatMap((entry) => nameOf(module, entry)),
  );
  return new MibNames(names, failures);
}

function nameOf(
  module: string,
  { ObjectName: name, OID: oid, DESCRIPTION: description = "", SYNTAX: syntax, ...more }: MibEntry,
): readonly MibName[] {
  if (name === undefined || oid === undefined || !/^\d+(?:\.\d+)*$/.test(oid)) return [];
  const enumeration = (syntax as { readonly INTEGER?: Readonly<Record<string, string>> } | undefined)?.INTEGER ?? {};
  const words = new Map(Object.entries(enumeration).flatMap(([number, word]) => (typeof word === "string" ? [[Number(number), word] as const] : [])));
  return [{ name: `${module}::${name}`, oid, access: more["MAX-ACCESS"] ?? "", description: description.replace(/\s+/g, " ").trim(), words }];
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((one) => one.isFile() && !one.name.startsWith("."))
      .map((one) => path.join(folder, one.name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function compare(one: string, other: string): number {
  const [a, b] = [one, other].map((oid) => oid.split(".").map(Number)) as [number[], number[]];
  for (let at = 0; at < Math.min(a.length, b.length); at++) if (a[at] !== b[at]) return (a[at] ?? 0) - (b[at] ?? 0);
  return a.length - b.length;
}
