import { REDACTED } from "#/model/index.ts";
import type { AuditChange } from "../contract.ts";

/** Changed fields that are kept of one action; the others are counted. */
export const FIELDS_MAX = 200;
/** Characters of one value, as JSON. */
export const VALUE_CHARACTERS_MAX = 2_000;
/** Of all values of one side of a change. */
const CHANGE_CHARACTERS_MAX = 16_000;
/** Characters of a text that stands in an entry beside the change. */
export const TEXT_CHARACTERS_MAX = 1_000;
/** Levels that are looked into for what differs; what is deeper counts as one value. */
const DEPTH_MAX = 12;

/** Names of fields, variables and options whose value is hidden, whoever marked it as secret or not. */
const SECRET_NAME =
  /pass(?:word|wd|phrase|code)?$|pwd$|secret|token|credential|private[-_.]?key|api[-_.]?key|access[-_.]?key|authorization|cookie|session[-_.]?id|^pin$|[-_.]pin$/i;
/** Names that match and tell nothing: what names a secret is none. */
const OPEN_NAME = /^(?:secretName|tokenTtl|passwordChangedAt|automountServiceAccountToken)$/;

/** What is hidden inside of a text: private keys, credentials in URLs, of headers and options, and tokens that are known by their form. */
const IN_TEXT: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@"']{0,500}@/gi, `$1${REDACTED}@`],
  [/\b(bearer|basic|digest|negotiate|token)\s+[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, REDACTED],
  [
    /((?:^|[\s"'?&;,{[(/-])[\w.-]{0,32}(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|private[-_.]?key|api[-_.]?key|access[-_.]?key|authorization|cookie)[\w.-]{0,32}["']?\s*[=:]\s*["']?)[^\s"'&;,})\]]+/gi,
    `$1${REDACTED}`,
  ],
];

/** The fields that differ between two objects, by path, without secrets; `undefined` if none does. What the store itself keeps of an object (versions, managers, times) is no field. */
export function changeOf(before: unknown, after: unknown): AuditChange | undefined {
  const changed = new Changed();
  changed.compare([], ownFields(before), ownFields(after));
  return changed.result();
}

/** What no pattern below finds anything in has none of these: most texts, and each write is looked at. */
const SUSPECT =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]|pass|pwd|secret|token|credential|key|authorization|cookie|bearer|basic|digest|negotiate|-----BEGIN|eyJ|:\/\/|^\s{0,100}[[{]/i;

/** A text without secrets and control characters, cut. */
export function redactText(text: string, max = TEXT_CHARACTERS_MAX): string {
  if (text.length <= max && !SUSPECT.test(text)) return text;
  const manifest = redactManifest(text, max);
  if (manifest !== undefined) return manifest;
  let hidden = text.length > max * 2 ? text.slice(0, max * 2) : text;
  for (const [pattern, by] of IN_TEXT) hidden = hidden.replace(pattern, by);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  hidden = hidden.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").toWellFormed();
  return hidden.length > max ? `${hidden.slice(0, max).toWellFormed()}…` : hidden;
}

/** In a text that is no JSON: a mark, or a name, that says that a value beside it is secret. */
const MARK = /["']?secret["']?\s{0,20}:\s{0,20}["']?(?:true|yes|on)/i;
const NAME = /name["']?\s{0,20}:\s{0,20}["']?[\w.-]{0,64}(?:pass|pwd|secret|token|credential|key)/i;
const VALUE = /value["']?\s{0,20}:/i;
const PARSED_CHARACTERS_MAX = 64_000;

/** A text that holds a manifest: hidden within it if it can be read, else as a whole. `undefined`: it holds none. */
function redactManifest(text: string, max: number): string | undefined {
  if (/^\s{0,100}[[{]/.test(text) && text.length <= PARSED_CHARACTERS_MAX) {
    const value = parseJson(text);
    if (typeof value === "object" && value !== null) {
      const hidden = JSON.stringify(redactValue(value));
      return hidden.length > max ? `${hidden.slice(0, max).toWellFormed()}…` : hidden;
    }
  }
  const looked = text.slice(0, PARSED_CHARACTERS_MAX);
  return MARK.test(looked) || (VALUE.test(looked) && NAME.test(looked)) ? REDACTED : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value without the secrets in it: those that are marked as such, those whose name says so, those known by their form. */
export function redactValue(value: unknown, name = ""): unknown {
  if (isSecretName(name) && value !== null && value !== undefined && typeof value !== "boolean") return REDACTED;
  if (typeof value === "string") return redactText(value, VALUE_CHARACTERS_MAX);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return redactList(value);
  const map = value as Readonly<Record<string, unknown>>;
  const hidesValue = isHiddenEntry(map);
  return Object.fromEntries(
    Object.entries(map).map(([key, inner]) => [
      redactText(key, 200),
      hidesValue && key !== "name" && key !== "secret" ? REDACTED : redactValue(inner, key),
    ]),
  );
}

/** `["--password", "x"]`: what stands behind a secret's option is hidden. */
function redactList(list: readonly unknown[]): readonly unknown[] {
  return list.map((item, index) => {
    const former = list[index - 1];
    const isBehind = typeof former === "string" && /^--?[\w-]+$/.test(former) && isSecretName(former.replace(/^-+/, ""));
    return isBehind && typeof item === "string" ? REDACTED : redactValue(item);
  });
}

/** `{name, value}` that is marked as secret, or whose name says so. */
function isHiddenEntry(map: Readonly<Record<string, unknown>>): boolean {
  if (map["secret"] === true) return true;
  return typeof map["name"] === "string" && "value" in map && isSecretName(map["name"]);
}

function isSecretName(name: string): boolean {
  const known = judgedNames.get(name);
  if (known !== undefined) return known;
  const isSecret = SECRET_NAME.test(name) && !OPEN_NAME.test(name);
  if (judgedNames.size < NAMES_MAX && name.length < 100) judgedNames.set(name, isSecret);
  return isSecret;
}

/** Fields of kinds come again and again. */
const judgedNames = new Map<string, boolean>();
const NAMES_MAX = 5_000;

/** Kept by the server or by tools for themselves: not what a person changed. */
const OWN_METADATA: readonly string[] = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink", "generateName"];
/** Whole manifests in one text: what changed stands in the fields. */
const OWN_ANNOTATIONS: readonly string[] = ["kubectl.kubernetes.io/last-applied-configuration", "orrery.dev/changed-by"];

function ownFields(object: unknown): unknown {
  if (!isMap(object)) return object;
  const { apiVersion: _a, kind: _k, metadata, ...fields } = object;
  if (!isMap(metadata)) return fields;
  const kept = without(metadata, OWN_METADATA);
  const { annotations } = kept;
  if (!isMap(annotations)) return { ...fields, metadata: kept };
  const notes = without(annotations, OWN_ANNOTATIONS);
  const { annotations: _n, ...others } = kept;
  return { ...fields, metadata: Object.keys(notes).length > 0 ? { ...others, annotations: notes } : others };
}

function without(map: Readonly<Record<string, unknown>>, names: readonly string[]): Readonly<Record<string, unknown>> {
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(map)) if (!names.includes(key)) put(kept, key, map[key]);
  return kept;
}

class Changed {
  readonly #before: Record<string, unknown> = {};
  readonly #after: Record<string, unknown> = {};
  #fields = 0;
  #characters = 0;

  /** `isHidden`: what stands here is a part of a secret on either side. */
  compare(path: readonly string[], before: unknown, after: unknown, isHidden = false): void {
    if (before === after) return;
    const bothMaps = isMap(before) && isMap(after);
    const bothLists = Array.isArray(before) && Array.isArray(after);
    if (path.length < DEPTH_MAX && (bothMaps || (path.length < 2 && (isMap(before) || isMap(after))))) {
      const [one, other] = [isMap(before) ? before : {}, isMap(after) ? after : {}];
      // Taking the mark away must not show what it hid.
      const hidesValue = isHidden || isHiddenEntry(one) || isHiddenEntry(other);
      const keys = Object.keys(one);
      for (const key of Object.keys(other)) if (!Object.hasOwn(one, key)) keys.push(key);
      for (const key of keys)
        this.compare([...path, key], own(one, key), own(other, key), (hidesValue && key !== "name" && key !== "secret") || isSecretName(key));
      return;
    }
    if (path.length < DEPTH_MAX && bothLists) return this.#compareLists(path, before, after, isHidden);
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    this.#add(path, before, after, isHidden);
  }

  /** Items with a name are compared with those of the same name. */
  #compareLists(path: readonly string[], before: readonly unknown[], after: readonly unknown[], isHidden: boolean): void {
    const names = [before, after].map((list) => list.map((item) => (isMap(item) && typeof item["name"] === "string" ? item["name"] : undefined)));
    const areNamed = names.every((list) => list.every((name) => name !== undefined) && new Set(list).size === list.length);
    if (!areNamed) {
      if (JSON.stringify(before) !== JSON.stringify(after)) this.#add(path, before, after, isHidden);
      return;
    }
    const [beforeByName, afterByName] = [before, after].map((list, index) => new Map(list.map((item, at) => [String(names[index]?.[at]), item])));
    for (const name of new Set([...(beforeByName?.keys() ?? []), ...(afterByName?.keys() ?? [])]))
      this.compare([...path, name], beforeByName?.get(name), afterByName?.get(name), isHidden);
  }

  #add(path: readonly string[], before: unknown, after: unknown, isHidden: boolean): void {
    this.#fields += 1;
    if (this.#fields > FIELDS_MAX || this.#characters > CHANGE_CHARACTERS_MAX) return;
    const name = redactText(path.map((part) => (/[.\s]/.test(part) ? `[${part}]` : part)).join("."), 500);
    const last = path.at(-1) ?? "";
    for (const [side, value] of [
      [this.#before, before],
      [this.#after, after],
    ] as const) {
      if (value === undefined) continue;
      const { kept, characters } = shorten(isHidden ? REDACTED : redactValue(value, last));
      put(side, name, kept);
      this.#characters += name.length + characters;
    }
  }

  result(): AuditChange | undefined {
    if (this.#fields === 0) return undefined;
    const left = this.#fields - new Set([...Object.keys(this.#before), ...Object.keys(this.#after)]).size;
    return left > 0
      ? { before: this.#before, after: { ...this.#after, "…": `${left} further fields` } }
      : { before: this.#before, after: this.#after };
  }
}

function shorten(value: unknown): { readonly kept: unknown; readonly characters: number } {
  const isShort = (typeof value === "string" && value.length <= SHORT_CHARACTERS) || typeof value === "number" || typeof value === "boolean";
  if (isShort) return { kept: value, characters: SHORT_CHARACTERS };
  const text = JSON.stringify(value) ?? "";
  const kept = text.length <= VALUE_CHARACTERS_MAX ? value : `${text.slice(0, VALUE_CHARACTERS_MAX).toWellFormed()}…`;
  return { kept, characters: Math.min(text.length, VALUE_CHARACTERS_MAX) };
}

/** What is so short is not measured. */
const SHORT_CHARACTERS = 40;

function put(map: Record<string, unknown>, name: string, value: unknown): void {
  // One that is called __proto__ would set the prototype.
  if (name === "__proto__") Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
  else map[name] = value;
}

/** `{}` has a valueOf, which nobody wrote. */
function own(map: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
