import type { SeenProcess } from "./sight.ts";
import type { Transaction } from "./transaction.ts";

/** A process that calls others. */
export interface Caller extends SeenProcess {
  readonly callerAddress: string;
}

/** A call of an instance, as its host's gateway is asked for it. */
export interface HostRequest {
  readonly tx: Transaction;
  readonly headers: readonly string[];
  readonly service: string;
  readonly depth: number;
  readonly endByMs: number;
  readonly caller: Caller;
  /** The transaction whose context it carries, if it is not its own. */
  readonly leakedFrom: Transaction | undefined;
  readonly onAnswer: (wasRefused: boolean) => void;
}

/** Where instances of a host make their calls. */
export interface HostInlet {
  hostRequest(request: HostRequest): void;
}
