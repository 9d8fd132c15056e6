import { isLabelKey, isLabelValue, type Kind, type StoredObject } from "#/model/index.ts";
import type { ListOptions } from "./contract.ts";
import { isMap } from "./merge-patch.ts";
import { type Cause, invalid } from "./store-error.ts";

/** Fields by which Events are selected. */
export const EVENT_FIELDS: readonly string[] = [
  "metadata.name",
  "metadata.namespace",
  "involvedObject.kind",
  "involvedObject.namespace",
  "involvedObject.name",
  "involvedObject.uid",
  "involvedObject.apiVersion",
  "type",
  "reason",
  "source",
  "reportingComponent",
];

/** Decides whether an object is selected; `undefined` where everything is. */
export type Selector = ((object: StoredObject) => boolean) | undefined;

type Selection = Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector" | "filter">;

/** The selector of a list or watch: namespace, labels and fields together.
 *  @throws store/invalid: a selector cannot be read, or names a field that cannot be selected by */
export function parseSelection(kind: Kind, options: Selection): Selector {
  const { namespace } = options;
  const labels = parseLabelSelector(options.labelSelector ?? "");
  const fields = parseFieldSelector(options.fieldSelector ?? "", selectableFields(kind));
  const tests: ((object: StoredObject) => boolean)[] = [];
  if (namespace !== undefined && kind.scope === "Namespaced") tests.push((object) => object.metadata.namespace === namespace);
  if (labels !== undefined) tests.push((object) => labels(object.metadata.labels ?? {}));
  if (fields !== undefined) tests.push(fields);
  // Last: it costs most.
  if (options.filter !== undefined) tests.push(options.filter);
  const [only] = tests;
  if (tests.length < 2) return only;
  return (object) => tests.every((test) => test(object));
}

/** Paths (without the leading dot) that a field selector of the kind may name. */
function selectableFields(kind: Kind): readonly string[] {
  return ["metadata.name", "metadata.namespace", ...(kind.selectableFields ?? []).map((path) => path.replace(/^\./, ""))];
}

/** Kubernetes' label selectors: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a>1`, `a<1`, joined by commas, all of which must hold. `!=` and `notin` hold for objects without the label, too.
 *  @throws store/invalid: what cannot be read, and what is allowed */
export function parseLabelSelector(text: string): ((labels: Readonly<Record<string, string>>) => boolean) | undefined {
  if (text.trim() === "") return undefined;
  const parts = splitOutsideBrackets(text);
  if (parts.length > REQUIREMENTS_MAX) refuseSelector("labelSelector", text, tooMany(parts.length));
  const requirements = parts.map((part) => parseRequirement(part, text));
  return (labels) => requirements.every((requirement) => requirement(labels));
}

/** Each is asked of each object. A set, `a in (b,c)`, counts once however long it is. */
const REQUIREMENTS_MAX = 100;

function tooMany(count: number): string {
  return `found ${count} requirements; allowed: at most ${REQUIREMENTS_MAX}`;
}

type Labels = Readonly<Record<string, string>>;
const KEY = "[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?";
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const COMPARE = new RegExp(`^(${KEY})\\s*(==|!=|=|>|<)\\s*(.*)$`);

function parseRequirement(part: string, text: string): (labels: Labels) => boolean {
  const refuse = (why: string): never =>
    refuseSelector(
      "labelSelector",
      text,
      `${why} in ${JSON.stringify(part.slice(0, 100))}; allowed: a, !a, a=b, a!=b, a in (b,c), a notin (b,c), joined by commas`,
    );
  const exists = EXISTS.exec(part);
  if (exists !== null) {
    const key = checkKey(exists[2], refuse);
    const wanted = exists[1] === "";
    return (labels) => Object.hasOwn(labels, key) === wanted;
  }
  const set = SET.exec(part);
  if (set !== null) {
    const key = checkKey(set[1], refuse);
    const wanted = set[2] === "in";
    const values = new Set((set[3] ?? "").split(",").map((value) => value.trim()));
    for (const value of values) if (!isLabelValue(value)) refuse(`no label value: ${JSON.stringify(value.slice(0, 100))}`);
    return (labels) => (Object.hasOwn(labels, key) && values.has(labels[key] ?? "")) === wanted;
  }
  if (part === "") refuse("nothing stands before or behind a comma");
  const [, given, operator, value = ""] = COMPARE.exec(part) ?? refuse("cannot be read");
  const key = checkKey(given, refuse);
  if (!isLabelValue(value)) refuse(`no label value: ${JSON.stringify(value.slice(0, 100))}`);
  switch (operator) {
    case "!=":
      return (labels) => !Object.hasOwn(labels, key) || labels[key] !== value;
    case ">":
    case "<": {
      const bound = /^-?\d+$/.test(value) ? Number(value) : refuse(`no whole number: ${JSON.stringify(value.slice(0, 100))}`);
      return (labels) =>
        Object.hasOwn(labels, key) &&
        /^-?\d+$/.test(labels[key] ?? "") &&
        (operator === ">" ? Number(labels[key]) > bound : Number(labels[key]) < bound);
    }
    default:
      return (labels) => Object.hasOwn(labels, key) && labels[key] === value;
  }
}

