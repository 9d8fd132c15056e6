import { type Approval, approval, type ConditionInput, role, SITE_NAME, setCondition, site, user } from "#/model/index.ts";
import { type CentrePart, Controller, declareController, objectKey, partKind, workerOf } from "#/state/reconcile/index.ts";
import { accessGuard } from "./access-guard.ts";
import { approvalWish, forgetOldWishes, isUnreviewed } from "./approval-wish.ts";
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

/** Approvals that are over are kept so long, and no more than this. */
const HISTORY_MS = 90 * 24 * 3_600_000;
const HISTORY_MAX = 1_000;
const TIDY = "history";
const GLASS = "BrokenGlass";

/** Ends what nobody has approved in time, keeps the history within its bounds, and tells on the Site what was done alone and nobody has looked at. */
const approvalHistory = declareController({
  name: "approval-controller",
  reads: { approvals: approval, sites: site },
  writes: [approval, approvalWish, site],
  start: ({ store, caches, clock, random, log }) => {
    const isOver = (one: Approval): boolean => !["Waiting", "Approved"].includes(one.status?.phase ?? "") && !isUnreviewed(one);
    const controller = new Controller({
      name: "approval-controller",
      clock,
      random,
      log,
      async reconcile(name) {
        if (name === TIDY) {
          const over = [...caches.approvals.values()]
            .filter(isOver)
            .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1));
          for (const [index, { metadata }] of over.entries())
            if (index >= HISTORY_MAX || clock.now() - Date.parse(metadata.creationTimestamp) > HISTORY_MS) await store.delete(approval, metadata);
          await forgetOldWishes(store, clock.now());
          await tellSite();
          return { requeueAfterMs: 3_600_000 };
        }
        const one = caches.approvals.get(name);
        if (one === undefined || !["Waiting", "Approved"].includes(one.status?.phase ?? "")) return undefined;
        const leftMs = Date.parse(one.spec.until) - clock.now();
        if (leftMs > 0) return { requeueAfterMs: leftMs + 1_000 };
        if (one.status?.phase === "Approved" && one.spec.verb !== "call") return undefined;
        const { resourceVersion } = one.metadata;
        await store.update(
          approval,
          { metadata: { name, resourceVersion }, spec: one.spec, status: { ...one.status, phase: "Expired" } },
          { subresource: "status" },
        );
        await store.delete(approvalWish, { name });
        return undefined;
      },
    });
    const tellSite = async (): Promise<void> => {
      const one = await store.get(site, { name: SITE_NAME });
      if (one === undefined) return;
      const unreviewed = [...caches.approvals.values()].filter((each) => isUnreviewed(each));
      const former = one.status?.conditions ?? [];
      if (unreviewed.length === 0 && !former.some(({ type }) => type === GLASS)) return;
      const told: ConditionInput = {
        type: GLASS,
        status: "True",
        reason: "Unreviewed",
        message: `done alone, and nobody else has looked at it: ${unreviewed
          .map(({ metadata, spec }) => `${metadata.name} (${spec.by.name})`)
          .slice(0, 10)
          .join(", ")}; look, then: orrery approval review NAME`,
      };
      const next = unreviewed.length === 0 ? former.filter(({ type }) => type !== GLASS) : setCondition(former, told, clock.now());
      if (next === former) return;
      const { resourceVersion } = one.metadata;
      await store.patch(
        site,
        { name: SITE_NAME },
        { type: "merge", body: { metadata: { resourceVersion }, status: { conditions: next } } },
        { subresource: "status" },
      );
    };
    caches.approvals.listen((before, after) => {
      if (after !== undefined) controller.enqueue(after.metadata.name);
      else if (before !== undefined) controller.forget(before.metadata.name);
      controller.enqueue(TIDY, 200);
    });
    controller.enqueue(TIDY, 200);
    return workerOf(controller, {});
  },
});

/** Who may do what. */
export const accessPart: CentrePart = {
  name: "access",
  description: "Users and Roles: who may do what.",
  isEssential: true,
  kinds: [
    partKind(role),
    partKind(user),
    partKind(approval),
    partKind(accessGuard, { isFaceless: true }),
    partKind(approvalWish, { isFaceless: true }),
  ],
  controllers: [builtInRoles, approvalHistory],
};
