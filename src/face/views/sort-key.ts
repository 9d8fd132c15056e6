/** What rows are ordered by: numbers before texts, and what there is not comes last. */
export type SortKey = number | string | undefined;

/** Digits of a run that are compared as a number; a longer run is compared as text. */
const RUN_DIGITS_MAX = 20;
const RUN = /\d+/g;

/** The key of a value. Texts are compared without regard to capitals, and runs of digits in them as numbers: `auth-v2` comes before `auth-v10`. */
export function sortKeyOf(value: unknown): SortKey {
  switch (typeof value) {
    case "number":
      return Number.isNaN(value) ? undefined : value;
    case "boolean":
      return value ? 1 : 0;
    case "string":
      return value === "" ? undefined : textKey(value);
    case "object": {
      // A map has no order; of a list its first values decide.
      const texts = Array.isArray(value) ? value.slice(0, LIST_COMPARED_MAX).filter((one) => typeof one !== "object") : [];
      return texts.length === 0 ? undefined : textKey(texts.join(","));
    }
    default:
      return undefined;
  }
}

function textKey(text: string): string {
  const lower = text.slice(0, TEXT_COMPARED_MAX).toLowerCase();
  return lower.replace(RUN, (digits) => (digits.length > RUN_DIGITS_MAX ? digits : digits.padStart(RUN_DIGITS_MAX, "0")));
}

const LIST_COMPARED_MAX = 20;
/** Of a longer text the beginning decides. */
const TEXT_COMPARED_MAX = 300;

/** Less than 0 where `a` comes first. What is missing comes last, also when descending. */
export function compareKeys(a: SortKey, b: SortKey, isDescending: boolean): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  const isLess = typeof a === typeof b ? a < b : typeof a === "number";
  return isLess === isDescending ? 1 : -1;
}
