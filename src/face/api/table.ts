import { type Column, compileJsonPath, formatDuration, type JsonPath } from "#/model/index.ts";

/** Turns objects into rows of meta.k8s.io/v1 Tables, as `kubectl get` shows them. */
export interface TableMaker {
  /** A table of `rows` (JSON texts of `row`), as JSON text. Without `columns` it has none: a watch sends them only once. */
  table(rows: readonly string[], options: { readonly columns: boolean; readonly metadata: object }): string;
  /** One row, as JSON text. `shown` is what the row carries beside its cells: the whole object, its metadata, or nothing. */
  row(object: object, shown: "Object" | "Metadata" | "None", json: () => string): string;
}

interface Cell {
  readonly column: Column;
  readonly path: JsonPath;
}

/** Rows begin with the name; the age comes last of the columns that are always shown, unless the kind has a column of its own for it. */
export function tableMaker(columns: readonly Column[], nowMs: () => number): TableMaker {
  const name: Column = { name: "Name", type: "string", jsonPath: ".metadata.name", description: "Name, unique among the objects of its kind" };
  const age: Column = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created" };
  const isWide = (column: Column): boolean => column.priority === 1;
  const own = columns.filter((column) => column.name !== "Name");
  const shown = [
    name,
    ...own.filter((column) => !isWide(column)),
    ...(own.some((column) => column.name === "Age") ? [] : [age]),
    ...own.filter(isWide),
  ];
  const cells: readonly Cell[] = shown.map((column) => ({ column, path: compileJsonPath(column.jsonPath) }));
  const definitions = JSON.stringify(
    shown.map((column) => ({
      name: column.name,
      type: column.type === "date" ? "string" : column.type,
      format: column.name === "Name" ? "name" : "",
      description: column.description,
      priority: column.priority ?? 0,
    })),
  );
  return {
    table: (rows, options) =>
      `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":${JSON.stringify(options.metadata)},"columnDefinitions":${options.columns ? definitions : "[]"},"rows":[${rows.join(",")}]}`,
    row(object, kind, json) {
      const values = JSON.stringify(cells.map((cell) => cellOf(cell, object, nowMs())));
      if (kind === "None") return `{"cells":${values}}`;
      return `{"cells":${values},"object":${kind === "Object" ? json() : JSON.stringify(partialMetadata(object))}}`;
    },
  };
}

/** meta.k8s.io/v1 PartialObjectMetadata of an object. */
export function partialMetadata(object: object): object {
  const { metadata } = object as { readonly metadata: object };
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

function cellOf({ column, path }: Cell, object: object, nowMs: number): unknown {
  const value = path(object);
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return null;
  if (column.type === "date") {
    const atMs = Date.parse(String(value));
    if (Number.isNaN(atMs)) return "<invalid>";
    return nowMs - atMs < 1_000 ? "0s" : formatDuration(nowMs - atMs);
  }
  if (Array.isArray(value)) return value.map((item) => (typeof item === "object" ? JSON.stringify(item) : String(item))).join(",");
  if (typeof value === "object") return JSON.stringify(value);
  return column.type === "string" ? String(value) : value;
}
