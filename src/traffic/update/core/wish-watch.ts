import { durationMs, formatDuration, type Site, timestamp } from "#/model/index.ts";
import type { Observed } from "./observed.ts";
import type { GenerationMap, Wait } from "./state.ts";
import type { Wanted } from "./wanted.ts";

/** Templates that go on changing are waited for so many times `settle`, from the first of the changes. */
const SETTLES_MAX = 10;
/** A template may be taken so often without being served; from then on it has to stay the same for twice as long each time. Else each change would take back what the one before has begun, for all services. */
const CHANGES_FREE = 3;
/** What lasts longer is told. */
const TOLD_AFTER_MS = 2000;

/** Changes, one after the other. */
interface Burst {
  readonly sinceMs: number;
  readonly changedMs: number;
  readonly count: number;
  /** How often what it said was taken, and changed again. */
  readonly taken: number;
}

/** Knows since when templates say what they say, and which of them do not come to rest. Memory of one leader. */
export class WishWatch {
  #wanted: ReadonlyMap<string, string> | undefined;
  /** Changes of all templates together. */
  #burst: Burst = { sinceMs: 0, changedMs: 0, count: 0, taken: 0 };
  /** Services whose template has changed and is not served yet. */
  readonly #bursts = new Map<string, Burst>();
  /** Services whose revision is being made. */
  readonly #makingSince = new Map<string, number>();

  /** What is to be known of `wanted` before it is issued, while `served` is. Its map itself must never change: a new wish is a new map. */
  look(
    { map, unmade }: Pick<Wanted, "map" | "unmade">,
    served: GenerationMap | undefined,
    policy: Pick<Site["spec"], "settle" | "readyWithin">,
    nowMs: number,
  ): Pick<Observed, "wanted" | "wantedChangedMs" | "leftOut" | "unsettled"> {
    const settleMs = durationMs(policy.settle);
    this.#noteChanges(map, served ?? {}, policy, nowMs);
    const boundMs = this.#burst.sinceMs + SETTLES_MAX * settleMs;
    const isBoundOver = nowMs >= boundMs;
    const restless = [...this.#bursts].flatMap(([service, burst]) => {
      const restMs = restOf(burst, policy);
      if (nowMs >= burst.changedMs + restMs) return [];
      return [{ service, burst, restMs, isLeftOut: isBoundOver || burst.taken >= CHANGES_FREE }];
    });
    const leftOut = new Set(restless.flatMap((one) => (one.isLeftOut ? [one.service] : [])));
    const isRestless = isBoundOver && restless.length > 0;
    // Of revisions that are made one after the other, in whatever rhythm, those are waited for that were begun soon after the first change that waits.
    const firstMs = Math.min(...[...this.#bursts].flatMap(([service, { sinceMs }]) => (map.get(service) === served?.[service] ? [] : [sinceMs])));
    const making = this.#making(unmade, nowMs).filter(
      ({ service, sinceMs }) =>
        !leftOut.has(service) && sinceMs <= firstMs + SETTLES_MAX * settleMs && nowMs < sinceMs + durationMs(policy.readyWithin),
    );
    const restMs = isRestless ? this.#burst.sinceMs : this.#burst.changedMs;
    return {
      wanted: map,
      wantedChangedMs: making.length > 0 ? nowMs : restMs,
      leftOut,
      unsettled: [
        ...restless.filter(({ burst }) => nowMs >= burst.sinceMs + TOLD_AFTER_MS).map((one) => describeRestless(one, boundMs)),
        ...this.#notMade(unmade, policy, nowMs),
      ],
    };
  }

