import { port } from "#/base/index.ts";
import type { AllTrapFigures, TrapQuery } from "./messages.ts";
import type { TrapRecord } from "./trap-record.ts";

/** Who turns traps into something. */
export interface TrapFollower {
  /** Traps of the names that it follows, in the order in which they came, once they are kept. */
  readonly onTraps: (traps: readonly TrapRecord[]) => void;
  /** Some that were kept may not have been told: they can be asked for. */
  readonly onGap: () => void;
}

/** The traps that this centre takes. */
export interface TrapFeed {
  /** Who is told; called once, by whoever uses it. */
  listen(follower: TrapFollower): void;
  /** Which names are followed from now on: the rest is kept, counted, and told to nobody. */
  follow(names: readonly string[]): void;
  /** Kept ones, the newest first.
   *  @throws snmp/receiver-busy */
  traps(query: TrapQuery): Promise<readonly TrapRecord[]>;
  /** As of some seconds ago; `undefined`: not known yet. */
  figures(): AllTrapFigures | undefined;
}

/** Where alarms find what devices have told. */
export const TRAP_FEED = port<TrapFeed>("trap-feed");
