/** The JSON text of an object that a store gave out, made once however many readers send it on. Any other value is made into text each time. */
export function jsonOf(object: object): string {
  return texts.get(object) ?? remember(object, JSON.stringify(object));
}

/** The text of an object as `jsonOf` gives it, where it has been made. */
export function knownText(object: object): string | undefined {
  return texts.get(object);
}

/** Keeps `text` as the JSON text of `object`, which must be frozen: it never changes afterwards. Returns `text`. */
export function remember(object: object, text: string): string {
  if (Object.isFrozen(object)) texts.set(object, text);
  return text;
}

/** Lets go of the text of an object that is no longer current; it is made again if someone still asks. */
export function forget(object: object): void {
  texts.delete(object);
}

/** Lives as long as its object does. */
const texts = new WeakMap<object, string>();
