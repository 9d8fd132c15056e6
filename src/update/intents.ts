import { uuidTimeMs } from "#/base/index.ts";
import { durationMs, STREAMS_END_AFTER, type Update, type update } from "#/model/index.ts";
import type { Reflector } from "#/reconcile/index.ts";
import { isEnded, type Refusal, type UpdateIntent } from "./core/index.ts";

/** On Updates that nobody made: templates were changed. */
export const IMPLICIT_LABEL = "orrery.dev/implicit";

/** What the update controller asks of explicit Updates. */
export function updateIntents(
  updates: Reflector<typeof update>,
  namespace: string,
): {
  updateFor(services: readonly string[]): UpdateIntent | undefined;
  updateNamed(name: string): UpdateIntent | undefined;
  isAskedAgain(refusal: Refusal): boolean;
} {
  return {
    updateFor(services) {
      const written = [...updates.values()].filter(
        (one) =>
          one.metadata.namespace === namespace &&
          one.status?.phase === "Preparing" &&
          one.status.generation === undefined &&
          one.spec.services.some(({ name }) => services.includes(name)),
      );
      written.sort(byAge);
      return written[0] === undefined ? undefined : intentOf(written[0]);
    },
    updateNamed(name) {
      const one = updates.get(`${namespace}/${name}`);
      return one === undefined ? undefined : intentOf(one);
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

function intentOf(one: Update): UpdateIntent {
  const { paused, promoted, ramp, message, strategy, drain } = one.spec;
  return {
    name: one.metadata.name,
    services: one.spec.services.map((service) => service.name),
    isWhole: !isImplicit(one),
    strategy,
    isPaused: paused,
    isPromoted: promoted,
    isAborted: isGivenUp(one),
    isEnded: isEnded(one.status?.phase),
    ...(message === undefined ? {} : { message }),
    ...(drain === undefined
      ? {}
      : { streamEnds: drain.streams === "wait" ? {} : { afterMs: durationMs(drain.terminateAfter ?? STREAMS_END_AFTER) } }),
    ...(ramp === undefined
      ? {}
      : {
          ramp: {
            steps: ramp.steps.map((step) => ({ share: step.share, holdMs: durationMs(step.hold) })),
            ...(ramp.key === undefined ? {} : { key: ramp.key }),
          },
        }),
  };
}

export function isImplicit({ metadata }: Update): boolean {
  return metadata.labels?.[IMPLICIT_LABEL] === "true";
}

/** Oldest first. Creation times are whole seconds; uids are ordered by the millisecond. */
export function byAge(a: Update, b: Update): number {
  return a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) || a.metadata.uid.localeCompare(b.metadata.uid);
}
