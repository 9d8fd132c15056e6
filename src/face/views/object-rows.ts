import type { StoredObject } from "#/model/index.ts";
import { rowText } from "./answer.ts";
import type { FollowedObjects } from "./followed.ts";
import { seenOf, stateOf } from "./object-state.ts";
import type { ObjectsView, ViewColumn } from "./protocol.ts";

/** How the objects of a view are written. */
export interface RowForm {
  /** Text of the row behind key and index: made once for each version of an object, however many look. */
  textOf(object: StoredObject): string;
  readonly columns?: readonly ViewColumn[];
}

/** Forms of rows, each made once for a kind. */
export class RowForms {
  readonly #forms = new Map<string, RowForm>();

  /** @throws views/bad-message: a column that there is not */
  of(objects: FollowedObjects, columns: ObjectsView["columns"]): RowForm {
    const key = JSON.stringify([objects.viewed.resource, columns]);
    const known = this.#forms.get(key);
    if (known !== undefined) return known;
    const made = formOf(objects, columns);
    // Paths are as clients write them: a bound, so that nobody fills the memory with them.
    if (this.#forms.size >= FORMS_MAX) this.#forms.clear();
    this.#forms.set(key, made);
    return made;
  }
}

const FORMS_MAX = 500;

function formOf(objects: FollowedObjects, columns: ObjectsView["columns"]): RowForm {
  if (columns === undefined) return { textOf: remembered((object) => rowText(JSON.stringify(withoutManagers(object)), seenOf(object))) };
  const { viewed, facets } = objects;
  const shown: readonly ViewColumn[] =
    columns === "table"
      ? viewed.columns.map(({ name, type, description, priority }) => ({ name, type, description, ...(priority === 1 && { isWide: true }) }))
      : columns.map((name) => ({ name, type: "any" as const }));
  const cells = shown.map(({ name }) => facets.cellOf(name));
  const textOf = remembered((object) => {
    const { name, namespace, uid } = object.metadata;
    const state = stateOf(object);
    const row = {
      name,
      ...(namespace !== undefined && { namespace }),
      uid,
      cells: cells.map((cell) => cell(object) ?? null),
      ...(state !== undefined && { state }),
    };
    return rowText(JSON.stringify(row), seenOf(object));
  });
  return { textOf, columns: shown };
}

/** Who manages which field is for those who apply: it is as long as all else. */
function withoutManagers(object: StoredObject): object {
  const { managedFields, ...metadata } = object.metadata;
  return managedFields === undefined ? object : { ...object, metadata };
}

function remembered(make: (object: StoredObject) => string): (object: StoredObject) => string {
  const texts = new WeakMap<object, string>();
  return (object) => {
    const known = texts.get(object);
    if (known !== undefined) return known;
    const text = make(object);
    texts.set(object, text);
    return text;
  };
}
