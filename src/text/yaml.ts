import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Scalar } from "yaml";
import { describeError, OrreryError } from "#/base/index.ts";
import { DEPTH_MAX, type FieldPath, loneSurrogate, protoKey, tooDeep, VALUES_MAX } from "./json.ts";
import { findNumberFault } from "./number.ts";

/** Something that a text must not have, where it stands: line and column count from 1. */
export interface YamlFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** One document. */
export interface YamlDocument {
  /** As JSON has it: maps with texts as keys, finite numbers, no aliases. Absent where there are faults, and where the document is empty. */
  readonly value?: unknown;
  readonly faults: readonly YamlFault[];
  /** Keys that stand in a map more than once; the last one counts. */
  readonly duplicates: readonly (YamlFault & { readonly path: FieldPath })[];
  /** Where the key of `path` stands, or the deepest part of it that is there. */
  positionOf(path: FieldPath): { readonly line: number; readonly column: number };
}

export interface YamlText {
  readonly documents: readonly YamlDocument[];
}

/** Faults, and duplicates, that are told of one document. */
const TOLD_MAX = 100;

/** The documents of a YAML 1.2 text (JSON is one, too). What JSON cannot say is a fault: tags, keys that are no scalars, infinity, numbers that a double does not hold as written. Aliases may be used; they count as what they stand for, of which a document may hold 100,000 values in 100 levels. The merge key `<<` of YAML 1.1 is carried out, as kubectl does. Never throws; takes time in proportion to the text's length. */
export function parseYaml(text: string): YamlText {
  const lines = new LineCounter();
  // Not `uniqueKeys`: it compares each key of a map with each.
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: "1.2",
    uniqueKeys: false,
    stringKeys: false,
    logLevel: "silent",
  });
  return { documents: (Array.isArray(documents) ? documents : []).map((document) => readDocument(document as Document, lines)) };
}

function readDocument(document: Document, lines: LineCounter): YamlDocument {
  const placeOf = (offset: number): { readonly line: number; readonly column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const positionOf = (path: FieldPath): { readonly line: number; readonly column: number } => placeOf(offsetOf(document, path));
  const problems = [...document.errors, ...document.warnings];
  const faults = problems
    .slice(0, TOLD_MAX)
    .map((problem) => ({ ...placeOf(problem.pos[0]), message: /call stack/.test(problem.message) ? tooDeep().message : problem.message }));
  if (faults.length > 0) return { faults, duplicates: [], positionOf };
  const reader = new Reader(placeOf);
  try {
    const value = document.contents === null ? null : reader.read(document.contents, [], 0);
    return { ...(value === null ? {} : { value }), faults, duplicates: reader.duplicates, positionOf };
  } catch (error) {
    return { faults: [{ ...placeOf(reader.offset), message: describeError(error) }], duplicates: [], positionOf };
  }
}

/** Makes the value of a document. */
class Reader {
  readonly duplicates: (YamlFault & { readonly path: FieldPath })[] = [];
  /** Of the node that is read. */
  offset = 0;
  readonly #placeOf: (offset: number) => { readonly line: number; readonly column: number };
  /** What each anchor stands for by now, with the number of its values and levels. */
  readonly #anchors = new Map<string, { readonly value: unknown; readonly values: number; readonly levels: number }>();
  #values = 0;
  /** The deepest level so far, of what is read since it was set. */
  #deepest = 0;

  constructor(placeOf: (offset: number) => { readonly line: number; readonly column: number }) {
    this.#placeOf = placeOf;
  }

  read(node: unknown, path: FieldPath, depth: number): unknown {
    if (!isNode(node)) {
      this.#count(1, depth);
      return null;
    }
    this.offset = node.range?.[0] ?? this.offset;
    if (isAlias(node)) {
      const known = this.#anchors.get(node.source);
      if (known === undefined) throw new OrreryError("text/invalid", `the alias *${shorten(node.source)} stands for nothing that stands before it`);
      this.#count(known.values, depth + known.levels);
      return known.value;
    }
    const { anchor } = node as { readonly anchor?: string };
    if (anchor === undefined) return this.#plain(node, path, depth);
    const [values, deepest] = [this.#values, this.#deepest];
    this.#deepest = depth;
    const value = this.#plain(node, path, depth);
    this.#anchors.set(anchor, { value, values: this.#values - values, levels: this.#deepest - depth });
    this.#deepest = Math.max(deepest, this.#deepest);
    return value;
  }

  #plain(node: Node, path: FieldPath, depth: number): unknown {
    this.#count(1, depth);
    if (isScalar(node)) return scalarValue(node);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index], depth + 1));
    if (!isMap(node)) throw new OrreryError("text/invalid", "found something that is no map, list or scalar");
    const map: Record<string, unknown> = {};
    const merged: Readonly<Record<string, unknown>>[] = [];
    let isMerged = false;
    for (const pair of node.items) {
      const key = this.#key(pair.key);
      const inner = [...path, key];
      const isMerge = isMergeKey(pair.key);
      if ((isMerge ? isMerged : Object.hasOwn(map, key)) && this.duplicates.length < TOLD_MAX)
        this.duplicates.push({
          ...this.#placeOf(this.offset),
          path: inner,
          message: `the key ${JSON.stringify(shorten(key))} stands in this map a second time; each may stand once`,
        });
      if (isMerge) {
        isMerged = true;
        merged.push(...mergedMaps(this.read(pair.value, inner, depth)));
      } else map[key] = this.read(pair.value, inner, depth + 1);
    }
    // What stands in the map itself goes before, wherever it stands; then the first map that has the key.
    for (const other of merged) for (const key of Object.keys(other)) if (!Object.hasOwn(map, key)) map[key] = other[key];
    return map;
  }

  #key(node: unknown): string {
    if (isNode(node)) this.offset = node.range?.[0] ?? this.offset;
    const value = isAlias(node) ? this.#anchors.get(node.source)?.value : isScalar(node) ? scalarValue(node) : node === null ? null : undefined;
    if (value === undefined || typeof value === "object") {
      if (value !== null) throw new OrreryError("text/invalid", "found a map, a list or nothing as a key; allowed: text");
      return "";
    }
    const key = String(value);
    if (isScalar(node) && (node as { readonly anchor?: string }).anchor !== undefined)
      this.#anchors.set((node as { readonly anchor: string }).anchor, { value, values: 1, levels: 0 });
    if (key === "__proto__") throw protoKey();
    return key;
  }

  #count(values: number, depth: number): void {
    this.#values += values;
    this.#deepest = Math.max(this.#deepest, depth);
    if (this.#values > VALUES_MAX)
      throw new OrreryError("text/too-large", `it holds more than ${VALUES_MAX} values (an alias counts as what it stands for); give it in parts`);
    if (this.#deepest > DEPTH_MAX) throw tooDeep();
  }
}

