import { uuidTimeMs } from "#/base/index.ts";
import { durationMs, STREAMS_END_AFTER, type Update, type update } from "#/model/index.ts";
import type { Reflector } from "#/state/reconcile/index.ts";
import { type How, howOf, isEnded, type Refusal, type UpdateIntent } from "./core/index.ts";

/** On Updates that nobody made: templates were changed. */
export const IMPLICIT_LABEL = "orrery.dev/implicit";

/** What the update controller asks of explicit Updates. */
export function updateIntents(
  updates: Reflector<typeof update>,
  namespace: string,
  manifestOf: (service: string) => How | undefined,
): {
  /** The gates of an Update, as it says, or the manifests of its services. */
  gatesOf(name: string): Update["spec"]["gates"];
  howOf(service: string): Pick<UpdateIntent, "strategy" | "ramp"> | undefined;
  updateFor(services: readonly string[]): UpdateIntent | undefined;
  updateNamed(name: string): UpdateIntent | undefined;
  isAskedAgain(refusal: Refusal): boolean;
} {
  return {
    gatesOf(name) {
      const one = updates.get(`${namespace}/${name}`);
      const chosen = one === undefined ? undefined : howOf(one, manifestOf);
      return chosen !== undefined && "how" in chosen ? chosen.how.gates : undefined;
    },
    howOf(service) {
      const how = manifestOf(service);
      return how === undefined ? undefined : wayOf(how);
    },
    updateFor(services) {
      const written = [...updates.values()].filter(
        (one) =>
          one.metadata.namespace === namespace &&
          one.status?.phase === "Preparing" &&
          one.status.generation === undefined &&
          one.spec.services.some(({ name }) => services.includes(name)),
      );
      written.sort(byAge);
      return written[0] === undefined ? undefined : intentOf(written[0], manifestOf);
    },
    updateNamed(name) {
      const one = updates.get(`${namespace}/${name}`);
      return one === undefined ? undefined : intentOf(one, manifestOf);
    },
    isAskedAgain(refusal) {
      return [...updates.values()].some(
        (one) =>
          one.metadata.namespace === namespace &&
          one.status?.phase === "Preparing" &&
          one.status.generation === undefined &&
          one.status.revisions?.some(({ service, to }) => service === refusal.service && to === refusal.revision) === true &&
          isAfter(one, refusal),
      );
    },
  };
}

/** True if it was made after the refusal. */
export function isAfter(one: Update, refusal: Refusal): boolean {
  const madeMs = uuidTimeMs(one.metadata.uid) ?? Date.parse(one.metadata.creationTimestamp);
  return madeMs > Date.parse(refusal.at);
}

/** True by its own word, or because somebody deletes it. */
export function isGivenUp({ spec, metadata }: Update): boolean {
  return spec.aborted || metadata.deletionTimestamp !== undefined;
}

function intentOf(one: Update, manifestOf: (service: string) => How | undefined): UpdateIntent {
  const { paused, promoted, message, drain } = one.spec;
  const chosen = howOf(one, manifestOf);
  return {
    name: one.metadata.name,
    services: one.spec.services.map((service) => service.name),
    isWhole: !isImplicit(one),
    ...wayOf("how" in chosen ? chosen.how : {}),
    isPaused: paused,
    isPromoted: promoted,
    isAborted: isGivenUp(one),
    isEnded: isEnded(one.status?.phase),
    ...(message === undefined ? {} : { message }),
    ...(drain === undefined
      ? {}
      : { streamEnds: drain.streams === "wait" ? {} : { afterMs: durationMs(drain.terminateAfter ?? STREAMS_END_AFTER) } }),
  };
}

function wayOf({ strategy = "consistent", ramp }: How): Pick<UpdateIntent, "strategy" | "ramp"> {
  if (ramp === undefined) return { strategy };
  const steps = ramp.steps.map((step) => ({ share: step.share, holdMs: durationMs(step.hold) }));
  return { strategy, ramp: { steps, ...(ramp.key === undefined ? {} : { key: ramp.key }) } };
}

export function isImplicit({ metadata }: Update): boolean {
  return metadata.labels?.[IMPLICIT_LABEL] === "true";
}

/** Oldest first. Creation times are whole seconds; uids are in the order in which they were made. */
export function byAge(a: Update, b: Update): number {
  return a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) || a.metadata.uid.localeCompare(b.metadata.uid);
}
