import { isMap } from "./merge-patch.ts";
import { invalid } from "./store-error.ts";

/** What a patch may change but not take away. Left out of an object that is sent whole, these are taken from the place where it is written; a patch that removes them wishes for something that cannot be done. */
const IDENTITY: readonly (readonly string[])[] = [["apiVersion"], ["kind"], ["metadata", "name"]];

/** What a patch has made of `before`, if it is still an object that says what it is. `title` names it.
 *  @throws store/invalid: the patch leaves no object, or removes apiVersion, kind or metadata.name */
export function checkPatched(title: string, before: unknown, after: unknown): Readonly<Record<string, unknown>> {
  if (!isMap(after)) throw invalid(title, [{ field: "", message: "the patch leaves no object" }]);
  const removed = IDENTITY.filter((path) => isThere(valueAt(before, path)) && !isThere(valueAt(after, path)));
  if (removed.length === 0) return after;
  throw invalid(
    title,
    removed.map((path) => ({ field: path.join("."), message: "the patch removes it; by it the object is known: leave it as it is" })),
  );
}

function valueAt(object: unknown, path: readonly string[]): unknown {
  let value = object;
  for (const key of path) value = isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
