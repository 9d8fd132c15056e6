import { type Clock, describeError, type Log, type Random } from "#/base/index.ts";
import {
  API_VERSION,
  formatShare,
  type Generation,
  type gateway,
  generation,
  generationName,
  SITE_NAME,
  type Site,
  site,
  timestamp,
  type update,
} from "#/model/index.ts";
import { Controller, objectKey, type ReconcileResult, type Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import {
  type DistributionView,
  type DrainLedger,
  type GenerationMap,
  type Happening,
  NOT_LOOKED,
  nextLookMs,
  type Observed,
  ROUND_INTERVAL_MS,
  readSiteState,
  type SiteState,
  type Step,
  siteUpdate,
  step,
  type Wait,
} from "./core/index.ts";
import { notLeading } from "./lead-site.ts";
import type { Intents, SiteSight } from "./site-sight.ts";

/** What the leader knows of tables and gateways; kept by `traffic/distribution`. */
export interface Distribution extends DistributionView {
  /** Asks all connected gateways to answer a counting round. */
  askRound(round: number): void;
}

export interface UpdateControllerOptions {
  readonly store: Store;
  readonly sites: Reflector<typeof site>;
  readonly generations: Reflector<typeof generation>;
  /** Updates, by which people steer, and the register of gateways: what changes in them has its effect at once. */
  readonly updates: Reflector<typeof update>;
  readonly register: Reflector<typeof gateway>;
  readonly sight: Pick<SiteSight, "look">;
  readonly intents: Intents;
  readonly distribution: Distribution;
  readonly ledger: DrainLedger;
  /** Asks an instance that may have work that no call shows.
   *  @throws link/...: its agent cannot be asked */
  readonly askBusy: (instance: string) => Promise<{ readonly state: "busy" | "idle" | "unknown"; readonly message: string }>;
  /** Transactions begun in a generation, as far as gateways have told. */
  readonly transactionsOf: (generation: number) => number | undefined;
  /** This leader's term. */
  readonly epoch: number;
  /** Called when the Site says that another centre leads: this one must stop. */
  readonly onDeposed: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Closed generations that are kept for people to read. */
const CLOSED_KEPT = 100;
/** The number of transactions of a generation is written at least so long after it was written before. */
const TRANSACTIONS_TOLD_MS = 30_000;
/** Transitions in one go; more come by themselves. */
const STEPS_MAX = 50;

/** Drives `step` for the site: reads what is seen, writes what is decided, each by one compare-and-set on the Site. Key: namespace/name of the Site. */
export function createUpdateController(options: UpdateControllerOptions): Controller {
  const driver = new UpdateDriver(options);
  const { clock, random, log } = options;
  const controller = new Controller({
    name: "update-controller",
    clock,
    random,
    log,
    reconcile: (key) => driver.reconcile(key),
    resyncMs: 10_000,
    backoff: { firstMs: 10, maxMs: 2000 },
  });
  options.sites.listen((_, after) => {
    if (after !== undefined) controller.enqueue(objectKey(after));
  });
  options.generations.listen((_, after) => {
    if (after !== undefined) controller.enqueue(`${after.metadata.namespace}/${SITE_NAME}`, 10);
  });
  const enqueueAll = (): void => {
    for (const one of options.sites.values()) controller.enqueue(objectKey(one), 5);
  };
  options.updates.listen(enqueueAll);
  options.register.listen(enqueueAll);
  return controller;
}

class UpdateDriver {
  readonly #options: UpdateControllerOptions;
  /** Since when each wait has been there, so that it tells its own age. */
  readonly #waitsSince = new Map<string, number>();
  /** Generations that were given up, and those whose end is written; by this leader. */
  readonly #aborted = new Set<number>();
  readonly #ended = new Set<number>();
  /** Phase in which each open generation was seen last: newer than what its object says. */
  readonly #phases = new Map<number, string>();
  /** When the number of transactions of a generation was written last. */
  readonly #toldMs = new Map<number, number>();

  constructor(options: UpdateControllerOptions) {
    this.#options = options;
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const { store, sites, clock, epoch, log } = this.#options;
    let object = sites.get(key);
    if (object === undefined) return undefined;
    // The cache may lag behind this controller's own last write: decide on the newest.
    object = (await store.get(site, object.metadata)) ?? object;
    let wakeAtMs: number | undefined;
    for (let count = 0; count < STEPS_MAX; count++) {
      const state = readSiteState(object.status);
      if (state === undefined) return undefined;
      if (state.epoch !== epoch) {
        this.#options.onDeposed();
        throw notLeading(state.epoch, epoch);
      }
      const namespace = object.metadata.namespace ?? "default";
      const observed = await this.#observe(object, state);
      const result = step(state, observed, clock.now());
      wakeAtMs = result.wakeAtMs;
      if (result.issue !== undefined) await this.#createGeneration(namespace, state.history, result.issue);
      object = await this.#write(object, result);
      for (const one of result.happened) {
        log.info(`generation ${one.generation} ${one.what}`, { ...one });
        this.#tell(object, one);
      }
      await this.#writeGenerations(namespace, result);
      if (result.site === state) break;
    }
    const nextMs = this.#drive(wakeAtMs);
    return nextMs === undefined ? undefined : { requeueAfterMs: nextMs };
  }

  /** What is seen, after the ledger has been told what drains and who counts. */
  async #observe(object: Site, state: SiteState): Promise<Observed> {
    const { clock, sight, intents } = this.#options;
    const namespace = object.metadata.namespace ?? "default";
    const maps = new Map<number, GenerationMap>();
    for (const one of state.generations) {
      const map = await this.#mapOf(namespace, one.number);
      if (map !== undefined) maps.set(one.number, map);
    }
    return sight.look({ site: object, state, maps, intents }, clock.now());
  }

  async #mapOf(namespace: string, number: number): Promise<GenerationMap | undefined> {
    const { generations, store } = this.#options;
    const name = generationName(number);
    const found = generations.get(`${namespace}/${name}`) ?? (await store.get(generation, { name, namespace }));
    return found?.spec.map;
  }

  async #createGeneration(namespace: string, history: string, issue: NonNullable<Step["issue"]>): Promise<void> {
    await this.#options.store.create(generation, {
      apiVersion: API_VERSION,
      kind: generation.kind,
      metadata: { name: generationName(issue.number), namespace },
      spec: { number: issue.number, map: issue.map, cause: issue.cause, history },
    });
  }

  async #write(object: Site, result: Step): Promise<Site> {
    const input = siteUpdate(object, result, this.#options.clock.now());
    return input === undefined ? object : this.#options.store.update(site, input, { subresource: "status", fieldManager: "orrery-centre" });
  }

  #tell(object: Site, one: Happening): void {
    const services = one.services.length === 0 ? "" : ` (${one.services.slice(0, 5).join(", ")}${one.services.length > 5 ? " …" : ""})`;
    const texts: Record<Happening["what"], string> = {
      issued: `generation ${one.generation} issued${services}: its instances are being prepared`,
      distributing: `generation ${one.generation} is ready${services}: its table goes to all gateways`,
      held: `new transactions that can reach ${one.services.join(", ")} are held until the running ones are over`,
      released: `held transactions go on: ${one.services.join(", ")} is active in generation ${one.generation}`,
      given: `${"revision" in one ? one.revision : ""} alone may use what only one revision of ${one.services.join(", ")} may use`,
      ramped: `generation ${one.generation} gets a share of ${percentOf(object)} of new transactions${services}`,
      returned: `gone back from generation ${one.generation}${services}: ${"reason" in one ? one.reason : ""}`,
      fenced: `hosts ${"hosts" in one ? one.hosts.join(", ") : ""} are fenced: their gateway has not acknowledged the table with generation ${one.generation}, so their instances serve only what is older; that ends by itself when it has, or is forgotten`,
      unfenced: `hosts ${"hosts" in one ? one.hosts.join(", ") : ""} are free again: their instances serve every generation`,
      switched: `new transactions belong to generation ${one.generation}${services}`,
      closed: `generation ${one.generation} is closed: nothing of it is in flight`,
      aborted: `generation ${one.generation} given up${services}: ${"reason" in one ? one.reason : ""}`,
    };
    const reasons: Record<Happening["what"], string> = {
      issued: "Issued",
      distributing: "Distributing",
      held: "Held",
      released: "Released",
      given: "ExclusiveGiven",
      ramped: "Ramped",
      returned: "Returned",
      fenced: "Fenced",
      unfenced: "Unfenced",
      switched: "Switched",
      closed: "Closed",
      aborted: "Aborted",
    };
    this.#options.store.emit({
      kind: site,
      object,
      type: "reason" in one || one.what === "fenced" ? "Warning" : "Normal",
      reason: reasons[one.what],
      message: texts[one.what],
      component: "update-controller",
    });
  }

  /** Keeps the Generation objects' status, and deletes those that are long closed. */
  async #writeGenerations(namespace: string, result: Step): Promise<void> {
    const { generations, clock } = this.#options;
    const open = new Map(result.site.generations.map((one) => [one.number, one]));
    for (const [number, one] of open) {
      this.#phases.set(number, one.phase);
      const object = generations.get(`${namespace}/${generationName(number)}`);
      if (object === undefined) continue;
      await this.#writeGeneration(object, {
        phase: one.phase,
        since: one.since,
        waits: result.waits === NOT_LOOKED ? (object.status?.waits ?? []) : this.#aged(number, result.waits.get(number) ?? [], object.status?.waits),
        ...this.#transactions(object, object.status?.phase !== one.phase),
      });
    }
    for (const one of result.happened) if (one.what === "aborted") this.#aborted.add(one.generation);
    // Also those whose end an earlier look, or a former leader, could not tell.
    for (const object of generations.values()) {
      const { number } = object.spec;
      if (object.metadata.namespace !== namespace || open.has(number) || number > result.site.counter || this.#ended.has(number)) continue;
      const told = object.status?.phase;
      if (told === "Closed" || told === "Aborted") continue;
      const phase = this.#phases.get(number) ?? told;
      const wasStamped = phase === "Holding" || phase === "Ramping" || phase === "Active" || phase === "Draining";
      await this.#writeGeneration(object, {
        phase: this.#aborted.has(number) || !wasStamped ? "Aborted" : "Closed",
        since: timestamp(clock.now()),
        ...this.#transactions(object, true),
      });
      this.#ended.add(number);
      for (const id of this.#waitsSince.keys()) if (id.startsWith(`${number}\0`)) this.#waitsSince.delete(id);
      this.#phases.delete(number);
    }
    await this.#pruneGenerations(namespace, result.site);
  }

  async #writeGeneration(object: Generation, status: NonNullable<Generation["status"]>): Promise<void> {
    const { waits, ...rest } = status;
    const next = { ...object.status, ...rest, ...(waits === undefined || waits.length === 0 ? {} : { waits }) };
    if (waits === undefined || waits.length === 0) delete next.waits;
    if (JSON.stringify(next) === JSON.stringify(object.status ?? {})) return;
    await this.#options.store.patch(
      generation,
      object.metadata,
      { type: "merge", body: { status: { phase: null, since: null, waits: null, ...next } } },
      { subresource: "status", fieldManager: "orrery-centre" },
    );
  }

  /** For the history; while nothing else is written, at most so often. What a former leader has heard is kept. */
  #transactions({ spec, status }: Generation, isDue: boolean): Pick<NonNullable<Generation["status"]>, "transactions"> {
    const { clock, transactionsOf } = this.#options;
    const nowMs = clock.now();
    const heard = transactionsOf(spec.number);
    const isOld = nowMs >= (this.#toldMs.get(spec.number) ?? 0) + TRANSACTIONS_TOLD_MS;
    if (heard === undefined || heard <= (status?.transactions ?? -1) || (!isDue && !isOld)) return {};
    this.#toldMs.set(spec.number, nowMs);
    if (this.#toldMs.size > CLOSED_KEPT) this.#toldMs.delete(Math.min(...this.#toldMs.keys()));
    return { transactions: heard };
  }

  /** `former` is what the leader before has told: what is still waited for is as old as it was. */
  #aged(
    number: number,
    waits: readonly Wait[],
    former: NonNullable<Generation["status"]>["waits"] = [],
  ): { reason: string; object: string; since: string; message: string }[] {
    const seen = new Set<string>();
    const aged = waits.slice(0, 20).map((wait) => {
      const id = `${number}\0${wait.reason}\0${wait.object}`;
      seen.add(id);
      const told = former.find((one) => one.reason === wait.reason && one.object === wait.object);
      const sinceMs = Math.min(this.#waitsSince.get(id) ?? (told === undefined ? wait.sinceMs : Date.parse(told.since)), wait.sinceMs);
      this.#waitsSince.set(id, sinceMs);
      return { reason: wait.reason, object: wait.object, since: timestamp(sinceMs), message: wait.message };
    });
    for (const id of this.#waitsSince.keys()) if (id.startsWith(`${number}\0`) && !seen.has(id)) this.#waitsSince.delete(id);
    return aged;
  }

  async #pruneGenerations(namespace: string, state: SiteState): Promise<void> {
    const { generations, store } = this.#options;
    const open = new Set(state.generations.map((one) => one.number));
    const ended = [...generations.values()].filter(
      (one) =>
        one.metadata.namespace === namespace &&
        !open.has(one.spec.number) &&
        one.metadata.deletionTimestamp === undefined &&
        one.spec.number <= state.counter,
    );
    if (ended.length <= CLOSED_KEPT) return;
    ended.sort((a, b) => a.spec.number - b.spec.number);
    for (const one of ended.slice(0, ended.length - CLOSED_KEPT)) {
      await store.delete(generation, one.metadata);
      for (const known of [this.#aborted, this.#ended, this.#phases]) known.delete(one.spec.number);
    }
  }

  async #askBusy(instance: string, askedAtMs: number): Promise<void> {
    const { askBusy, ledger, clock } = this.#options;
    const answer = await askBusy(instance).catch((error: unknown) => ({ state: "unknown" as const, message: describeError(error) }));
    ledger.busyAnswered(instance, { ...answer, askedAtMs, answeredAtMs: clock.now() });
  }

  /** Asks the next counting round, and says when to look again (ms from now). */
  #drive(wakeAtMs: number | undefined): number | undefined {
    const { ledger, distribution, clock } = this.#options;
    const nowMs = clock.now();
    const round = ledger.roundToAsk(nowMs, ROUND_INTERVAL_MS);
    if (round !== undefined) distribution.askRound(round);
    for (const instance of new Set(ledger.busyToAsk(nowMs))) void this.#askBusy(instance, nowMs);
    return nextLookMs(ledger, wakeAtMs, nowMs);
  }
}

function percentOf(object: Site): string {
  return formatShare(object.status?.stamp?.ramp?.share ?? 1);
}
