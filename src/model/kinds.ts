import type { Kind } from "./kind.ts";

/** That of `kinds` which is called so: `Microservice`, its plural, singular or a short name; `undefined` if there is none. */
export function findKind(kinds: readonly Kind[], name: string): Kind | undefined {
  const lower = name.toLowerCase();
  return kinds.find((kind) => kind.kind === name || kind.plural === lower || kind.singular === lower || kind.shortNames?.includes(lower) === true);
}
