import { type Instance, isCallable, isRestarted } from "#/model/index.ts";

export interface RestartPlanInput {
  /** The service's `restartedAt`; absent: nobody has asked. */
  readonly wish: string | undefined;
  readonly replicas: number;
  readonly isExclusive: boolean;
  /** Those of one revision that serves, also those being deleted. */
  readonly instances: readonly Instance[];
}

export interface RestartPlan {
  /** One more than `replicas` has to be there meanwhile: the only one is about to begin again. */
  readonly isOneMoreNeeded: boolean;
  /** Who is told now; at most one at a time. */
  readonly next: Instance | undefined;
}

const NOTHING: RestartPlan = { isOneMoreNeeded: false, next: undefined };

/** Whose turn it is to begin again. One after the other, the next when the one before is ready again: what does not come back keeps all others as they are. One that gets calls has to wait until another can take them; where only one is wanted, a second is there meanwhile, unless the service is exclusive. Pure, and computed from what is there: it may be done again at any time, by any centre. */
export function planRestart({ wish, replicas, isExclusive, instances }: RestartPlanInput): RestartPlan {
  if (wish === undefined || replicas === 0) return NOTHING;
  const present = instances.filter((one) => one.metadata.deletionTimestamp === undefined);
  const own = present.filter((one) => one.spec.slot < replicas);
  const waiting = own.filter((one) => one.spec.restart?.at !== wish);
  const isUnderWay = (one: Instance): boolean => one.spec.restart?.at === wish && !(isRestarted(one) && one.status?.ready === true);
  const only = replicas === 1 ? own[0] : undefined;
  const isSecondThere = present.some((one) => one.spec.slot >= replicas);
  const isOneMoreNeeded =
    only !== undefined && !isExclusive && ((waiting.length > 0 && isCallable(only)) || (isSecondThere && (waiting.length > 0 || isUnderWay(only))));
  if (present.some(isUnderWay)) return { isOneMoreNeeded, next: undefined };
  const [first] = waiting.toSorted((a, b) => Number(isCallable(a)) - Number(isCallable(b)) || a.spec.slot - b.spec.slot);
  // Nobody calls it, or nobody may beside it: nothing is lost.
  const mayGo =
    first !== undefined && (!isCallable(first) || (isExclusive && replicas === 1) || present.some((one) => one !== first && isCallable(one)));
  return { isOneMoreNeeded, next: mayGo ? first : undefined };
}
