import type { Generation, Site } from "#/model/index.ts";
import type { GenerationMap } from "#/traffic/update/core/index.ts";
import { readSiteState, type SiteState, stamps } from "#/traffic/update/core/index.ts";
import { Eras } from "./eras.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedStore } from "./store.ts";
import { makeTally } from "./tally.ts";
import { Transaction } from "./transaction.ts";

/** C consistency, A availability, M monotone, P progress, S safe failure, V visible, E exclusive use; X: the simulation itself failed. */
export type Invariant = "C" | "A" | "M" | "P" | "S" | "V" | "E" | "X";

export interface Violation {
  readonly invariant: Invariant;
  readonly atMs: number;
  readonly message: string;
}

/** What happened to a generation, in milliseconds since the beginning. */
export interface GenerationRecord {
  issuedMs: number;
  switchedMs?: number;
  /** Since when nobody may stamp it any more. */
  drainingMs?: number;
  endedMs?: number;
  /** End of the last of its transactions. */
  lastEndMs: number;
  transactions: number;
}

/** Knows the truth: what every transaction should meet, what is alive, what was decided; and remembers each breach. */
export class Judge {
  readonly violations: Violation[] = [];
  readonly records = new Map<number, GenerationRecord>();
  /** Lines of history; empty unless it is kept. */
  readonly history: string[] = [];
  readonly #scheduler: Scheduler;
  readonly #keepsHistory: boolean;
  readonly eras = new Eras();
  readonly tally = makeTally();
  readonly #live = new Map<number, Set<Transaction>>();
  #ended = new Set<number>();
  #counter = 0;
  #open: readonly number[] = [];
  #transactionId = 0;
  /** History and number to what transactions have begun with. */
  readonly #begun = new Map<string, string>();
  /** A file was copied back, and no gateway has shown that yet. */
  isPutBackUnnoticed = false;
  /** Until when services that are recreated may be missing, in milliseconds since the beginning. */
  readonly #recreated = new Map<string, number>();
  /** How long what was recreated may be missing after the switch, or after it was given up. */
  readonly #recreateMs: number;
  /** Site as it was written last. */
  #site: SiteState | undefined;
  #holdSinceMs: number | undefined;
  /** Revisions for which new transactions were held. */
  readonly heldRevisions = new Set<string>();
  /** Longest hold, from its beginning to the release. */
  longestHoldMs = 0;
  /** `<host>/<revision>` whose instances have crashed by themselves. */
  readonly crashed = new Set<string>();
  /** Fences that there are, and were: of a host, until when (elapsed). */
  readonly #fences: { readonly host: string; readonly upTo: number; untilMs?: number }[] = [];
  /** True if a transaction that comes in at a service can reach one of `services`, by what is declared. */
  canReach: (place: string, services: readonly string[], generation: number) => boolean = () => true;
  /** Called when a generation begins to be stamped. */
  onStamped: (generation: number) => void = () => {};
  /** Called when a host is fenced. */
  onFenced: () => void = () => {};
  /** Called when a host is no longer fenced. */
  onFreed: (host: string) => void = () => {};
  /** Called when held transactions go on with the new revisions of `services`, which are stamped since `switchedMs` (wall time). */
  onReleased: (services: readonly string[], generation: number, switchedMs: number) => void = () => {};

  constructor(scheduler: Scheduler, store: SimulatedStore, keepsHistory: boolean, recreateMs: number) {
    this.#recreateMs = recreateMs;
    this.#scheduler = scheduler;
    this.#keepsHistory = keepsHistory;
    store.listen((kind, before, after) => {
      if (kind === "Generation") this.#onGeneration(before as Generation | undefined, after as Generation | undefined);
      if (kind === "Site" && after !== undefined) this.#onSite(before as Site | undefined, after as Site);
    });
  }

