import { durationMs, type Site, timestamp } from "#/model/index.ts";
import type { Observed } from "./observed.ts";
import type { Wait } from "./state.ts";
import type { Wanted } from "./wanted.ts";

/** Templates that go on changing are waited for so many times `settle`, from the first of the changes. */
const SETTLES_MAX = 10;
/** What lasts longer is told. */
const TOLD_AFTER_MS = 2000;

/** Changes of one template, with less than `settle` between any two. */
interface Burst {
  readonly sinceMs: number;
  readonly changedMs: number;
  readonly count: number;
}

/** Knows since when templates say what they say, and which of them do not come to rest. Memory of one leader. */
export class WishWatch {
  #wanted: ReadonlyMap<string, string> | undefined;
  /** Changes of all templates together. */
  #burst: Burst = { sinceMs: 0, changedMs: 0, count: 0 };
  /** Services whose template has changed within `settle`. */
  readonly #bursts = new Map<string, Burst>();
  /** Services whose revision is being made. */
  readonly #makingSince = new Map<string, number>();

  /** What is to be known of `wanted` before it is issued. Its map itself must never change: a new wish is a new map. */
  look(
    { map, unmade }: Pick<Wanted, "map" | "unmade">,
    policy: Pick<Site["spec"], "settle" | "readyWithin">,
    nowMs: number,
  ): Pick<Observed, "wanted" | "wantedChangedMs" | "leftOut" | "unsettled"> {
    const settleMs = durationMs(policy.settle);
    this.#noteChanges(map, settleMs, nowMs);
    const boundMs = this.#burst.sinceMs + SETTLES_MAX * settleMs;
    const isRestless = nowMs >= boundMs && this.#bursts.size > 0;
    const leftOut: ReadonlySet<string> = isRestless ? new Set(this.#bursts.keys()) : NOBODY;
    const making = this.#making(unmade, nowMs).filter(
      ({ service, sinceMs }) => !leftOut.has(service) && nowMs < sinceMs + durationMs(policy.readyWithin),
    );
    const restMs = isRestless ? this.#burst.sinceMs : this.#burst.changedMs;
    return {
      wanted: map,
      wantedChangedMs: making.length > 0 ? nowMs : restMs,
      leftOut,
      unsettled: [...this.#restless({ settle: policy.settle, boundMs, isLeftOut: isRestless }, nowMs), ...this.#notMade(unmade, policy, nowMs)],
    };
  }

  #noteChanges(map: ReadonlyMap<string, string>, settleMs: number, nowMs: number): void {
    for (const [service, burst] of this.#bursts) if (nowMs >= burst.changedMs + settleMs) this.#bursts.delete(service);
    const changed = this.#wanted === undefined ? [] : differing(this.#wanted, map);
    if (this.#wanted === undefined || changed.length > 0)
      this.#burst = grown(nowMs < this.#burst.changedMs + settleMs ? this.#burst : undefined, nowMs);
    for (const service of changed) this.#bursts.set(service, grown(this.#bursts.get(service), nowMs));
    this.#wanted = map;
  }

  #making(unmade: Wanted["unmade"], nowMs: number): readonly { readonly service: string; readonly sinceMs: number }[] {
    for (const service of this.#makingSince.keys()) if (!unmade.has(service)) this.#makingSince.delete(service);
    for (const service of unmade.keys()) if (!this.#makingSince.has(service)) this.#makingSince.set(service, nowMs);
    return [...this.#makingSince].flatMap(([service, sinceMs]) => (unmade.get(service) === undefined ? [{ service, sinceMs }] : []));
  }

  #restless({ settle, boundMs, isLeftOut }: { settle: string; boundMs: number; isLeftOut: boolean }, nowMs: number): readonly Wait[] {
    if (nowMs < this.#burst.sinceMs + TOLD_AFTER_MS) return [];
    return [...this.#bursts].map(([service, { sinceMs, count }]) => ({
      reason: "Settling",
      object: `microservice/${service}`,
      sinceMs,
      message: `the template of ${service} has changed ${count === 1 ? "once" : `${count} times`} since ${timestamp(sinceMs)}; it is taken when it has stayed the same for ${settle}. ${
        isLeftOut
          ? "What else is wanted goes on without it, and what is served of it stays"
          : `What else is wanted waits until ${timestamp(boundMs)} at most`
      }. See who changes it: orrery describe microservice ${service}`,
    }));
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
          ? `the revision of what the template of ${service} says is being made, its files are copied; ${others}. If it lasts, the log of the centre says why`
          : `no revision can be made of what the template of ${service} says: ${failure}. It is tried again every 5 s; ${others}`;
      return [{ reason: "RevisionNotMade", object: `microservice/${service}`, sinceMs, message }];
    });
  }
}

const NOBODY: ReadonlySet<string> = new Set();

function grown(former: Burst | undefined, nowMs: number): Burst {
  return { sinceMs: former?.sinceMs ?? nowMs, changedMs: nowMs, count: (former?.count ?? 0) + 1 };
}

/** Services that only one of the wishes has, or that they want differently. */
function differing(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): readonly string[] {
  if (a === b) return [];
  const added = [...b.keys()].filter((service) => !a.has(service));
  return [...added, ...[...a].flatMap(([service, revision]) => (b.get(service) === revision ? [] : [service]))];
}
