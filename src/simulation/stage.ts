import type { Judge } from "./judge.ts";
import type { Scenario } from "./plan.ts";
import type { Scheduler } from "./scheduler.ts";
import type { ServiceBook } from "./service-book.ts";
import type { SimulatedStore } from "./store.ts";

/** What a run happens on: its plan, its clock, the store, and who remembers the truth. */
export interface Stage {
  readonly scenario: Scenario;
  readonly scheduler: Scheduler;
  readonly store: SimulatedStore;
  readonly judge: Judge;
  readonly services: ServiceBook;
}
