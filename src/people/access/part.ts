import { role, user } from "#/model/index.ts";
import { type CentrePart, Controller, declareController, objectKey, partKind, workerOf } from "#/state/reconcile/index.ts";
import { accessGuard } from "./access-guard.ts";
import { BUILT_IN_ROLES } from "./built-in-roles.ts";

/** Shows the built-in roles as objects, so that they are found where all others are. What decides has them from the program. */
const builtInRoles = declareController({
  name: "built-in-role-controller",
  reads: { roles: role },
  writes: [role],
  start: ({ store, caches, clock, random, log }) => {
    const controller = new Controller({
      name: "built-in-role-controller",
      clock,
      random,
      log,
      async reconcile(name) {
        const built = BUILT_IN_ROLES.get(name);
        if (built === undefined) return undefined;
        const present = await store.get(role, { name });
        if (present === undefined) await store.create(role, { metadata: { name }, spec: built });
        else await store.update(role, { ...present, spec: { ...built, groups: present.spec.groups } });
        return undefined;
      },
    });
    for (const name of BUILT_IN_ROLES.keys()) controller.enqueue(name);
    caches.roles.listen((before, after) => {
      const name = objectKey(after ?? before ?? { metadata: { name: "" } });
      if (BUILT_IN_ROLES.has(name)) controller.enqueue(name);
    });
    return workerOf(controller, {});
  },
});

/** Who may do what. */
export const accessPart: CentrePart = {
  name: "access",
  description: "Users and Roles: who may do what.",
  isEssential: true,
  kinds: [partKind(role), partKind(user), partKind(accessGuard, { isFaceless: true })],
  controllers: [builtInRoles],
};
