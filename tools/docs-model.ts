/** Writes docs/manifests.md from the model. */

import { parse } from "yaml";
import { z } from "zod";
import { CLI_KINDS as kinds } from "#/apps/cli-parts.ts";
import { API_VERSION, checkManifest, duration, type Kind, unwrap } from "#/model/index.ts";
import { keepDocument, markdownTable } from "./document.ts";
import { EXAMPLES } from "./manifest-examples.ts";

const INTRODUCTION = `# Manifests

What may stand in a manifest, generated from the model by \`tools/docs-model.ts\`. \`orrery validate -f FILE\` checks manifests without a running site, \`kubectl explain\` shows the same from a running one, \`orrery crds\` prints it as Kubernetes' CustomResourceDefinitions.

Every object has four parts, and only the first three are written by people:

\`\`\`yaml
apiVersion: ${API_VERSION}
kind: Microservice
metadata:
  name: auth             # lower-case letters, digits, '-' and '.'; at most 253 characters
  labels: { app: x }     # for selection: orrery get microservices -l app=x
  annotations: {}        # any text, for people and tools
spec: {}                 # what someone wants: the tables below
status: {}               # what someone saw, and when; set by Orrery
\`\`\`

- An unknown field is an error, never ignored.
- A *duration* is a text such as \`500ms\`, \`5s\`, \`10m\`, \`1h30m\`, \`2d\`; a *time* one such as \`2030-01-31T12:00:00Z\` (RFC 3339).
- A *label* is a name of at most 63 lower-case letters, digits and \`-\`.
- Lists marked *by name* are merged by that key when several people apply parts of one object; all others are replaced as a whole.
- \`list[].field\` is a field of each element; \`map.*\` any key.
`;

/** One line of a table: a field with everything inside of it. */
interface Field {
  readonly path: string;
  readonly type: string;
  readonly value: string;
  readonly meaning: string;
}

function describeKind(kind: Kind): string {
  const names = [kind.plural, kind.singular, ...(kind.shortNames ?? [])].map((name) => `\`${name}\``).join(", ");
  const facts = [
    `Names: ${names}. ${kind.scope === "Namespaced" ? "In a namespace (a site)." : "Of the whole installation, in no namespace."}`,
    ...(kind.unique === undefined ? [] : [`Unique in a site: ${kind.unique.map((field) => `\`${field.slice(1)}\``).join(", ")}.`]),
    ...(kind.isImmutable === true ? ["Made by Orrery; its spec never changes."] : []),
    ...(kind.selectableFields === undefined
      ? []
      : [`Selectable with \`--field-selector\`: ${kind.selectableFields.map((field) => `\`${field.slice(1)}\``).join(", ")}.`]),
  ];
  return [
    `## ${kind.kind}`,
    kind.description,
    facts.join(" "),
    ...exampleOf(kind),
    "### spec",
    fieldTable(kind.spec),
    "### status",
    statusTable(kind.status),
  ].join("\n\n");
}

function exampleOf(kind: Kind): string[] {
  const text = EXAMPLES[kind.kind];
  if (text === undefined) return [];
  const { violations } = checkManifest(kinds, parse(text));
  if (violations.length > 0)
    throw new Error(`the example of ${kind.kind} is not allowed: ${violations.map((one) => `${one.field}: ${one.message}`).join("; ")}`);
  return [`\`\`\`yaml\n${text}\n\`\`\``];
}

function fieldTable(schema: z.ZodType): string {
  const fields = fieldsOf(schema, "", new Map());
  return markdownTable(
    ["field", "type", "default", "meaning"],
    fields.map((field) => [`\`${field.path}\``, field.type, field.value, field.meaning]),
  );
}

/** Nobody writes a status: what is required in it matters to no one. Conditions are the same everywhere. */
function statusTable(schema: z.ZodType): string {
  const fields = fieldsOf(schema, "", new Map()).filter((field) => !field.path.startsWith("conditions[]"));
  return markdownTable(
    ["field", "type", "meaning"],
    fields.map((field) => [
      `\`${field.path}\``,
      field.type,
      field.path === "conditions" ? "Facts about it: type, status, reason, message, since when." : field.meaning,
    ]),
  );
}

