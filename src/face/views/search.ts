import { OrreryError } from "#/base/index.ts";
import { type Column, compileJsonPath, type StoredObject } from "#/model/index.ts";
import { stateOf } from "./object-state.ts";

/** Of one object; what is longer is searched in its beginning. */
const TEXT_MAX = 2_000;

/** Finds objects by words. */
export interface Search {
  /** True for objects that have each word of `words` somewhere in their name, labels, columns or state; capitals or not, and however accents are composed. `undefined`: nothing is searched.
   *  @throws views/bad-message: there are too many */
  matcher(words: string): ((object: StoredObject) => boolean) | undefined;
}

/** The text of each object is made once, when somebody searches first. */
export function searchOf(columns: readonly Column[]): Search {
  const cells = columns.map((column) => compileJsonPath(column.jsonPath));
  const texts = new WeakMap<object, string>();
  const textOf = (object: StoredObject): string => {
    const known = texts.get(object);
    if (known !== undefined) return known;
    const { name, namespace, labels } = object.metadata;
    const state = stateOf(object);
    // Parts are kept apart, so that no word is found across two of them.
    let made = namespace === undefined ? name : `${name}\n${namespace}`;
    for (const key in labels) made += `\n${key}=${labels[key]}`;
    for (const cell of cells) {
      const value = cell(object);
      if (value !== undefined) made += `\n${flat(value)}`;
    }
    if (state !== undefined) made += state.message === undefined ? `\n${state.word}` : `\n${state.word}\n${state.message}`;
    const text = fold(made.length > TEXT_MAX ? made.slice(0, TEXT_MAX) : made);
    texts.set(object, text);
    return text;
  };
  return {
    matcher(wished) {
      const words = wordsOf(wished);
      if (words.length === 0) return undefined;
      return (object) => {
        const text = textOf(object);
        return words.every((word) => text.includes(word));
      };
    },
  };
}

/** Each is looked for in each object. */
const WORDS_MAX = 20;

/** The words of a search, as they are compared, each once.
 *  @throws views/bad-message: there are too many */
export function wordsOf(wished: string): readonly string[] {
  const words = new Set(
    fold(wished)
      .split(/\s+/)
      .filter((word) => word !== ""),
  );
  if (words.size > WORDS_MAX) throw new OrreryError("views/bad-message", `search: found ${words.size} words; allowed: at most ${WORDS_MAX}`);
  return [...words];
}

/** A text as it is compared. */
export function fold(text: string): string {
  return (ASCII.test(text) ? text : text.normalize("NFKC")).toLowerCase();
}

/** Nothing in it can be composed in two ways; the other ones cost ten times as much. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/;

function flat(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(flat).join(" ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
