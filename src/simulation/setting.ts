import { CallRules } from "./call-rules.ts";
import type { Dice } from "./dice.ts";
import { Excuses } from "./excuses.ts";
import { Judge } from "./judge.ts";
import { Person } from "./person.ts";
import { longestTransactionMs, type Scenario } from "./plan.ts";
import { Scheduler } from "./scheduler.ts";
import { ServiceBook } from "./service-book.ts";
import type { SeenSite } from "./sight.ts";
import { SiteRules } from "./site-rules.ts";
import type { Stage } from "./stage.ts";
import { SimulatedStore } from "./store.ts";

/** Without faults, a service that is recreated is back so long after the last transaction that its former instances may still have. */
const RECREATE_MS = 1500;

/** The stage, with who wishes and who judges on it: what all processes of a run are given. */
export interface Setting extends Stage {
  readonly person: Person;
  readonly excuses: Excuses;
  readonly calls: CallRules;
  readonly rules: SiteRules;
}

/** The setting of a run, before anything is there. What `sight` sees is looked at later. */
export function makeSetting(
  scenario: Scenario,
  about: { readonly dice: Dice; readonly keepsHistory: boolean; readonly sight: SeenSite; readonly isCentreEnding: () => boolean },
): Setting {
  const scheduler = new Scheduler();
  const store = new SimulatedStore(scheduler, about.dice);
  const recreateMs = scenario.faults.length > 0 ? Number.POSITIVE_INFINITY : 2 * longestTransactionMs(scenario) + RECREATE_MS;
  const judge = new Judge(scheduler, store, about.keepsHistory, recreateMs);
  const services = new ServiceBook(scenario.services, (generation) => judge.eras.mapOf(generation));
  judge.canReach = (entry, reached, generation) => services.canReach(entry, reached, generation);
  const stage: Stage = { scenario, scheduler, store, judge, services };
  const excuses = new Excuses(stage, about.isCentreEnding);
  const person = new Person(stage);
  const calls = new CallRules(stage, { person, excuses });
  const rules = new SiteRules(stage, { person, excuses, sight: about.sight });
  return { ...stage, person, excuses, calls, rules };
}