/** The fields of an object, depth first. What occurs again (the three health checks) is referred to, not repeated. */
function fieldsOf(schema: z.ZodType, prefix: string, seen: Map<z.ZodType, string>): Field[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return fieldsOf(inner.element as z.ZodType, `${prefix}[]`, seen);
  if (inner instanceof z.ZodRecord) return fieldsOf(inner.valueType as z.ZodType, `${prefix}.*`, seen);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const core = structureOf(field);
    const before = core === undefined ? undefined : seen.get(core);
    if (core !== undefined && before === undefined) seen.set(core, path);
    const row = { path, type: typeOf(field), value: defaultOf(field), meaning: meaningOf(field) };
    if (before !== undefined) return [{ ...row, meaning: [row.meaning, `As \`${before}\`.`].join(" ").trim() }];
    return [row, ...fieldsOf(field, path, seen)];
  });
}

/** The object schema inside of a field, if it has fields of its own. */
function structureOf(field: z.ZodType): z.ZodType | undefined {
  const inner = unwrap(field);
  const element = inner instanceof z.ZodArray ? unwrap(inner.element as z.ZodType) : inner;
  return element instanceof z.ZodObject && Object.keys(element.shape).length > 0 ? element : undefined;
}

function typeOf(field: z.ZodType): string {
  const inner = unwrap(field);
  const meta = metaOf(field);
  if (meta["format"] === "duration-short") return "duration";
  if (meta["format"] === "date-time") return "time";
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => `\`${option}\``).join(", ");
  if (inner instanceof z.ZodArray) {
    const key = meta["listKey"];
    return `list of ${typeOf(inner.element as z.ZodType)}${typeof key === "string" ? ` by ${key}` : ""}`;
  }
  if (inner instanceof z.ZodObject) return "map";
  if (inner instanceof z.ZodRecord) return `map of ${typeOf(inner.valueType as z.ZodType)}`;
  if (inner instanceof z.ZodNumber) return numberOf(inner);
  if (inner instanceof z.ZodBoolean) return "boolean";
  return inner instanceof z.ZodString ? "text" : "any";
}

function numberOf(schema: z.ZodNumber): string {
  const word = schema.format?.includes("int") === true ? "whole number" : "number";
  const [min, max] = [schema.minValue ?? Number.NEGATIVE_INFINITY, schema.maxValue ?? Number.POSITIVE_INFINITY];
  const bounds = [...(min > Number.MIN_SAFE_INTEGER ? [`≥ ${min}`] : []), ...(max < Number.MAX_SAFE_INTEGER ? [`≤ ${max}`] : [])];
  return [word, bounds.join(", ")].join(" ").trim();
}

function defaultOf(field: z.ZodType): string {
  if (field instanceof z.ZodDefault) {
    const value: unknown = field.def.defaultValue;
    return `\`${JSON.stringify(value)}\``;
  }
  return field instanceof z.ZodOptional || field.isOptional() ? "" : "**required**";
}

/** What every duration and time says of itself; the introduction says it once. */
const GENERAL: ReadonlySet<unknown> = new Set([z.globalRegistry.get(duration)?.description, "RFC 3339, UTC."]);

/** Its description, and the words with which the model refuses a wrong text. */
function meaningOf(field: z.ZodType): string {
  const meta = metaOf(field);
  const description = typeof meta["description"] === "string" && !GENERAL.has(meta["description"]) ? meta["description"] : "";
  const inner = unwrap(field);
  const refused = inner instanceof z.ZodString && meta["format"] === undefined ? inner.safeParse("\u0000") : undefined;
  const words = (refused?.error?.issues ?? []).map((issue) => issue.message).filter((message) => !/^(Invalid|Too)/.test(message));
  return [description, ...words.map((message) => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`)].filter((part) => part !== "").join(" ");
}

/** What the author wrote at a field or at anything that it wraps. */
function metaOf(field: z.ZodType): Readonly<Record<string, unknown>> {
  const own = z.globalRegistry.get(field) ?? {};
  if (field instanceof z.ZodOptional || field instanceof z.ZodDefault || field instanceof z.ZodNullable)
    return { ...metaOf(field.def.innerType as z.ZodType), ...own };
  return own;
}

keepDocument("docs/manifests.md", `${INTRODUCTION}\n${kinds.map(describeKind).join("\n\n")}`);
