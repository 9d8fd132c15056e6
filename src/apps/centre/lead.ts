import type { Clock, Given, Log, Random } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, SITE_NAME, site } from "#/model/index.ts";
import type { Board, Peers } from "#/state/link/hub/index.ts";
import { type CentrePart, type RunningParts, startParts } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { takeLead } from "#/traffic/update/index.ts";

export interface LeadOptions {
  readonly store: Store;
  /** Id of the store's history: a restored one has another. */
  readonly history: string;
  readonly parts: readonly CentrePart[];
  /** What the process itself gives to the parts. */
  readonly given: readonly Given[];
  readonly peers: Peers;
  readonly board: Board;
  /** Another centre leads: this one must end. May be called more than once. */
  readonly onDeposed: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The leader's part of a centre: its term, and the parts at work. */
export interface Lead extends RunningParts {
  readonly epoch: number;
  readonly history: string;
}

/** Takes the lead and starts the parts; ends with `signal`. */
export async function startLeading(options: LeadOptions): Promise<Lead> {
  const { store, clock, log } = options;
  const epoch = await takeLead(store, DEFAULT_NAMESPACE, options.history, clock.now());
  const running = await startParts({ ...options, epoch });
  const history = (await store.get(site, { name: SITE_NAME }))?.status?.history ?? "";
  log.info("leading", { epoch, history });
  return { ...running, epoch, history };
}
