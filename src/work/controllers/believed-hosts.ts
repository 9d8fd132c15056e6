import type { Clock } from "#/base/index.ts";
import type { Host, host } from "#/model/index.ts";
import type { CachesOf } from "#/state/reconcile/index.ts";

/** What people are told of hosts. A centre that has just begun to lead has heard nobody yet: for a moment that says nothing of them. */
export interface BelievedHosts {
  /** True if the host's agent answers, or did when the leader before told last and may not have come back to this one yet. For what is shown, never for what is decided. */
  isBelieved(host: string): boolean;
  /** True while such a host is waited for: then that nobody has a place says nothing yet. */
  isAwaiting(): boolean;
}

/** Agents that were well find a new leader within this. */
const BELIEVED_MS = 15_000;

/** To be made when the leading begins. */
export function believeHosts(options: {
  readonly caches: CachesOf<{ readonly hosts: typeof host }>;
  readonly isHostKnown: (host: string) => boolean;
  readonly clock: Clock;
}): BelievedHosts {
  const { caches, isHostKnown, clock } = options;
  const ledSinceMs = clock.now();
  const isAwaited = (one: Host | undefined): boolean => one !== undefined && !isHostKnown(one.metadata.name) && isReady(one);
  const isFresh = (): boolean => clock.now() - ledSinceMs < BELIEVED_MS;
  return {
    isBelieved: (name) => isHostKnown(name) || (isFresh() && isAwaited(caches.hosts.get(name))),
    isAwaiting: () => isFresh() && [...caches.hosts.values()].some(isAwaited),
  };
}

/** As it was told last, maybe by the leader before. */
function isReady({ status }: Host): boolean {
  return status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true;
}
