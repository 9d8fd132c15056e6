import { revisionsTakingPart } from "#/traffic/routing/table/index.ts";
import type { GenerationMap, Move } from "./state.ts";

/** Services in each of whose names calls may begin that reach a service: by the declared `calls` of the revisions of one generation, which gateways enforce. */
export class Reach {
  readonly #callsOf: (revision: string) => readonly string[] | "any" | undefined;
  /** Maps never change, nor do revisions. */
  readonly #known = new WeakMap<GenerationMap, Map<string, ReadonlySet<string>>>();

  /** `callsOf`: services that a revision may call; `undefined`: not known yet. */
  constructor(callsOf: (revision: string) => readonly string[] | "any" | undefined) {
    this.#callsOf = callsOf;
  }

  /** The services of `map`, that of `generation`, that can reach one of `targets`, these included. One that declares no `calls`, or is not known, reaches all. Where calls have been moved, or may be, what they may meet counts, too. */
  reaching(map: GenerationMap, targets: readonly string[], generation = 0, moves: readonly Move[] = []): ReadonlySet<string> {
    const own = moves.filter((one) => generation < one.before);
    const key = [...targets, ...own.map(({ service, before, from, to }) => `${service} ${before} ${from} ${to}`)].join("\n");
    const known = this.#known.get(map)?.get(key);
    if (known !== undefined) return known;
    const callers = new Map<string, string[]>();
    const reaching = new Set(targets);
    let isAllKnown = true;
    for (const [service, mapped] of Object.entries(map)) {
      const ofService = own.filter((one) => one.service === service);
      const met = ofService.length === 0 ? [mapped] : [...revisionsTakingPart(ofService, generation, mapped)];
      const each = met.map((revision) => this.#callsOf(revision));
      const calls = each.includes(undefined) ? undefined : each.includes("any") ? "any" : each.flatMap((one) => one ?? []);
      if (calls === undefined) isAllKnown = false;
      if (calls === undefined || calls === "any") {
        reaching.add(service);
        continue;
      }
      for (const callee of calls) {
        const list = callers.get(callee) ?? [];
        callers.set(callee, list);
        list.push(service);
      }
    }
    for (const service of reaching) for (const caller of callers.get(service) ?? []) reaching.add(caller);
    if (isAllKnown) this.#known.set(map, (this.#known.get(map) ?? new Map<string, ReadonlySet<string>>()).set(key, reaching));
    return reaching;
  }
}
