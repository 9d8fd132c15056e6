import { z } from "zod";
import { unwrap } from "./violation.ts";

/** What a schema says of the parts inside of its values, read once: asking a schema at each value costs more than walking the value. */
export class Outline {
  /** How its values are walked: a list by `items`, a record by `items` whatever the key is, a map by its `fields`. A leaf has no parts of which anything is said. */
  readonly type: "list" | "record" | "map" | "leaf";
  readonly items: Outline | undefined;
  readonly fields: ReadonlyMap<string, Outline> | undefined;
  readonly #schema: z.ZodType;
  #takesNull: boolean | undefined;

  constructor(wrapped: z.ZodType) {
    this.#schema = wrapped;
    const schema = unwrap(wrapped);
    if (schema instanceof z.ZodArray) {
      this.type = "list";
      this.items = outlineOf(schema.element as z.ZodType);
    } else if (schema instanceof z.ZodRecord) {
      this.type = "record";
      this.items = outlineOf(schema.valueType as z.ZodType);
    } else if (schema instanceof z.ZodObject) {
      this.type = "map";
      this.fields = new Map(Object.entries(schema.shape).map(([name, field]) => [name, outlineOf(field as z.ZodType)]));
    } else this.type = "leaf";
  }

  /** True if null is a value of the schema. */
  get takesNull(): boolean {
    this.#takesNull ??= this.#schema.safeParse(null).success;
    return this.#takesNull;
  }

  /** Of the field `key` of a map or record; `undefined` where nobody knows such a field. */
  fieldOf(key: string): Outline | undefined {
    return this.fields === undefined ? (this.type === "record" ? this.items : undefined) : this.fields.get(key);
  }
}

const outlines = new WeakMap<z.ZodType, Outline>();

/** The outline of a schema, made at the first time. */
export function outlineOf(schema: z.ZodType): Outline {
  const known = outlines.get(schema);
  if (known !== undefined) return known;
  const made = new Outline(schema);
  outlines.set(schema, made);
  return made;
}
