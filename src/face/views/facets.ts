import { OrreryError } from "#/base/index.ts";
import { type Column, compileJsonPath, type JsonPath, type StoredObject } from "#/model/index.ts";
import { stateOf } from "./object-state.ts";
import { SEVERITIES } from "./protocol.ts";
import { type SortKey, sortKeyOf } from "./sort-key.ts";

/** What can be asked of the objects of one kind. */
export interface Facets {
  /** The values of a facet: none, one or several.
   *  @throws views/bad-message: no facet, column or path of that name */
  valuesOf(name: string): (object: StoredObject) => readonly string[];
  /** What rows are ordered by. @throws as `valuesOf` */
  rankOf(name: string): (object: StoredObject) => SortKey;
  /** The value at a column or path as it stands there. @throws as `valuesOf` */
  cellOf(name: string): (object: StoredObject) => unknown;
}

/** Facets by short names, where a kind has them; another name may be a column's or a path. */
const PATHS: Readonly<Record<string, string>> = {
  name: ".metadata.name",
  namespace: ".metadata.namespace",
  created: ".metadata.creationTimestamp",
  age: ".metadata.creationTimestamp",
  service: ".spec.service",
  host: ".spec.host",
  version: ".spec.version",
  revision: ".spec.revision",
  type: ".spec.type",
  place: ".spec.place",
  capability: ".spec.capabilities",
  phase: ".status.phase",
  duty: ".status.duty",
};

export function facetsOf(columns: readonly Column[]): Facets {
  const named = new Map(columns.map((column) => [column.name.toLowerCase(), column.jsonPath]));
  const pathOf = (name: string): JsonPath => {
    const path = name.startsWith(".") ? name : (named.get(name.toLowerCase()) ?? PATHS[name.toLowerCase()]);
    if (path === undefined)
      throw new OrreryError(
        "views/bad-message",
        `no facet, column or path: ${JSON.stringify(name.slice(0, 100))}; allowed: state, reason, ${Object.keys(PATHS).join(", ")}, label:KEY, ${[...named.keys()].join(", ")}, or a path as in .spec.type`,
      );
    return readPath(path);
  };
  const cellOf = (name: string): ((object: StoredObject) => unknown) => {
    if (name === "state") return (object) => stateOf(object)?.severity;
    if (name === "reason") return (object) => stateOf(object)?.word;
    if (name.startsWith("label:")) {
      const key = name.slice("label:".length);
      return ({ metadata: { labels } }) => (labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined);
    }
    return pathOf(name);
  };
  return {
    cellOf,
    valuesOf(name) {
      const cell = cellOf(name);
      return (object) => textsOf(cell(object));
    },
    rankOf(name) {
      if (name === "state") return (object) => SEVERITIES.indexOf(stateOf(object)?.severity ?? "normal");
      const cell = cellOf(name);
      return (object) => sortKeyOf(cell(object));
    },
  };
}

/** @throws views/bad-message */
function readPath(path: string): JsonPath {
  try {
    return compileJsonPath(path);
  } catch (error) {
    throw new OrreryError(
      "views/bad-message",
      `${(error as Error).message.slice(0, 400)}; allowed: .a.b, .list[0].x, .list[*].x, .list[?(@.type=="Ready")].status`,
    );
  }
}

/** A list has so many values; more is no facet. */
const VALUES_MAX = 200;

/** Values of a list are values of their own; what there is not, or is a map, has none. */
function textsOf(value: unknown): readonly string[] {
  if (value === undefined || value === null || value === "") return [];
  if (Array.isArray(value)) return value.slice(0, VALUES_MAX).flatMap(textsOf);
  return typeof value === "object" ? [] : [String(value)];
}
