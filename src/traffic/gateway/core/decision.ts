import type { Call } from "./call.ts";
import type { FilteredRequest } from "./filters.ts";
import type { Refusal } from "./refusal.ts";

/** A call that may go on, with the request as it goes to the instance. */
export interface Admitted {
  readonly kind: "admitted";
  readonly call: Call;
  readonly request: FilteredRequest;
}

/** A valid generation that this table does not know: fetch the table, then ask again; answer 503 if it stays unknown. */
export interface UnknownGeneration {
  readonly kind: "unknown-generation";
  readonly generation: number;
}

/** A new transaction that can reach a service which is being handed over: ask again when the table does not hold any more; answer 503 if that takes too long. */
export interface Held {
  readonly kind: "held";
  readonly services: readonly string[];
}

/** Every instance has as many calls as it may have: ask again when one has ended, or soon answer what `refusal` says (`GatewayCore.refuseFull`). */
export interface Full {
  readonly kind: "full";
  readonly service: string;
  readonly caller: string;
  readonly refusal: Refusal;
}

/** What cannot be decided now. */
export type Undecided = UnknownGeneration | Held | Full;
