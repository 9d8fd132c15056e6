/** What a manifest may say, from the schema that the API serves: what may stand where, and what it means. Pure. */
import type { FieldPath } from "./place.ts";

export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
  readonly readOnly?: boolean;
  readonly "x-kubernetes-group-version-kind"?: readonly { readonly group: string; readonly version: string; readonly kind: string }[];
}

export interface Schemas {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** What only the server writes: nobody is offered to type it. */
const SERVERS: readonly string[] = [
  "status",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "managedFields",
  "namespace",
];

/** What may stand at a place, of one kind. */
export class KindSchema {
  readonly #schemas: Schemas["components"]["schemas"];
  readonly root: Schema | undefined;

  constructor({ components: { schemas } }: Schemas, kind: string) {
    this.#schemas = schemas;
    this.root = Object.values(schemas).find((one) => one["x-kubernetes-group-version-kind"]?.some((of) => of.kind === kind) === true);
  }

  /** The schemas of a place: several where one of several forms may stand. */
  at(path: FieldPath): readonly Schema[] {
    let found = this.#forms(this.root);
    for (const key of path) {
      found = found.flatMap((one) => {
        if (typeof key === "number") return this.#forms(one.items);
        const property = one.properties?.[key];
        if (property !== undefined) return this.#forms(property);
        return typeof one.additionalProperties === "object" ? this.#forms(one.additionalProperties) : [];
      });
    }
    return found;
  }

  /** The fields that may stand in the map at `path`. */
  fieldsAt(path: FieldPath): readonly { readonly name: string; readonly schema: Schema; readonly isRequired: boolean }[] {
    const fields = new Map<string, { readonly name: string; readonly schema: Schema; readonly isRequired: boolean }>();
    for (const one of this.at(path))
      for (const [name, property] of Object.entries(one.properties ?? {})) {
        if (fields.has(name) || (SERVERS.includes(name) && (path.length === 0 || path[0] === "metadata"))) continue;
        const [schema = property] = this.#forms(property);
        const description = property.description ?? schema.description;
        fields.set(name, {
          name,
          schema: { ...schema, ...(description !== undefined && { description }) },
          isRequired: one.required?.includes(name) === true,
        });
      }
    return [...fields.values()];
  }

  /** Values that may stand at `path`, where they can be counted. */
  valuesAt(path: FieldPath): readonly string[] {
    const values = this.at(path).flatMap((one) => (one.enum !== undefined ? one.enum.map(String) : one.type === "boolean" ? ["true", "false"] : []));
    return [...new Set(values)];
  }

  /** What the field at `path` means. */
  describe(path: FieldPath): Schema | undefined {
    const name = path.at(-1);
    if (typeof name === "string") {
      const field = this.fieldsAt(path.slice(0, -1)).find((one) => one.name === name);
      if (field !== undefined) return field.schema;
    }
    return this.at(path)[0];
  }

  #forms(schema: Schema | undefined, depth = 0): readonly Schema[] {
    if (schema === undefined || depth > 10) return [];
    if (schema.$ref !== undefined) return this.#forms(this.#schemas[schema.$ref.split("/").at(-1) ?? ""], depth + 1);
    const { oneOf, anyOf, allOf, ...own } = schema;
    const inner = [...(oneOf ?? []), ...(anyOf ?? []), ...(allOf ?? [])].flatMap((one) => this.#forms(one, depth + 1));
    if (inner.length === 0) return [schema];
    const description = own.description === undefined ? {} : { description: own.description };
    const isPlain = own.properties === undefined && own.items === undefined && own.additionalProperties === undefined && own.enum === undefined;
    return [...(isPlain ? [] : [own]), ...inner.map((one) => ({ ...one, ...description }))];
  }
}

/** How a value is written, in a few signs: `integer, 0 to 1000`. */
export function typeText(schema: Schema): string {
  const { type = "", minimum, maximum, enum: values, items } = schema;
  if (values !== undefined) return values.map(String).join(" | ");
  const range =
    minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
      ? ` ${minimum}–${maximum}`
      : minimum !== undefined
        ? ` ≥ ${minimum}`
        : "";
  if (type === "array") return items?.type === undefined ? "[ ]" : `[ ${items.type} ]`;
  return `${type === "object" ? "{ }" : type}${range}`;
}
