import { isDeepStrictEqual } from "node:util";
import { OBJECT_DEPTH_MAX, sizeOf } from "#/model/index.ts";
import { isMap } from "./merge-patch.ts";
import { invalid } from "./store-error.ts";

/** As Kubernetes' API servers. */
const OPERATIONS_MAX = 10_000;
/** Values that all operations of one patch may put in, compare, copy and move along in lists; a stored object has 50,000. */
const WORK_MAX = 500_000;
/** Characters of what they put in. */
const CHARACTERS_MAX = 16 * 1024 * 1024;

/** `object` after the operations of `patch` (RFC 6902); `object` is not changed. What is copied is shared, and counted against what an object may hold, so that copies of copies come to an end.
 *  @throws store/invalid: an operation that is none, cannot be carried out, a `test` that fails, or a result that is too large */
export function patchJson(title: string, object: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw refusal(title, "give a list of operations, each with op and path");
  if (patch.length > OPERATIONS_MAX) throw refusal(title, `found ${patch.length} operations; allowed: at most ${OPERATIONS_MAX}`);
  const patching = new Patching(object);
  patch.forEach((operation: unknown, index) => {
    try {
      patching.apply(operation);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { op, path } = (isMap(operation) ? operation : {}) as { readonly op?: unknown; readonly path?: unknown };
      throw refusal(title, `operation ${index} (${shown(op)} ${shown(path)}): ${error.message}`);
    }
  });
  return patching.document;
}

function refusal(title: string, message: string): Error {
  return invalid(`the JSON patch of ${title}`, [{ field: "", message }]);
}

function shown(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 200) : "?";
}

/** Why one operation cannot be carried out. */
class Refusal extends Error {}

type Container = Record<string, unknown> | unknown[];

/** A document under change: containers are copied once, when first written to. */
class Patching {
  document: unknown;
  readonly #own = new Set<unknown>();
  #work = 0;
  #characters = 0;

  constructor(document: unknown) {
    this.document = document;
  }

  /** @throws Refusal */
  apply(operation: unknown): void {
    if (!isMap(operation)) throw new Refusal("an operation is a map with op and path");
    const { op } = operation;
    const path = parsePointer(operation["path"], "path");
    switch (op) {
      case "add":
        return this.#add(path, givenValue(operation));
      case "replace":
        this.#read(path);
        return path.length === 0 ? this.#setRoot(givenValue(operation)) : this.#put(path, givenValue(operation));
      case "remove":
        return this.#remove(path);
      case "test":
        return this.#test(path, givenValue(operation));
      case "copy":
        return this.#add(path, this.#read(parsePointer(operation["from"], "from")));
      case "move":
        return this.#move(parsePointer(operation["from"], "from"), path);
      default:
        throw new Refusal("op: allowed: add, remove, replace, move, copy, test");
    }
  }

