import { REDACTED, type StoredObject } from "#/model/index.ts";
import { mayHoldSecret } from "./json.ts";
import { isMap } from "./merge-patch.ts";

/** Where `kubectl apply` keeps what it applied last. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** `object` as those see it who may not see secrets: values of `secret: true` entries are `REDACTED`, also inside of what kubectl keeps in its annotation. The same copy each time; the object itself if there is nothing to hide. */
export function redact<T extends StoredObject>(object: T): T {
  // Most hide nothing, and their text says so. One entry less for each object is what the garbage collector does not have to follow.
  if (!mayHoldSecret(object)) return object;
  const known = copies.get(object);
  if (known !== undefined) return known as T;
  const spec = hide(object.spec);
  const hidden = hideAnnotation(spec === object.spec ? object : { ...object, spec });
  // Frozen like what the store gives, so that its text is made once, too.
  if (hidden !== object) Object.freeze(hidden);
  copies.set(object, hidden);
  return hidden;
}

const copies = new WeakMap<object, StoredObject>();

/** What a change has made of `redact(object)`, with the annotation as it was kept, where the change has left it. */
export function withKeptAnnotation(object: StoredObject, changed: unknown): unknown {
  const kept = object.metadata.annotations?.[LAST_APPLIED];
  if (kept === undefined || !isMap(changed)) return changed;
  const { metadata } = changed;
  const annotations = isMap(metadata) ? metadata["annotations"] : undefined;
  if (!isMap(annotations) || annotations[LAST_APPLIED] !== redact(object).metadata.annotations?.[LAST_APPLIED]) return changed;
  return { ...changed, metadata: { ...(metadata as object), annotations: { ...annotations, [LAST_APPLIED]: kept } } };
}

function hideAnnotation<T extends StoredObject>(object: T): T {
  const text = object.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return object;
  let hidden: string;
  try {
    const applied: unknown = JSON.parse(text);
    const before = JSON.stringify(applied);
    hidden = JSON.stringify(
      hide(isMap(applied) && applied["spec"] !== undefined ? { ...applied, spec: hideUnmarked(applied["spec"], object.spec) } : applied),
    );
    // The text as it was written: kubectl compares it.
    if (hidden === before) return object;
  } catch {
    // Not what kubectl writes: whatever it is, it may hold a secret.
    hidden = REDACTED;
  }
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [LAST_APPLIED]: hidden } } };
}

/** What somebody has applied has not the marks that the kind sets by itself: hidden is also what the object marks there, and a value without a name of which nothing stands there any more. */
function hideUnmarked(applied: unknown, present: unknown): unknown {
  if (Array.isArray(applied)) {
    const twins: readonly unknown[] = Array.isArray(present) ? present : [];
    return applied.map((item, index) => {
      const name = isMap(item) ? item["name"] : undefined;
      return hideUnmarked(item, name === undefined ? twins[index] : twins.find((twin) => isMap(twin) && twin["name"] === name));
    });
  }
  if (!isMap(applied)) return applied;
  const twin = isMap(present) ? present : undefined;
  return Object.fromEntries(
    Object.entries(applied).map(([key, inner]) => {
      const isMarked = twin === undefined ? applied["name"] === undefined : twin["secret"] === true;
      const isSecret = key === "value" && typeof inner === "string" && applied["secret"] === undefined && isMarked;
      return [key, isSecret ? REDACTED : hideUnmarked(inner, twin?.[key])];
    }),
  );
}

function hide(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(hide);
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const map = value as Readonly<Record<string, unknown>>;
  let copy: Record<string, unknown> | undefined;
  for (const key in map) {
    const inner = map[key];
    const next = key === "value" && map["secret"] === true ? REDACTED : hide(inner);
    if (next === inner) continue;
    copy ??= { ...map };
    copy[key] = next;
  }
  return copy ?? value;
}
