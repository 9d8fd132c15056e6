/** The JSON text of an object that a store gave out, made once however many readers send it on. Any other value is made into text each time. */
export function jsonOf(object: object): string {
  return texts.get(object)?.text ?? remember(object, JSON.stringify(object));
}

/** False where nothing in an object is called secret, or speaks of one: its text has been made, and has not the word. Looked for once. */
export function mayHoldSecret(object: object): boolean {
  const known = texts.get(object);
  if (known === undefined) return true;
  known.hasWord ??= known.text.includes("secret");
  return known.hasWord;
}

/** Keeps `text` as the JSON text of `object`, which must be frozen: it never changes afterwards. Returns `text`. */
export function remember(object: object, text: string): string {
  if (Object.isFrozen(object)) texts.set(object, { text, hasWord: undefined });
  return text;
}

/** Lets go of the text of an object that is no longer current; it is made again if someone still asks. */
export function forget(object: object): void {
  texts.delete(object);
}

interface KnownText {
  readonly text: string;
  /** `undefined`: nobody has asked yet. */
  hasWord: boolean | undefined;
}

/** Lives as long as its object does. */
const texts = new WeakMap<object, KnownText>();
