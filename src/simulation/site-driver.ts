import { generationName, SITE_NAME, type Site } from "#/model/index.ts";
import type { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import {
  DrainLedger,
  type GenerationMap,
  nextLookMs,
  type Observed,
  ROUND_INTERVAL_MS,
  readSiteState,
  type SiteState,
  type Step,
  siteUpdate,
  step,
} from "#/traffic/update/core/index.ts";
import { type Intents, SiteSight } from "#/traffic/update/index.ts";
import type { Caches } from "./copies.ts";
import type { Dice } from "./dice.ts";
import type { Program, Routine } from "./program.ts";
import type { Setting } from "./setting.ts";
import type { Term } from "./term.ts";
import { Worker } from "./worker.ts";

/** Transitions in one go, as in src/traffic/update/. */
const STEPS_MAX = 50;

/** What a decision about the Site looks at besides the store. */
export interface SiteSurroundings {
  /** As which a gateway has said hello; `undefined`: it is not connected. */
  incarnationOf(gateway: string): number | undefined;
  askBusy(host: string, instance: string): "busy" | "idle" | "unknown";
  /** The Site says that another centre leads. */
  onDeposed(): void;
}

/** Decides about the Site, as the update controller does it: looks, takes the steps of the real core, writes each, and asks who may still be at work. */
export class SiteDriver {
  readonly #term: Term;
  readonly #setting: Setting;
  readonly #program: Program;
  readonly #dice: Dice;
  readonly #caches: Caches;
  readonly #distribution: TableDistribution;
  readonly #epoch: number;
  readonly #surroundings: SiteSurroundings;
  readonly #ledger: DrainLedger;
  readonly #sight: SiteSight;
  readonly #worker: Worker;
  #isDeposed = false;

  constructor(term: Term, surroundings: SiteSurroundings) {
    const { setting, program, dice, caches, distribution, epoch } = term;
    this.#term = term;
    this.#setting = setting;
    this.#program = program;
    this.#dice = dice;
    this.#caches = caches;
    this.#distribution = distribution;
    this.#epoch = epoch;
    this.#surroundings = surroundings;
    this.#ledger = new DrainLedger(epoch);
    this.#sight = new SiteSight({
      caches: term.copies,
      distribution,
      ledger: this.#ledger,
      isHostKnown: () => true,
      incarnationOf: (gateway) => surroundings.incarnationOf(gateway),
      resourceOf: (name) => setting.person.resourceOf(name),
    });
    this.#worker = new Worker(program, () => this.#reconcile());
  }

  enqueue(delayMs = 0): void {
    this.#worker.enqueue(SITE_NAME, delayMs);
  }

  /** A gateway has told what it carries. */
  report(report: GatewayReport): void {
    this.#ledger.report(report, this.#program.now());
    this.enqueue(5);
  }

  *#reconcile(): Routine<number | undefined> {
    const { store } = this.#setting;
    let object = yield* this.#term.ask(() => store.get("Site", SITE_NAME) as Site);
    let wakeAtMs: number | undefined;
    for (let count = 0; count < STEPS_MAX; count++) {
      const state = readSiteState(object.status);
      if (state === undefined) return undefined;
      if (state.epoch !== this.#epoch) {
        // It may take its time to end: the protocol must not count on it.
        if (this.#isDeposed) return undefined;
        this.#isDeposed = true;
        this.#setting.judge.note(() => `${this.#program.name} finds that it leads no longer`);
        this.#program.after(this.#dice.pick([this.#dice.between(0, 50), this.#dice.between(0, 400), this.#dice.between(300, 2000)]), () =>
          this.#surroundings.onDeposed(),
        );
        return undefined;
      }
      const observed = yield* this.#observe(object, state);
      const result = step(state, observed, this.#program.now());
      wakeAtMs = result.wakeAtMs;
      if (result.site === state) this.#setting.rules.waits(state, observed, result);
      else this.#setting.rules.interlock(state, result);
      if (result.issue !== undefined) yield* this.#issue(state.history, result.issue);
      const input = siteUpdate(object, result, this.#program.now());
      // Much may happen between the look and the write.
      if (input !== undefined && this.#setting.scenario.faults.length > 0 && this.#dice.chance(0.05)) yield this.#dice.between(0, 300);
      if (input !== undefined) object = yield* this.#term.ask(() => store.update("Site", input, "status"));
      if (result.site === state) break;
    }
    const round = this.#ledger.roundToAsk(this.#program.now(), ROUND_INTERVAL_MS);
    if (round !== undefined) this.#distribution.askRound(round);
    for (const instance of this.#ledger.busyToAsk(this.#program.now())) this.#program.spawn(this.#askBusy(instance, this.#program.now()));
    return nextLookMs(this.#ledger, wakeAtMs, this.#program.now());
  }

  *#issue(history: string, issue: NonNullable<Step["issue"]>): Routine {
    const { store } = this.#setting;
    const { number, map, cause } = issue;
    yield* this.#term.ask(() => store.create("Generation", { metadata: { name: generationName(number) }, spec: { number, map, cause, history } }));
  }

  *#observe(object: Site, state: SiteState): Routine<Observed> {
    const { store, person } = this.#setting;
    const maps = new Map<number, GenerationMap>();
    for (const { number } of state.generations) {
      const name = generationName(number);
      const found = this.#caches.Generation.get(name) ?? (yield* this.#term.ask(() => store.get("Generation", name)));
      if (found !== undefined) maps.set(number, found.spec.map);
    }
    const intents: Intents = {
      updateFor: (services) => person.updateFor(services, state),
      updateNamed: (name) => person.updateNamed(name),
      isAskedAgain: (refusal) => person.isAskedAgain(refusal),
      gateOf: (fresh) => person.gateOf(state, fresh),
      howOf: (service) => {
        const strategy = this.#caches.Microservice.get(service)?.spec.update?.strategy;
        return strategy === undefined ? undefined : { strategy };
      },
    };
    return this.#sight.look({ site: object, state, maps, intents }, this.#program.now());
  }

  /** The way to the agent and to the process, and back; now and then it is lost. */
  *#askBusy(instance: string, askedAtMs: number): Routine {
    const host = this.#caches.Instance.get(instance)?.spec.host;
    const dice = this.#dice;
    yield dice.between(0.2, 15);
    const isLost = this.#setting.scenario.faults.length > 0 && dice.chance(0.03);
    const state = host === undefined ? "idle" : isLost ? "unknown" : this.#surroundings.askBusy(host, instance);
    yield isLost ? dice.between(50, 400) : dice.between(0.2, 15);
    this.#ledger.busyAnswered(instance, { askedAtMs, answeredAtMs: this.#program.now(), state, message: state });
  }
}