function checkKey(key: string | undefined, refuse: (why: string) => never): string {
  return key !== undefined && isLabelKey(key) ? key : refuse("no label key");
}

/** Field selectors: `path=value`, `path==value`, `path!=value`, joined by commas; `\` before `,`, `=` and `\` in a value. A field that is absent counts as empty. Nothing between two commas is passed over, as in Kubernetes: its client library writes so what selects all.
 *  @throws store/invalid: what cannot be read, and the fields in `allowed` */
export function parseFieldSelector(text: string, allowed: readonly string[]): ((object: unknown) => boolean) | undefined {
  if (text === "") return undefined;
  const parts = splitEscaped(text);
  if (parts.length === 0) refuseSelector("fieldSelector", text, "there is nothing but commas and blanks; leave it out to select all");
  if (parts.length > REQUIREMENTS_MAX) refuseSelector("fieldSelector", text, tooMany(parts.length));
  const tests = parts.map((part) => {
    const match = /^([^=!\\]+)(==|!=|=)(.*)$/s.exec(part);
    if (match === null)
      return refuseSelector(
        "fieldSelector",
        text,
        `cannot be read at ${JSON.stringify(part.slice(0, 100))}; allowed: path=value, path!=value, joined by commas`,
      );
    // Blanks before the operator are refused, as in Kubernetes: those behind it belong to the value, and nothing would be selected.
    const field = (match[1] ?? "").trimStart().replace(/^\./, "");
    if (field.trimEnd() !== field)
      return refuseSelector("fieldSelector", text, `blanks stand around ${match[2]}; write ${field.trimEnd()}${match[2]}value`);
    if (!allowed.includes(field))
      return refuseSelector("fieldSelector", text, `no field to select by: ${field.slice(0, 100)}; allowed: ${allowed.join(", ")}`);
    const path = field.split(".");
    const given = match[3] ?? "";
    if (!/^(?:[^\\=]|\\[,=\\])*$/s.test(given))
      return refuseSelector(
        "fieldSelector",
        text,
        `no value: ${JSON.stringify(given.slice(0, 100))}; write \\, and \\= and \\\\ for a comma, = and \\ in it`,
      );
    const value = given.replace(/\\([,=\\])/g, "$1");
    const wanted = match[2] !== "!=";
    return (object: unknown) => (textAt(object, path) === value) === wanted;
  });
  return (object) => tests.every((test) => test(object));
}

/** The scalar at `path` as text; empty when there is none. */
export function textAt(object: unknown, path: readonly string[]): string {
  let value: unknown = object;
  for (const key of path) value = isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function splitOutsideBrackets(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isInside = false;
  for (let at = 0; at <= text.length; at++) {
    const sign = text[at];
    if (sign === "(") isInside = true;
    else if (sign === ")") isInside = false;
    if (at < text.length && (sign !== "," || isInside)) continue;
    parts.push(text.slice(start, at).trim());
    start = at + 1;
  }
  return parts;
}

function splitEscaped(text: string): string[] {
  return (text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? []).filter((part) => part.trim() !== "");
}

function refuseSelector(field: string, text: string, message: string): never {
  const causes: readonly Cause[] = [{ field, message }];
  throw invalid(`the selector ${JSON.stringify(text.slice(0, 200))}`, causes);
}
