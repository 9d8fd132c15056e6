import { type Column, compileJsonPath, type StoredObject } from "#/model/index.ts";
import { stateOf } from "./object-state.ts";

/** Of one object; what is longer is searched in its beginning. */
const TEXT_MAX = 2_000;

/** Finds objects by words. */
export interface Search {
  /** True for objects that have each word of `words` somewhere in their name, labels, columns or state; capitals or not, and however accents are composed. `undefined`: nothing is searched. */
  matcher(words: string): ((object: StoredObject) => boolean) | undefined;
}

/** The text of each object is made once, when somebody searches first. */
export function searchOf(columns: readonly Column[]): Search {
  const cells = columns.map((column) => compileJsonPath(column.jsonPath));
  const texts = new WeakMap<object, string>();
  const textOf = (object: StoredObject): string => {
    const known = texts.get(object);
    if (known !== undefined) return known;
    const { metadata } = object;
    const state = stateOf(object);
    const parts = [
      metadata.name,
      metadata.namespace ?? "",
      ...Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`),
      ...cells.map((cell) => flat(cell(object))),
      ...(state === undefined ? [] : [state.word, state.message ?? ""]),
    ];
    // Parts are kept apart, so that no word is found across two of them.
    const text = fold(parts.join("\n").slice(0, TEXT_MAX));
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

/** The words of a search, as they are compared. */
export function wordsOf(wished: string): readonly string[] {
  return fold(wished)
    .split(/\s+/)
    .filter((word) => word !== "");
}

/** A text as it is compared. */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

function flat(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(flat).join(" ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