  #noteChanges(map: ReadonlyMap<string, string>, served: GenerationMap, policy: Pick<Site["spec"], "settle" | "readyWithin">, nowMs: number): void {
    const settleMs = durationMs(policy.settle);
    for (const [service, burst] of this.#bursts) {
      const isRested = nowMs >= burst.changedMs + restOf(burst, policy);
      if ((isRested && map.get(service) === served[service]) || nowMs >= burst.changedMs + Math.max(settleMs, durationMs(policy.readyWithin)))
        this.#bursts.delete(service);
    }
    const changed = this.#wanted === undefined ? [] : differing(this.#wanted, map);
    if (this.#wanted === undefined || changed.length > 0)
      this.#burst = grown(nowMs < this.#burst.changedMs + settleMs ? this.#burst : undefined, nowMs);
    for (const service of changed) {
      const former = this.#bursts.get(service);
      const isTaken = former !== undefined && nowMs >= former.changedMs + restOf(former, policy);
      this.#bursts.set(service, grown(former, nowMs, isTaken ? 1 : 0));
    }
    this.#wanted = map;
  }

  #making(unmade: Wanted["unmade"], nowMs: number): readonly { readonly service: string; readonly sinceMs: number }[] {
    for (const service of this.#makingSince.keys()) if (!unmade.has(service)) this.#makingSince.delete(service);
    for (const service of unmade.keys()) if (!this.#makingSince.has(service)) this.#makingSince.set(service, nowMs);
    return [...this.#makingSince].flatMap(([service, sinceMs]) => (unmade.get(service) === undefined ? [{ service, sinceMs }] : []));
  }

  #notMade(unmade: Wanted["unmade"], { readyWithin }: Pick<Site["spec"], "readyWithin">, nowMs: number): readonly Wait[] {
    return [...this.#makingSince].flatMap(([service, sinceMs]) => {
      const failure = unmade.get(service);
      if (failure === undefined && nowMs < sinceMs + TOLD_AFTER_MS) return [];
      const isWaitedFor = failure === undefined && nowMs < sinceMs + durationMs(readyWithin);
      const others = isWaitedFor
        ? `what else is wanted waits until ${timestamp(sinceMs + durationMs(readyWithin))} at most`
        : "what else is wanted goes on without it";
      const message =
        failure === undefined
          ? `the template of ${service} is being written, or its revision made and its files copied; ${others}. If it lasts, the log of the centre says why`
          : `no revision can be made of what the template of ${service} says: ${failure}. It is tried again every 5 s; ${others}`;
      return [{ reason: "RevisionNotMade", object: `microservice/${service}`, sinceMs, message }];
    });
  }
}

/** How long a template has to stay the same before it is taken. */
function restOf({ taken }: Burst, { settle, readyWithin }: Pick<Site["spec"], "settle" | "readyWithin">): number {
  const settleMs = durationMs(settle);
  return Math.min(settleMs * 2 ** Math.max(0, taken - CHANGES_FREE + 1), Math.max(settleMs, durationMs(readyWithin)));
}

function describeRestless(
  { service, burst, restMs, isLeftOut }: { readonly service: string; readonly burst: Burst; readonly restMs: number; readonly isLeftOut: boolean },
  boundMs: number,
): Wait {
  const { sinceMs, count } = burst;
  return {
    reason: "Settling",
    object: `microservice/${service}`,
    sinceMs,
    message: `the template of ${service} has changed ${count === 1 ? "once" : `${count} times`} since ${timestamp(sinceMs)}; it is taken when it has stayed the same for ${formatDuration(restMs)}. ${
      isLeftOut
        ? "What else is wanted goes on without it, and what is served of it stays"
        : `What else is wanted waits until ${timestamp(boundMs)} at most`
    }. See who changes it: orrery describe microservice ${service}`,
  };
}

function grown(former: Burst | undefined, nowMs: number, taken = 0): Burst {
  return { sinceMs: former?.sinceMs ?? nowMs, changedMs: nowMs, count: (former?.count ?? 0) + 1, taken: (former?.taken ?? 0) + taken };
}

/** Services that only one of the wishes has, or that they want differently. */
function differing(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): readonly string[] {
  if (a === b) return [];
  const added = [...b.keys()].filter((service) => !a.has(service));
  return [...added, ...[...a].flatMap(([service, revision]) => (b.get(service) === revision ? [] : [service]))];
}
