import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import { parseYaml } from "#/text/index.ts";
import { type Oid, oid } from "#/watch/snmp/wire/index.ts";

/** Of a profile with all that it includes. */
export const TABLES_MAX = 50;
export const COLUMNS_MAX = 50;

const name = z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]{0,60}$/, "a letter, then letters, digits and _");
/** A name of series has that of its table up to the next _. */
const tableName = z.string().regex(/^[a-zA-Z][a-zA-Z0-9]{0,40}$/, "a letter, then letters and digits");
const objectId = z
  .string()
  .regex(/^\d{1,10}(?:\.\d{1,10}){1,127}$/, "numbers with points between them, such as 1.3.6.1.2.1.1.5.0")
  .transform((text, context): Oid => {
    try {
      return oid(text);
    } catch {
      context.addIssue({ code: "custom", message: `${text} is no object identifier` });
      return z.NEVER;
    }
  });
const scalar = z.union([z.string().max(200), z.number()]);

const reading = z.strictObject({
  oid: objectId,
  /** `gauge` and `counter` change all the time and go into series; the others are state. */
  as: z.enum(["text", "word", "number", "gauge", "counter"]),
  words: z.record(z.string(), z.string().max(100)).optional(),
  /** Values that mean that there is none. */
  none: z.array(scalar).max(50).default([]),
  /** What lies outside cannot be, and is a gap. */
  range: z.tuple([z.number(), z.number()]).optional(),
  /** The value is multiplied by it. */
  scale: z.number().optional(),
});

const column = reading.extend({
  /** A value of a row whose other columns are otherwise is none. */
  only: z.record(name, scalar).optional(),
  /** Columns of ENTITY-SENSOR-MIB: EntitySensorDataScale and the number of decimal places. */
  exponent: objectId.optional(),
  precision: objectId.optional(),
  /** The column that says how fast it can grow at most, in Mbit/s: a faster one is refused. */
  bytesOf: name.optional(),
});

const rule = z
  .strictObject({
    value: name.optional(),
    table: name.optional(),
    column: name.optional(),
    where: z.record(name, scalar).optional(),
    is: z.array(scalar).max(50).optional(),
    isNot: z.array(scalar).max(50).optional(),
    above: z.number().optional(),
    below: z.number().optional(),
    message: z.string().min(1).max(300),
  })
  .refine(({ value, table, column: one }) => (value === undefined) === (table !== undefined && one !== undefined), "give value, or table and column");

const profile = z.strictObject({
  description: z.string().max(300).optional(),
  include: z.array(z.string().max(100)).max(10).default([]),
  values: z.record(name, reading).default({}),
  tables: z
    .record(
      tableName,
      z.strictObject({
        /** The column whose text names a row; default: its index, which a restart may change. */
        key: name.optional(),
        /** Where a row has no such text. */
        otherKey: name.optional(),
        /** sysUpTime at which its counters began anew. */
        discontinuity: objectId.optional(),
        columns: z.record(name, column),
      }),
    )
    .default({}),
  health: z.array(rule).max(200).default([]),
});

/** What a device is asked for, and what is to be made of it. */
export type DeviceProfile = Omit<z.output<typeof profile>, "include">;
export type DeviceTable = DeviceProfile["tables"][string];
export type Reading = z.output<typeof reading>;
export type Column = z.output<typeof column>;
export type HealthRule = z.output<typeof rule>;

/** Reads a profile; `include` gives the text of one that it names. What stands in several is taken from the last.
 *  @throws devices/profile: it cannot be read, says what no profile says, or includes itself */
export function parseProfile(title: string, text: string, include: (title: string) => string, above: readonly string[] = []): DeviceProfile {
  const wrong = (message: string): OrreryError => new OrreryError("devices/profile", `device profile ${title}: ${message}`);
  if (above.includes(title) || above.length > 10) throw wrong("it includes itself");
  const { documents } = parseYaml(text);
  const fault = documents[0]?.faults[0];
  if (documents.length !== 1 || fault !== undefined)
    throw wrong(fault === undefined ? "it is not one YAML document" : `line ${fault.line}: ${fault.message}`);
  const parsed = profile.safeParse(documents[0]?.value);
  if (!parsed.success)
    throw wrong(
      parsed.error.issues
        .slice(0, 5)
        .map((one) => `${one.path.join(".")}: ${one.message}`)
        .join("; "),
    );
  const { include: names, ...own } = parsed.data;
  const all = [...names.map((one) => parseProfile(one, include(one), include, [...above, title])), own];
  const joined: DeviceProfile = {
    ...(own.description !== undefined && { description: own.description }),
    values: Object.assign({}, ...all.map((one) => one.values)),
    tables: Object.assign({}, ...all.map((one) => one.tables)),
    health: all.flatMap((one) => one.health),
  };
  const unknown = misnamed(joined);
  if (unknown !== undefined) throw wrong(unknown);
  return joined;
}

/** A name that stands for nothing; `undefined`: all are there. */
function misnamed({ values, tables, health }: DeviceProfile): string | undefined {
  if (Object.keys(tables).length > TABLES_MAX) return `more than ${TABLES_MAX} tables`;
  for (const [table, { key, otherKey, columns }] of Object.entries(tables)) {
    if (Object.keys(columns).length > COLUMNS_MAX) return `tables.${table}: more than ${COLUMNS_MAX} columns`;
    const named = [key, otherKey, ...Object.values(columns).flatMap(({ only, bytesOf }) => [bytesOf, ...Object.keys(only ?? {})])];
    const missing = named.find((one) => one !== undefined && columns[one] === undefined);
    if (missing !== undefined) return `tables.${table}: it has no column ${missing}`;
  }
  for (const { value, table = "", column: one = "", where } of health) {
    if (value !== undefined && values[value] === undefined) return `health: there is no value ${value}`;
    const missing = value === undefined && [one, ...Object.keys(where ?? {})].find((wanted) => tables[table]?.columns[wanted] === undefined);
    if (typeof missing === "string") return `health: there is no column ${missing} of ${table}`;
  }
  return undefined;
}
