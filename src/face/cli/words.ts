/** Longer words are shortened in messages. */
const QUOTED_MAX = 80;

/** What someone typed, as a message names it: as it is where it is a plain word, else in quotes. */
export function quoteWord(word: string): string {
  return /^[\w.:-]+$/.test(word) ? shorten(word) : quoteName(word);
}

/** A name in quotes. */
export function quoteName(name: string): string {
  return JSON.stringify(shorten(name));
}

function shorten(word: string): string {
  return word.length <= QUOTED_MAX ? word : `${word.slice(0, QUOTED_MAX - 1)}…`;
}
