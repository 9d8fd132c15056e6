/** A deep-frozen copy of JSON-like `value`, as `JSON.parse(JSON.stringify(value))` would give it, that shares with `former` (sealed before) every part that is equal:
 *  the result is `former` itself if and only if nothing differs. So "unchanged" costs one `===` afterwards, at any depth, and unchanged parts are kept in memory once. */
export function sealedCopy<T>(value: unknown, former?: T): T {
  return copy(value, former) as T;
}

function copy(value: unknown, former: unknown): unknown {
  if (value === former) return former;
  // JSON knows no -0.
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (typeof value !== "object" || value === null)
    return typeof value === "function" || typeof value === "symbol" ? undefined : typeof value === "bigint" ? Number(value) : value;
  if (Array.isArray(value)) return copyList(value, former);
  if ("toJSON" in value && typeof value.toJSON === "function") return copy(value.toJSON(), former);
  return copyMap(value as Readonly<Record<string, unknown>>, former);
}

function copyList(value: readonly unknown[], former: unknown): unknown {
  const twin: readonly unknown[] | undefined = Array.isArray(former) ? former : undefined;
  let isSame = twin !== undefined && twin.length === value.length;
  const list = new Array<unknown>(value.length);
  for (let index = 0; index < value.length; index++) {
    const item = copy(value[index], twin?.[index]) ?? null;
    list[index] = item;
    isSame &&= item === twin?.[index];
  }
  return isSame ? twin : Object.freeze(list);
}

function copyMap(value: Readonly<Record<string, unknown>>, former: unknown): unknown {
  const twin = typeof former === "object" && former !== null && !Array.isArray(former) ? (former as Readonly<Record<string, unknown>>) : undefined;
  let isSame = twin !== undefined;
  let count = 0;
  const map: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    // Assigning to this key would set the prototype; no schema of ours knows it.
    if (key === "__proto__") continue;
    const known = twin !== undefined && Object.hasOwn(twin, key) ? twin[key] : undefined;
    const item = copy(value[key], known);
    if (item === undefined) continue;
    map[key] = item;
    count++;
    isSame &&= item === known;
  }
  return isSame && twin !== undefined && Object.keys(twin).length === count ? twin : Object.freeze(map);
}
