import { revisionsTakingPart } from "#/traffic/routing/table/index.ts";
import { type GenerationMap, isPending, type Move, type SiteState } from "./state.ts";

/** Those of `declared` (revisions with `drain.busy`) that may work for `generation`: what its map says, and what that was moved to. */
export function busyRevisions<R extends { readonly name: string; readonly service: string }>(
  { moves, generations }: Pick<SiteState, "moves" | "generations">,
  generation: number,
  map: GenerationMap,
  declared: Iterable<R>,
): readonly R[] {
  return [...declared].filter(({ name, service }) => {
    const mapped = map[service];
    // What is only planned has taken nothing over yet.
    const isPlanned = (one: Move): boolean => one.isIdle === true && generations.some((open) => open.number === one.before && isPending(open));
    const own = moves.filter((one) => one.service === service && !isPlanned(one));
    return mapped !== undefined && revisionsTakingPart(own, generation, mapped).has(name);
  });
}

/** What an instance said about work that no call shows. */
interface Answer {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  readonly state: "busy" | "idle" | "unknown";
  readonly message: string;
}

/** An instance that is not idle is asked again after so long. */
const ASK_AGAIN_MS = 500;

/** What instances with `drain.busy` have answered. Memory of one leader. */
export class BackgroundWork {
  readonly #answers = new Map<string, Answer>();
  readonly #asking = new Set<string>();

  /** The instances of `names` that are to be asked now because there is no answer of theirs, asked after `afterMs`, that they are idle. Each counts as being asked until `answered`. */
  toAsk(names: readonly string[], afterMs: number, nowMs: number): readonly string[] {
    const due = names.filter((name) => {
      if (this.#asking.has(name) || this.isIdle(name, afterMs, nowMs)) return false;
      const last = this.#answers.get(name);
      return last === undefined || last.askedAtMs < afterMs || nowMs >= last.answeredAtMs + ASK_AGAIN_MS;
    });
    for (const name of due) this.#asking.add(name);
    return due;
  }

  answered(name: string, answer: Answer): void {
    this.#asking.delete(name);
    this.#answers.set(name, answer);
  }

  /** True if it said that it is idle, asked after `afterMs`, answered before `beforeMs`: what it had begun before `afterMs` is over. */
  isIdle(name: string, afterMs: number, beforeMs: number): boolean {
    const answer = this.#answers.get(name);
    return answer?.state === "idle" && answer.askedAtMs >= afterMs && answer.answeredAtMs <= beforeMs;
  }

  lastOf(name: string): Answer | undefined {
    return this.#answers.get(name);
  }

  /** Forgets all others: they are not asked any more. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of this.#answers.keys()) if (!names.has(name)) this.#answers.delete(name);
  }
}
