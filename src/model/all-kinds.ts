/** For tests: every kind of ours that this room has. What a process knows, its parts say. */
import * as model from "./index.ts";

const exported: readonly unknown[] = Object.values(model);
export const kinds: readonly model.Kind[] = exported.filter(isOurKind);

/** As `checkManifest`, of all of them. */
export const checkManifest = (object: unknown): model.CheckedManifest => model.checkManifest(kinds, object);

/** A Scale is a view of an object: nobody lists it. */
function isOurKind(value: unknown): value is model.Kind {
  return (
    typeof value === "object" && value !== null && "plural" in value && "group" in value && value.group === model.API_GROUP && value !== model.scale
  );
}
