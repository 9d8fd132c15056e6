import type { StoredObject } from "#/model/index.ts";
import { parseFieldSelector, parseLabelSelector } from "#/state/store/index.ts";
import type { FollowedObjects, SeenObjects } from "./followed.ts";
import type { ObjectsView } from "./protocol.ts";
import type { ReaderScope, Visible } from "./rights.ts";

/** Which objects a view asks for. */
export type Selection = Pick<ObjectsView, "resource" | "namespace" | "search" | "where" | "fields" | "filter">;

/** Where the objects that a reader is shown are looked for: among all of their kind, if what is shown depends on other objects; else among those that are shown, of which nothing more has to be asked. */
export function reach(objects: FollowedObjects, scope: ReaderScope): { readonly objects: SeenObjects; readonly scope: ReaderScope } {
  const { name, visible, attach } = scope;
  if (visible === undefined || attach !== undefined) return { objects, scope };
  return { objects: objects.within(visible), scope: { name, visible: undefined } };
}

/** Whether an object is of a view: all that the view asks holds, and the reader is shown it. `undefined`: all are.
 *  @throws views/bad-message: a facet that there is not; store/invalid: a selector that cannot be read */
export function parseSelection({ viewed, facets, search }: SeenObjects, selection: Selection, scope: ReaderScope): Visible {
  const { namespace, where, fields, filter = {} } = selection;
  const tests: ((object: StoredObject) => boolean)[] = [];
  if (namespace !== undefined && viewed.isNamespaced) tests.push((object) => object.metadata.namespace === namespace);
  const { visible } = scope;
  if (visible !== undefined) tests.push(visible);
  const labels = parseLabelSelector(where ?? "");
  if (labels !== undefined) tests.push((object) => labels(object.metadata.labels ?? {}));
  const selectable = ["metadata.name", "metadata.namespace", ...(viewed.stored?.selectableFields ?? []).map((path) => path.replace(/^\./, ""))];
  const byFields = parseFieldSelector(fields ?? "", viewed.stored === undefined ? [...selectable, ...EVENT_FIELDS] : selectable);
  if (byFields !== undefined) tests.push(byFields);
  for (const [name, wanted] of Object.entries(filter)) {
    const valuesOf = facets.valuesOf(name);
    const values = new Set(wanted);
    tests.push((object) => {
      const found = valuesOf(object);
      return found.length === 0 ? values.has("") : found.some((one) => values.has(one));
    });
  }
  const matches = search.matcher(selection.search ?? "");
  if (matches !== undefined) tests.push(matches);
  const [only, ...more] = tests;
  if (only === undefined) return undefined;
  return more.length === 0 ? only : (object) => tests.every((test) => test(object));
}

/** Of Events, as `kubectl` selects them. */
const EVENT_FIELDS = ["involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "involvedObject.uid", "type", "reason"];
