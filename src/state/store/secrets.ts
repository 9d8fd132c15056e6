import { REDACTED } from "#/model/index.ts";
import { isMap } from "./merge-patch.ts";
import type { Causes } from "./validation.ts";

/** `value` with the secrets of `former` where a writer gives back the text that readers are shown instead of a secret. A secret that was not there before has no value to keep: that is recorded. */
export function keepSecrets(value: unknown, former: unknown, path: string, causes: Causes): unknown {
  return hasHidden(value) ? keepHidden(value, former, path, causes) : value;
}

/** `merged` without the secrets of `former` that have lost their mark though `given`, the writer's own wish, does not say their value: whoever takes the mark away must know what it hid. */
export function coverUnmarked(merged: unknown, former: unknown, given: unknown): unknown {
  if (typeof merged !== "object" || merged === null || merged === former) return merged;
  if (Array.isArray(merged)) {
    const [twins, wishes] = [former, given].map((list): readonly unknown[] => (Array.isArray(list) ? list : []));
    const items = merged.map((item, index) => {
      const name = nameOf(item);
      const find = (list: readonly unknown[] = []): unknown => (name === undefined ? list[index] : list.find((one) => nameOf(one) === name));
      return coverUnmarked(item, find(twins), find(wishes));
    });
    return items.some((item, index) => item !== merged[index]) ? items : merged;
  }
  const [map, twin, wish] = [merged, former, given].map((one): Readonly<Record<string, unknown>> => (isMap(one) ? one : {}));
  if (twin?.["secret"] === true && map?.["secret"] !== true && typeof map?.["value"] === "string" && wish?.["value"] === undefined)
    return { ...map, value: REDACTED };
  let covered: Record<string, unknown> | undefined;
  for (const [key, inner] of Object.entries(map ?? {})) {
    const next = coverUnmarked(inner, twin?.[key], wish?.[key]);
    if (next === inner) continue;
    covered ??= { ...map };
    covered[key] = next;
  }
  return covered ?? merged;
}

/** True if anywhere in `value` stands what readers are shown. */
function hasHidden(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === REDACTED;
  if (Array.isArray(value)) return value.some(hasHidden);
  for (const key in value) if (hasHidden((value as Readonly<Record<string, unknown>>)[key])) return true;
  return false;
}

function keepHidden(value: unknown, former: unknown, path: string, causes: Causes): unknown {
  if (Array.isArray(value)) {
    const twins: readonly unknown[] = Array.isArray(former) ? former : [];
    const items = value.map((item, index) => {
      const name = nameOf(item);
      return keepHidden(item, name === undefined ? twins[index] : twins.find((twin) => nameOf(twin) === name), `${path}[${index}]`, causes);
    });
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (!isMap(value)) return value;
  const twin = isMap(former) ? former : {};
  let kept: Record<string, unknown> | undefined;
  for (const [key, inner] of Object.entries(value)) {
    const isHidden = key === "value" && inner === REDACTED && (value["secret"] === true || twin["secret"] === true);
    // Taking the mark away must not show what it hid.
    const next = isHidden
      ? formerSecret(value["secret"] === true ? twin : {}, `${path}.value`, causes)
      : keepHidden(inner, twin[key], `${path}.${key}`, causes);
    if (next === inner) continue;
    kept ??= { ...value };
    kept[key] = next;
  }
  return kept ?? value;
}

function formerSecret(twin: Readonly<Record<string, unknown>>, path: string, causes: Causes): unknown {
  if (typeof twin["value"] === "string") return twin["value"];
  causes.add(path, `found ${JSON.stringify(REDACTED)}, which stands for a secret that is kept, but none is stored here; give the secret's value`);
  return REDACTED;
}

function nameOf(item: unknown): unknown {
  return isMap(item) ? item["name"] : undefined;
}