/** A plain `<<`; in quotes it is a key like any other. */
function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.value === "<<";
}

/** @throws text/invalid */
function mergedMaps(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  const maps = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  for (const one of maps)
    if (typeof one !== "object" || one === null || Array.isArray(one))
      throw new OrreryError(
        "text/invalid",
        "found something that is no map behind the merge key <<; allowed: a map, an alias of one (<<: *name), or a list of these",
      );
  return maps as readonly Readonly<Record<string, unknown>>[];
}

/** @throws text/invalid */
function scalarValue(node: Scalar): unknown {
  const { value, source = String(node.value) } = node;
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw loneSurrogate();
    return value;
  }
  if (typeof value === "boolean" || value === null || value === undefined) return value ?? null;
  if (typeof value !== "number") throw new OrreryError("text/invalid", `found ${shorten(source)}; allowed: text, a number, true, false or null`);
  // 0x1f and 0o17 are exact, or too large anyway.
  const isDecimal = !/^[-+]?0[xo]/.test(source);
  const fault = isDecimal
    ? findNumberFault(source, value)
    : Number.isSafeInteger(value)
      ? undefined
      : `found ${shorten(source)}; allowed: whole numbers of less than 2^53, or give it as text`;
  if (fault !== undefined) throw new OrreryError("text/invalid", fault);
  return value;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function offsetOf(document: Document, path: FieldPath): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const key of path) {
    if (!isNode(node)) break;
    const inner = childOf(node, key);
    if (inner === undefined) break;
    offset = inner.offset;
    node = inner.node;
  }
  return offset;
}

function childOf(node: Node, key: string | number): { readonly node: unknown; readonly offset: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key));
    if (pair === undefined || !isNode(pair.key)) return undefined;
    return { node: pair.value, offset: pair.key.range?.[0] ?? 0 };
  }
  if ("items" in node && Array.isArray(node.items) && typeof key === "number") {
    const item: unknown = node.items[key];
    return isNode(item) ? { node: item, offset: item.range?.[0] ?? 0 } : undefined;
  }
  return undefined;
}
