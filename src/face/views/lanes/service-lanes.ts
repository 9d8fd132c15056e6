import { type Generation, type Instance, isCallable, type Revision, type Site } from "#/model/index.ts";
import { revisionsMet } from "#/traffic/routing/table/index.ts";
import type { OpenCount } from "./open-counts.ts";

/** One revision of one service, as a bar of its lane. */
export interface Bar {
  readonly revision: string;
  readonly version: string;
  readonly phase: "Preparing" | "Distributing" | "Holding" | "Ramping" | "Active" | "Draining" | "Withdrawn";
  /** Generations that map to it, oldest first. */
  readonly generations: readonly number[];
  /** Those that are to be stopped do not count. */
  readonly ready: number;
  readonly instances: number;
  /** Transactions open in generations that map to it; `null` where that is not known, absent where none maps to it. */
  readonly open?: number | null;
  /** Share of new transactions. Where instances are replaced one by one: of their calls, by ready instances. */
  readonly share: number;
  /** Calls of one transaction may meet it and another revision: instances are replaced one by one. */
  readonly isMixed?: boolean;
  /** New transactions that can reach the service wait for this revision. */
  readonly isAwaited?: boolean;
  /** New transactions would meet it, and none of its instances can be called: what they call of it is refused. */
  readonly isDown?: boolean;
}

export interface Lane {
  readonly service: string;
  readonly bars: readonly Bar[];
}

type SiteStatus = NonNullable<Site["status"]>;

interface LaneInput {
  readonly open: NonNullable<SiteStatus["generations"]>;
  readonly known: ReadonlyMap<number, Generation>;
  readonly revisions: readonly Revision[];
  readonly instances: readonly Instance[];
  readonly counts: ReadonlyMap<number, Pick<OpenCount, "transactions">>;
  readonly status: Site["status"];
  /** Absent: all services. */
  readonly wanted?: ReadonlySet<string>;
}

const RANK = { Withdrawn: -1, Draining: 0, Preparing: 1, Distributing: 2, Holding: 3, Ramping: 4, Active: 5 } as const;

/** A lane for each service, with a bar for each revision that an open generation has, or that has instances. */
export function buildLanes(input: LaneInput): Lane[] {
  const { open, known, counts, status, wanted } = input;
  const versions = new Map(input.revisions.map(({ metadata, spec }) => [metadata.name, spec.template.version]));
  const bars = new Map<string, Map<string, Bar>>();
  const hold = status?.stamp?.hold;
  const met = new Meetings(input);
  for (const one of open) {
    for (const [service, name] of Object.entries(known.get(one.number)?.spec.map ?? {})) {
      if (wanted !== undefined && !wanted.has(service)) continue;
      const lane = bars.get(service) ?? new Map<string, Bar>();
      bars.set(service, lane);
      const former = lane.get(name);
      // Calls that a strategy has moved away from it come back no more.
      const own = met.isMet(one.number, service, name) ? one.phase : "Withdrawn";
      const phase = former === undefined || RANK[own] > RANK[former.phase] ? own : former.phase;
      const transactions = counts.get(one.number)?.transactions ?? null;
      const before = former === undefined ? 0 : (former.open ?? null);
      lane.set(name, {
        revision: name,
        version: versions.get(name) ?? "?",
        phase,
        generations: [...(former?.generations ?? []), one.number],
        ...met.instancesOf(name),
        open: transactions === null || before === null ? null : before + transactions,
        ...met.shareOf(service, name),
        ...(hold?.to === one.number && hold.services.includes(service) ? { isAwaited: true } : {}),
      });
    }
  }
  // What no open generation has any more is on its way out, or starts on while others go first.
  const isAside = (service: string, revision: string): boolean =>
    status?.preparing?.some((one) => one.service === service && one.revision === revision) === true;
  for (const { spec } of input.instances) {
    const { service, revision: name } = spec;
    if (service === undefined || name === undefined || wanted?.has(service) === false || bars.get(service)?.has(name) === true) continue;
    const lane = bars.get(service) ?? new Map<string, Bar>();
    bars.set(service, lane);
    lane.set(name, {
      revision: name,
      version: spec.version ?? "?",
      phase: isAside(service, name) ? "Preparing" : "Withdrawn",
      generations: [],
      ...met.instancesOf(name),
      ...met.shareOf(service, name),
    });
  }
  return [...bars].toSorted(([a], [b]) => a.localeCompare(b)).map(([service, lane]) => ({ service, bars: [...lane.values()] }));
}

/** Which revisions new transactions meet. */
class Meetings {
  readonly #input: LaneInput;
  readonly #ofRevision: ReadonlyMap<string | undefined, readonly Instance[]>;

  constructor(input: LaneInput) {
    this.#input = input;
    this.#ofRevision = Map.groupBy(input.instances, (one) => one.spec.revision);
  }

  instancesOf(revision: string): Pick<Bar, "ready" | "instances"> {
    const own = this.#ofRevision.get(revision) ?? [];
    const serves = ({ status, metadata }: Instance): boolean => status?.ready === true && metadata.deletionTimestamp === undefined;
    return { ready: own.filter(serves).length, instances: own.length };
  }

  #isCallable(revision: string): boolean {
    return this.#ofRevision.get(revision)?.some(isCallable) === true;
  }

  /** True if calls of the generation may meet the revision that it maps the service to. */
  isMet(generation: number, service: string, mapped: string): boolean {
    const moves = (this.#input.status?.moves ?? []).filter((one) => one.service === service);
    return revisionsMet(moves, generation, mapped).includes(mapped);
  }

  shareOf(service: string, revision: string): Pick<Bar, "share" | "isMixed" | "isDown"> {
    const { open, known, status } = this.#input;
    const moves = (status?.moves ?? []).filter((one) => one.service === service);
    let share = 0;
    let isMixed = false;
    for (const { number } of open) {
      const mapped = known.get(number)?.spec.map[service];
      const stamped = stampedShare(status?.stamp, number, service);
      if (mapped === undefined || stamped === 0) continue;
      const met = revisionsMet(moves, number, mapped);
      if (!met.includes(revision)) continue;
      isMixed ||= met.length > 1;
      share += stamped * this.#partOf(revision, met);
    }
    return { share, ...(isMixed ? { isMixed } : {}), ...(share > 0 && !this.#isCallable(revision) ? { isDown: true } : {}) };
  }

  /** Where calls meet several revisions, they go by ready instances. */
  #partOf(revision: string, met: readonly string[]): number {
    if (met.length === 1) return 1;
    const ready = met.map((name) => this.instancesOf(name).ready);
    const all = ready.reduce((sum, each) => sum + each, 0);
    if (all === 0) return revision === met[0] ? 1 : 0;
    return (ready[met.indexOf(revision)] ?? 0) / all;
  }
}

function stampedShare(stamp: SiteStatus["stamp"], number: number, service: string): number {
  if (stamp === undefined) return 0;
  if (stamp.hold !== undefined) return number === stamp.hold.to && !stamp.hold.services.includes(service) ? 1 : 0;
  const ramped = stamp.ramp?.share ?? 0;
  return number === stamp.ramp?.to ? ramped : number === stamp.generation ? 1 - ramped : 0;
}
