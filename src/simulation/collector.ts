import type { OwnerReference } from "#/model/index.ts";
import type { Dice } from "./dice.ts";
import type { Scheduler } from "./scheduler.ts";
import type { KindName, SimulatedStore } from "./store.ts";

interface Owned {
  readonly metadata: { readonly name: string; readonly uid: string; readonly ownerReferences?: readonly OwnerReference[] };
}

/** As the store's garbage collector does it: what has lost its owner is deleted, some time afterwards. */
export function collectGarbage(store: SimulatedStore, scheduler: Scheduler, dice: Dice): void {
  const look = (kind: KindName, object: Owned): void => {
    const [owner] = object.metadata.ownerReferences ?? [];
    if (owner === undefined) return;
    scheduler.after(dice.between(1, 30), () => {
      const isOwned = store.get(owner.kind as KindName, owner.name)?.metadata.uid === owner.uid;
      const present = store.get(kind, object.metadata.name);
      if (!isOwned && present?.metadata.uid === object.metadata.uid) store.delete(kind, object.metadata.name);
    });
  };
  store.onPutBack(() => {
    for (const kind of ["Revision", "Instance"] as const) for (const one of store.list(kind)) look(kind, one);
  });
  store.listen((kind, before, after) => {
    if (before === undefined && after !== undefined) look(kind, after);
    if (after !== undefined || before === undefined) return;
    for (const dependentKind of ["Revision", "Instance"] as const) for (const one of store.list(dependentKind)) look(dependentKind, one);
  });
}
