import type { Generation } from "#/model/index.ts";
import { type GenerationMap, isSameMap, type SiteState } from "#/traffic/update/core/index.ts";

/** What numbers of generations mean between two times that the store was put back, or was found to be. */
export interface Era {
  /** The store's own id. */
  readonly history: string;
  readonly maps: Map<number, GenerationMap>;
  /** Every move that there was, by service. */
  readonly moves: Map<string, (PlannedMove & { readonly strategy: string | undefined; readonly sinceMs: number })[]>;
  /** Those that were only planned, too. */
  readonly planned: Map<string, PlannedMove[]>;
}

interface PlannedMove {
  readonly before: number;
  readonly from: string;
  readonly to: string;
}

/** Knows what every generation's number has ever meant, and where calls of it may have been moved. */
export class Eras {
  readonly #eras: Era[] = [{ history: "simulated", maps: new Map(), moves: new Map(), planned: new Map() }];

  /** How often the store was put back, or that was found out. */
  get last(): number {
    return this.#eras.length - 1;
  }

  get now(): Era {
    return this.#eras[this.last] as Era;
  }

  mapOf(generation: number, era = this.last): GenerationMap | undefined {
    return this.#eras[era]?.maps.get(generation);
  }

  /** What the number was issued with first, in any era. */
  firstMapOf(generation: number): GenerationMap | undefined {
    return this.#eras.map((one) => one.maps.get(generation)).find((one) => one !== undefined);
  }

  /** The store is put back to where `counter` numbers had been issued. */
  putBack(history: string, counter: number, generations: readonly Generation[]): void {
    const { moves, planned } = this.now;
    const until = <T extends PlannedMove>(known: Map<string, T[]>): Map<string, T[]> =>
      new Map([...known].map(([service, list]) => [service, list.filter((one) => one.before <= counter)]));
    const maps = new Map(generations.map(({ spec }) => [spec.number, spec.map]));
    this.#eras.push({ history, maps, moves: until(moves), planned: until(planned) });
  }

  /** It was found out that the store was put back: another history begins with what is known. */
  noticed(history: string): void {
    const { maps, moves, planned } = this.now;
    this.#eras.push({ history, maps: new Map(maps), moves: new Map(moves), planned: new Map(planned) });
  }

  /** The Site says that calls are moved, or are to be. */
  note({ service, before, from, to, isIdle }: SiteState["moves"][number], strategy: string | undefined, elapsedMs: number): void {
    const planned = this.now.planned.get(service) ?? [];
    if (!planned.some((one) => one.before === before && one.from === from && one.to === to)) planned.push({ before, from, to });
    this.now.planned.set(service, planned);
    if (isIdle === true) return;
    const known = this.now.moves.get(service) ?? [];
    if (!known.some((one) => one.before === before && one.from === from && one.to === to))
      known.push({ before, from, to, strategy, sinceMs: elapsedMs });
    this.now.moves.set(service, known);
  }

  /** Revisions that a transaction of `generation` may meet: the one of its map, and those that the service was moved to. Empty: none. */
  revisionsOf(generation: number, service: string, era = this.last): ReadonlySet<string> {
    return this.#reached(generation, service, era, (one) => one.moves);
  }

  /** And those to which calls were only planned to go: a gateway cannot know whether another one has moved them already. */
  revisionsPlanned(generation: number, service: string, era = this.last): ReadonlySet<string> {
    return this.#reached(generation, service, era, (one) => one.planned);
  }

  #reached(
    generation: number,
    service: string,
    era: number,
    movesOf: (era: Era) => ReadonlyMap<string, readonly PlannedMove[]>,
  ): ReadonlySet<string> {
    const map = this.mapOf(generation, era);
    const mapped = map?.[service];
    const met = new Set(mapped === undefined ? [] : [mapped]);
    // Where nobody has noticed that the store was put back, the number may mean the same as before, and goes on.
    for (const one of this.#eras)
      if (one.history === this.#eras[era]?.history && isSameMap(one.maps.get(generation) ?? {}, map ?? {}))
        for (const { before, from, to } of movesOf(one).get(service) ?? []) if (generation < before && met.has(from)) met.add(to);
    return met;
  }

  /** When the move was seen first, in milliseconds since the beginning. */
  movedAtMs(service: string, before: number, to: string): number {
    return this.now.moves.get(service)?.find((one) => one.before === before && one.to === to)?.sinceMs ?? 0;
  }

  /** Strategies that have moved the service to or from `revision` (`undefined`: a compatible handover, or back). */
  movedBy(service: string, revision: string): readonly (string | undefined)[] {
    return (this.now.moves.get(service) ?? []).flatMap((one) => (one.to === revision || one.from === revision ? [one.strategy] : []));
  }
}
