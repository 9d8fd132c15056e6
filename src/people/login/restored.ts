import type { Store } from "#/state/store/index.ts";
import { credential } from "./kinds.ts";

/** Puts passwords that were changed or taken away since into a store that was put back: `before` is what was stored until then, `isOut` tells users who were no more. Returns the users. */
export async function keepPasswords(now: Store, before: Store, isOut: (user: string) => boolean): Promise<readonly string[]> {
  const newest = new Map((await before.list(credential)).items.map((one) => [one.metadata.name, one]));
  const changed: string[] = [];
  for (const old of (await now.list(credential)).items) {
    const { name } = old.metadata;
    const found = isOut(name) ? undefined : newest.get(name);
    if (found?.spec.password === old.spec.password) continue;
    if (found !== undefined && found.spec.user.uid === old.spec.user.uid) await now.update(credential, { metadata: { name }, spec: found.spec });
    else await now.delete(credential, { name });
    changed.push(name);
  }
  return changed;
}