  #move(from: readonly string[], path: readonly string[]): void {
    const value = this.#read(from);
    if (from.length < path.length && from.every((key, index) => key === path[index])) throw new Refusal("a value cannot be moved into itself");
    if (from.length === path.length && from.every((key, index) => key === path[index])) return;
    this.#remove(from);
    this.#add(path, value);
  }

  #test(path: readonly string[], wanted: unknown): void {
    const found = this.#read(path);
    this.#spend(sizeOf(wanted).values);
    if (!isDeepStrictEqual(found, wanted)) throw new Refusal("the tested value is another");
  }

  #read(path: readonly string[]): unknown {
    return path.reduce((inner, key) => child(inner, key), this.document);
  }

  #add(path: readonly string[], value: unknown): void {
    if (path.length === 0) return this.#setRoot(value);
    const holder = this.#holder(path);
    const key = path.at(-1) ?? "";
    if (!Array.isArray(holder)) return this.#set(holder, key, value, path.length);
    this.#take(value, path.length);
    const index = key === "-" ? holder.length : indexOf(key, holder.length);
    this.#spend(holder.length - index);
    holder.splice(index, 0, value);
  }

  #put(path: readonly string[], value: unknown): void {
    const holder = this.#holder(path);
    const key = path.at(-1) ?? "";
    if (!Array.isArray(holder)) return this.#set(holder, key, value, path.length);
    this.#take(value, path.length);
    holder[indexOf(key, holder.length - 1)] = value;
  }

  #set(holder: Record<string, unknown>, key: string, value: unknown, level: number): void {
    if (key === "__proto__") throw new Refusal("a field __proto__ is not kept; give it another name");
    this.#take(value, level);
    holder[key] = value;
  }

  #remove(path: readonly string[]): void {
    this.#read(path);
    if (path.length === 0) throw new Refusal("the object itself cannot be removed: delete it");
    const holder = this.#holder(path);
    const key = path.at(-1) ?? "";
    if (!Array.isArray(holder)) return void delete holder[key];
    const index = indexOf(key, holder.length - 1);
    this.#spend(holder.length - index);
    holder.splice(index, 1);
  }

  #setRoot(value: unknown): void {
    this.#take(value, 0);
    this.document = value;
  }

  /** What holds the value at `path`, and may be written to. */
  #holder(path: readonly string[]): Container {
    this.document = this.#owned(this.document);
    let holder = this.document as Container;
    for (const key of path.slice(0, -1)) {
      const inner = this.#owned(child(holder, key));
      if (Array.isArray(holder)) holder[indexOf(key, holder.length - 1)] = inner;
      else holder[key] = inner;
      holder = inner;
    }
    return holder;
  }

  #owned(value: unknown): Container {
    if (typeof value !== "object" || value === null) throw new Refusal("it leads through a value that is no map or list");
    if (this.#own.has(value)) return value as Container;
    const copy: Container = Array.isArray(value) ? [...value] : { ...(value as Record<string, unknown>) };
    this.#spend(Array.isArray(copy) ? copy.length : Object.keys(copy).length);
    this.#own.add(copy);
    return copy;
  }

  /** Counts a value that is put in at so many levels. It may stand in two places by now: it is copied again before it is written to. */
  #take(value: unknown, level: number): void {
    this.#disown(value);
    const { values, characters, levels } = sizeOf(value);
    this.#spend(values);
    this.#characters += characters;
    if (this.#characters > CHARACTERS_MAX) throw new Refusal("the patch is too much work; send a merge patch, or the whole object");
    if (level + levels > OBJECT_DEPTH_MAX) throw new Refusal(`it would be deeper than ${OBJECT_DEPTH_MAX} levels of maps and lists`);
  }

  #disown(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    if (!this.#own.delete(value)) return;
    for (const inner of Object.values(value)) this.#disown(inner);
  }

  #spend(work: number): void {
    this.#work += work;
    if (this.#work > WORK_MAX) throw new Refusal("the patch is too much work; send a merge patch, or the whole object");
  }
}

function givenValue(operation: Readonly<Record<string, unknown>>): unknown {
  const { value } = operation;
  if (value === undefined) throw new Refusal("value: missing");
  return value;
}

/** RFC 6901. */
function parsePointer(text: unknown, field: string): readonly string[] {
  if (typeof text !== "string") throw new Refusal(`${field}: missing: give a JSON pointer such as /spec/place`);
  if (text === "") return [];
  if (!text.startsWith("/")) throw new Refusal(`${field}: a JSON pointer begins with /`);
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function child(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value[indexOf(key, value.length - 1)];
  if (isMap(value) && Object.hasOwn(value, key)) return value[key];
  throw new Refusal(`there is no ${JSON.stringify(key.slice(0, 100))}`);
}

function indexOf(key: string, max: number): number {
  const index = /^(?:0|[1-9]\d{0,8})$/.test(key) ? Number(key) : -1;
  if (index < 0 || index > max) throw new Refusal(`there is no position ${JSON.stringify(key.slice(0, 100))}`);
  return index;
}
