import { type ConditionInput, durationMs, formatDuration, type Resource, setCondition, timestamp } from "#/model/index.ts";

/** What an agent has seen of a resource. */
export interface Observation {
  readonly observed?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  /** When the agent saw it (Unix ms). */
  readonly atMs: number;
  /** Name of the Instance that observed it. */
  readonly by: string;
}

/** How old an observation may become before the resource is Stale. */
export function maxAgeMs(resource: Resource): number {
  if (resource.spec.maxAge !== undefined) return durationMs(resource.spec.maxAge);
  return 3 * durationMs(resource.spec.probe?.interval ?? "10s");
}

/** The status of a Resource, and when it will next change by itself (Unix ms). `observedAt` alone is written at most every third of the promised age. `silentHost`: where its probe runs, if the agent there says nothing. Pure. */
export function resourceStatus(
  resource: Resource,
  observation: Observation | undefined,
  probeInstance: string | undefined,
  nowMs: number,
  silentHost?: string,
): { readonly status: NonNullable<Resource["status"]>; readonly changesAtMs?: number } {
  const former = resource.status ?? {};
  const promisedMs = maxAgeMs(resource);
  const formerAtMs = former.observedAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(former.observedAt);
  const isNewer = observation?.observed !== undefined && observation.atMs > formerAtMs;
  const isDue =
    isNewer &&
    (JSON.stringify(observation.observed) !== JSON.stringify(former.observed) ||
      observation.atMs - formerAtMs >= promisedMs / 3 ||
      former.error !== undefined);
  const seenAtMs = isNewer ? observation.atMs : formerAtMs;
  const fact = readyCondition(resource, observation, { seenAtMs, promisedMs, nowMs, silentHost });
  const conditions = setCondition(former.conditions, { ...fact, observedGeneration: resource.metadata.generation }, nowMs);
  const error = observation?.error !== undefined && observation.atMs >= seenAtMs ? observation.error : undefined;
  const kept = isDue
    ? { observed: { ...observation.observed }, observedAt: timestamp(observation.atMs), observedBy: observation.by }
    : {
        ...(former.observed === undefined ? {} : { observed: former.observed }),
        ...(former.observedAt === undefined ? {} : { observedAt: former.observedAt }),
        ...(former.observedBy === undefined ? {} : { observedBy: former.observedBy }),
      };
  const status = {
    observedGeneration: resource.metadata.generation,
    ...kept,
    ...(error === undefined ? {} : { error }),
    ...(probeInstance === undefined ? {} : { probeInstance }),
    conditions: [...conditions],
  };
  const changesAtMs = fact.status === "True" && Number.isFinite(seenAtMs) ? seenAtMs + promisedMs + 1 : undefined;
  return changesAtMs === undefined ? { status } : { status, changesAtMs };
}

function readyCondition(
  resource: Resource,
  observation: Observation | undefined,
  { seenAtMs, promisedMs, nowMs, silentHost }: { seenAtMs: number; promisedMs: number; nowMs: number; silentHost: string | undefined },
): ConditionInput {
  const { probe, probeEnabled } = resource.spec;
  const unknown = (reason: string, message: string): ConditionInput => ({ type: "Ready", status: "Unknown", reason, message });
  if (probe === undefined) return unknown("NotProbed", "described, not observed: it has no probe");
  if (!probeEnabled) return unknown("ProbeDisabled", "its probe is switched off (probeEnabled: false)");
  if (probe.command === undefined && probe.image !== undefined)
    return unknown("ProbeNotRunnable", `its probe has only an image (${probe.image}); this platform runs command and args: give those, too`);
  const trouble = observation?.error === undefined ? "" : `; the last probe failed: ${observation.error}`;
  if (!Number.isFinite(seenAtMs)) return unknown("NotYetObserved", `its probe has not yet seen it${trouble}`);
  const ageMs = nowMs - seenAtMs;
  if (ageMs > promisedMs && silentHost !== undefined)
    return unknown(
      "AgentSilent",
      `last seen at ${timestamp(seenAtMs)}: the agent of host ${silentHost}, which probes it, says nothing; see: orrery describe host ${silentHost}`,
    );
  if (ageMs > promisedMs) return unknown("Stale", `last seen at ${timestamp(seenAtMs)}, more than ${formatDuration(promisedMs)} ago${trouble}`);
  const unused = probe.image === undefined ? "" : `; its image ${probe.image} is kept, its command is what runs`;
  return { type: "Ready", status: "True", reason: "Observed", message: `observed at least every ${formatDuration(promisedMs)}${unused}` };
}