  note(text: () => string): void {
    if (this.#keepsHistory) this.history.push(`${this.#scheduler.elapsedMs.toFixed(1).padStart(8)} ${text()}`);
  }

  violate(invariant: Invariant, message: string): void {
    if (this.violations.length < 50) this.violations.push({ invariant, atMs: this.#scheduler.elapsedMs, message });
    this.note(() => `!!! ${invariant}: ${message}`);
  }

  /** How often the store was put back. */
  get era(): number {
    return this.eras.last;
  }

  /** The store has been put back to what is in it now. Nobody awaits any more what is in flight. */
  putBack(how: "restored" | "copied", history: string, site: Site | undefined, generations: readonly Generation[]): void {
    this.tally[how]++;
    this.isPutBackUnnoticed = how === "copied";
    const now = readSiteState(site?.status);
    const counter = now?.counter ?? 0;
    this.eras.putBack(history, counter, generations);
    this.#giveUpWaiting();
    const open = now?.generations ?? [];
    this.#ended = new Set([...this.#ended].filter((number) => number <= counter && !open.some((one) => one.number === number)));
    for (const [number, record] of this.records) {
      if (number > counter || open.some((one) => one.number === number)) {
        delete record.drainingMs;
        delete record.endedMs;
        if (!stamps(now?.stamp, number)) delete record.switchedMs;
      }
    }
    for (const one of this.#fences) one.untilMs ??= this.#scheduler.elapsedMs;
    this.#counter = counter;
    this.#open = open.map((one) => one.number);
    this.#site = now;
    this.#holdSinceMs = now?.stamp?.hold === undefined ? undefined : this.#scheduler.elapsedMs;
    if (now !== undefined) {
      this.#fence(now);
      this.#onMoves(now);
    }
  }

  /** A gateway has shown that the store was put back. */
  noticed(history: string): void {
    this.tally.foundOut++;
    this.isPutBackUnnoticed = false;
    this.eras.noticed(history);
    this.#giveUpWaiting();
  }

  #giveUpWaiting(): void {
    for (const set of this.#live.values())
      for (const one of set) {
        one.excusedBy ??= "the store was put back";
        one.touch("the store was put back");
      }
  }

  /** A gateway routes by this: what a transaction has begun by means the same to everybody in its history, whoever it was that gave the number. */
  believe(gateway: string, history: string, generations: Readonly<Record<string, { readonly assignments: GenerationMap }>>): void {
    for (const [number, { assignments }] of Object.entries(generations)) {
      const [meaning, begun] = [meaningOf(assignments), this.#begun.get(`${history}/${number}`)];
      if (begun !== undefined && begun !== meaning)
        this.violate("M", `${gateway} takes generation ${number} for ${meaning}, and transactions of it have begun with ${begun}`);
    }
  }

  /** A transaction has begun at an edge that routes by this. */
  begun(history: string, number: number, assignments: ReadonlyMap<string, string>): void {
    const key = `${history}/${number}`;
    if (!this.#begun.has(key)) this.#begun.set(key, meaningOf(Object.fromEntries(assignments)));
  }

  #onGeneration(before: Generation | undefined, after: Generation | undefined): void {
    if (after === undefined) return;
    const { number, map } = after.spec;
    const isOwn = after.spec.history === this.eras.now.history && !this.isPutBackUnnoticed;
    const formerly = !isOwn ? undefined : this.eras.firstMapOf(number);
    if (formerly !== undefined && before === undefined && JSON.stringify(formerly) !== JSON.stringify(map))
      this.violate("M", `generation ${number} was issued before with another meaning`);
    const known = this.eras.now.maps.get(number);
    if (known !== undefined && before === undefined) this.violate("M", `generation ${number} was issued twice`);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(map)) this.violate("M", `the map of generation ${number} has changed`);
    this.eras.now.maps.set(number, map);
  }

  #fence(now: SiteState): void {
    for (const { host, upTo } of now.fenced)
      if (!this.#fences.some((one) => one.host === host && one.upTo === upTo && one.untilMs === undefined)) {
        this.#fences.push({ host, upTo });
        this.onFenced();
      }
    for (const one of this.#fences) {
      if (one.untilMs !== undefined || now.fenced.some(({ host, upTo }) => host === one.host && upTo === one.upTo)) continue;
      one.untilMs = this.#scheduler.elapsedMs;
      if (!this.isFenced(one.host, Number.POSITIVE_INFINITY)) this.onFreed(one.host);
    }
  }

  /** True if instances of `host` are not to be used by `generation`, or were not until `agoMs` ago. */
  isFenced(host: string, generation: number, agoMs = 0): boolean {
    const sinceMs = this.#scheduler.elapsedMs - agoMs;
    return this.#fences.some((one) => one.host === host && one.upTo < generation && (one.untilMs === undefined || one.untilMs > sinceMs));
  }

  #onSite(before: Site | undefined, after: Site): void {
    const now = readSiteState(after.status);
    const former = before === undefined ? undefined : readSiteState(before.status);
    if (now === undefined) return;
    const text = now.generations.map((one) => `${one.number}:${one.phase}`).join(" ");
    this.note(
      () =>
        `site epoch ${now.epoch} counter ${now.counter} [${text}] stamp ${JSON.stringify(now.stamp ?? null)}${now.fenced.length > 0 ? ` fenced ${JSON.stringify(now.fenced)}` : ""}${now.moves.length > 0 ? ` moves ${now.moves.map(moveText).join(", ")}` : ""}`,
    );
    this.#fence(now);
    if (now.counter < this.#counter) this.violate("M", `the counter fell from ${this.#counter} to ${now.counter}`);
    if (former !== undefined && now.epoch < former.epoch) this.violate("M", `the epoch fell from ${former.epoch} to ${now.epoch}`);
    this.#counter = Math.max(this.#counter, now.counter);
    const stamp = now.unheardSince !== undefined ? undefined : now.stamp;
    if (now.unheardSince !== undefined) for (const record of this.records.values()) delete record.switchedMs;
    for (const one of now.generations) this.#onOpen(one.number, one.phase, stamps(stamp, one.number), now.counter);
    this.#open = now.generations.map((one) => one.number);
    const open = new Set(this.#open);
    for (const stamped of [now.stamp?.generation, now.stamp?.ramp?.to]) {
      if (stamped !== undefined && !open.has(stamped)) this.violate("M", `generation ${stamped} is stamped and not open`);
    }
    for (const one of former?.generations ?? []) if (!open.has(one.number)) this.#onEnded(one.number, one.phase, stamps(former?.stamp, one.number));
    this.#onMoves(now);
    this.#onHold(former, now);
    this.#site = now;
  }

  #onMoves(now: SiteState): void {
    const recreating = new Set<string>();
    for (const move of now.moves) {
      const { strategy, phase } = now.generations.find((one) => one.number === move.before) ?? {};
      this.eras.note(move, strategy, this.#scheduler.elapsedMs);
      if (move.isIdle !== true && strategy === "recreate" && phase !== "Active" && phase !== "Draining") recreating.add(move.service);
    }
    for (const service of recreating) this.#recreated.set(service, Number.POSITIVE_INFINITY);
    for (const [service, untilMs] of this.#recreated)
      if (!recreating.has(service) && untilMs === Number.POSITIVE_INFINITY)
        this.#recreated.set(service, this.#scheduler.elapsedMs + this.#recreateMs);
  }

  #onHold(former: SiteState | undefined, now: SiteState): void {
    const before = former?.stamp?.hold;
    const after = now.stamp?.hold;
    const phaseOf = (state: SiteState | undefined, number: number): string | undefined =>
      state?.generations.find((one) => one.number === number)?.phase;
    if (after !== undefined && after.to !== before?.to) {
      this.#holdSinceMs = this.#scheduler.elapsedMs;
      this.tally.holds++;
      for (const service of after.services) this.heldRevisions.add(this.eras.mapOf(after.to)?.[service] ?? "");
      for (const { number, phase } of former?.generations ?? []) {
        const one = phase === "Draining" ? this.#liveThatReaches(number, after.services) : undefined;
        if (one !== undefined)
          this.violate(
            "A",
            `new transactions are held for generation ${number}, which has been draining before: transaction ${one.id} of it is in flight`,
          );
      }
      if (after.services.length === 0) this.violate("A", "new transactions are held for no service");
    }
    if (before === undefined) return;
    if (phaseOf(former, before.to) === "Holding" && phaseOf(now, before.to) === "Active") {
      this.tally.handovers++;
      this.#judgeQuiet(before.to, before.services);
    }
    if (after !== undefined) return;
    if (this.#holdSinceMs !== undefined) this.longestHoldMs = Math.max(this.longestHoldMs, this.#scheduler.elapsedMs - this.#holdSinceMs);
    this.#holdSinceMs = undefined;
    if (now.stamp?.generation === before.to)
      this.onReleased(before.services, before.to, Date.parse(now.generations.find((one) => one.number === before.to)?.since ?? ""));
  }

  /** What was held is let go only when nothing else runs that can reach it. */
  #judgeQuiet(generation: number, services: readonly string[]): void {
    for (const number of this.#live.keys()) {
      const one = number === generation ? undefined : this.#liveThatReaches(number, services);
      if (one === undefined) continue;
      this.note(() => `transaction ${one.id} is at: ${one.activities.join("; ")}`);
      this.violate(
        "S",
        `generation ${generation} was switched to while transaction ${one.id} of generation ${number}, for which new ones were held, is in flight`,
      );
    }
  }

  /** A transaction of `generation` that is awaited and in flight at a place from which it can reach one of `services`. */
  #liveThatReaches(generation: number, services: readonly string[]): Transaction | undefined {
    for (const one of this.#live.get(generation) ?? []) {
      if (one.excusedBy !== undefined) continue;
      for (const [place, count] of one.at) if (count > 0 && this.canReach(place, services, generation)) return one;
    }
    return undefined;
  }

  /** True while a service that is recreated may be missing. */
  isRecreated(service: string): boolean {
    return this.#scheduler.elapsedMs < (this.#recreated.get(service) ?? Number.NEGATIVE_INFINITY);
  }

  /** True if a generation older than `before` had the service in `revision` and was open at `atMs`. */
  wasServed(service: string, revision: string, before: number, atMs: number): boolean {
    return [...this.eras.now.maps].some(
      ([number, map]) => number < before && map[service] === revision && (this.records.get(number)?.endedMs ?? Number.POSITIVE_INFINITY) > atMs,
    );
  }

  /** The Site as it was written last. */
  get site(): SiteState | undefined {
    return this.#site;
  }

  #onOpen(number: number, phase: string, isStamped: boolean, counter: number): void {
    if (this.#ended.has(number)) this.violate("M", `generation ${number} was closed and is open again`);
    if (number > counter) this.violate("M", `generation ${number} is open, the counter is ${counter}`);
    if (!this.eras.now.maps.has(number)) this.violate("M", `generation ${number} is named and does not exist`);
    const record = this.#recordOf(number);
    if (isStamped && record.switchedMs === undefined) {
      record.switchedMs = this.#scheduler.elapsedMs;
      this.onStamped(number);
    }
    if (isStamped && record.drainingMs !== undefined) this.violate("M", `generation ${number} was draining and is stamped again`);
    if (phase === "Draining") record.drainingMs ??= this.#scheduler.elapsedMs;
  }

  #onEnded(number: number, phase: string, wasStamped: boolean): void {
    this.#ended.add(number);
    this.#recordOf(number).endedMs = this.#scheduler.elapsedMs;
    if (wasStamped) this.violate("S", `generation ${number} was ended while it was stamped (${phase})`);
    for (const one of this.#live.get(number) ?? []) {
      if (one.excusedBy === undefined) {
        this.note(() => `transaction ${one.id} is at: ${one.activities.join("; ")}`);
        this.violate("S", `generation ${number} (${phase}) was closed while transaction ${one.id} of it is in flight`);
        return;
      }
    }
  }

  /** True if an open generation has the service in this revision. */
  isNeeded(service: string, revision: string): boolean {
    return this.#open.some((number) => this.eras.mapOf(number)?.[service] === revision);
  }

  #recordOf(number: number): GenerationRecord {
    let record = this.records.get(number);
    if (record === undefined) {
      record = { issuedMs: this.#scheduler.elapsedMs, lastEndMs: 0, transactions: 0 };
      this.records.set(number, record);
    }
    return record;
  }

  /** A transaction begins. */
  transaction(options: {
    readonly generation: number;
    readonly era: number;
    readonly isFromEdge: boolean;
    readonly seed: number;
    readonly budget: number;
  }): Transaction {
    const one = new Transaction({ ...options, id: ++this.#transactionId, startedMs: this.#scheduler.elapsedMs });
    this.#recordOf(one.generation).transactions++;
    if (one.era < this.era) {
      one.excusedBy = "its gateway has a table from before the store was put back";
      one.touch(one.excusedBy);
      return one;
    }
    // A call without a context may begin in a draining generation at the very moment when that is closed: it belongs to no transaction that was promised anything.
    if (!one.isFromEdge) one.excusedBy = "it has no context";
    else if (this.#ended.has(one.generation)) this.violate("S", `transaction ${one.id} has begun in generation ${one.generation}, which is closed`);
    return one;
  }

  /** Something of the transaction is under way at `service`, until the function returned is called (further calls do nothing). */
  begin(one: Transaction, service: string, what: string): () => void {
    one.at.set(service, (one.at.get(service) ?? 0) + 1);
    if (one.live++ === 0) {
      const set = this.#live.get(one.generation);
      if (set === undefined) this.#live.set(one.generation, new Set([one]));
      else set.add(one);
    }
    if (this.#keepsHistory) one.activities.push(what);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      one.at.set(service, (one.at.get(service) ?? 0) - 1);
      if (this.#keepsHistory) one.activities.splice(one.activities.indexOf(what), 1);
      if (--one.live > 0) return;
      this.#live.get(one.generation)?.delete(one);
      const record = this.#recordOf(one.generation);
      record.lastEndMs = Math.max(record.lastEndMs, this.#scheduler.elapsedMs);
    };
  }

  get open(): number {
    let open = 0;
    for (const set of this.#live.values()) open += set.size;
    return open;
  }
}

function meaningOf(map: GenerationMap): string {
  return JSON.stringify(Object.entries(map).sort());
}

function moveText({ before, from, to, isPartial, isIdle }: SiteState["moves"][number]): string {
  return `${from}→${to} before ${before}${isPartial === true ? " partial" : ""}${isIdle === true ? " idle" : ""}`;
}
