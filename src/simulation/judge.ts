import type { Generation, Site } from "#/model/index.ts";
import type { GenerationMap } from "#/update/core/index.ts";
import { readSiteState, stamps } from "#/update/core/index.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedStore } from "./store.ts";
import { Transaction } from "./transaction.ts";

/** C consistency, A availability, M monotone, P progress, S safe failure, V visible; X: the simulation itself failed. */
export type Invariant = "C" | "A" | "M" | "P" | "S" | "V" | "X";

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
  readonly #maps = new Map<number, GenerationMap>();
  readonly #live = new Map<number, Set<Transaction>>();
  readonly #ended = new Set<number>();
  #counter = 0;
  #open: readonly number[] = [];
  #transactionId = 0;
  /** `<host>/<revision>` whose instances have crashed by themselves. */
  readonly crashed = new Set<string>();
  readonly fencedHosts = new Set<string>();
  /** Called when a generation begins to be stamped. */
  onStamped: (generation: number) => void = () => {};
  calls = 0;
  refusals = 0;

  constructor(scheduler: Scheduler, store: SimulatedStore, keepsHistory: boolean) {
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

  mapOf(generation: number): GenerationMap | undefined {
    return this.#maps.get(generation);
  }

  #onGeneration(before: Generation | undefined, after: Generation | undefined): void {
    if (after === undefined) return;
    const { number, map } = after.spec;
    const known = this.#maps.get(number);
    if (known !== undefined && before === undefined) this.violate("M", `generation ${number} was issued twice`);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(map)) this.violate("M", `the map of generation ${number} has changed`);
    this.#maps.set(number, map);
  }

  #onSite(before: Site | undefined, after: Site): void {
    const now = readSiteState(after.status);
    const former = before === undefined ? undefined : readSiteState(before.status);
    if (now === undefined) return;
    const text = now.generations.map((one) => `${one.number}:${one.phase}`).join(" ");
    this.note(
      () =>
        `site epoch ${now.epoch} counter ${now.counter} [${text}] stamp ${JSON.stringify(now.stamp ?? null)}${now.fenced.length > 0 ? ` fenced ${JSON.stringify(now.fenced)}` : ""}`,
    );
    for (const one of now.fenced) this.fencedHosts.add(one.host);
    if (now.counter < this.#counter) this.violate("M", `the counter fell from ${this.#counter} to ${now.counter}`);
    if (former !== undefined && now.epoch < former.epoch) this.violate("M", `the epoch fell from ${former.epoch} to ${now.epoch}`);
    this.#counter = Math.max(this.#counter, now.counter);
    for (const one of now.generations) this.#onOpen(one.number, one.phase, stamps(now.stamp, one.number), now.counter);
    this.#open = now.generations.map((one) => one.number);
    const open = new Set(this.#open);
    for (const stamped of [now.stamp?.generation, now.stamp?.ramp?.to]) {
      if (stamped !== undefined && !open.has(stamped)) this.violate("M", `generation ${stamped} is stamped and not open`);
    }
    for (const one of former?.generations ?? []) if (!open.has(one.number)) this.#onEnded(one.number, one.phase, stamps(former?.stamp, one.number));
  }

  #onOpen(number: number, phase: string, isStamped: boolean, counter: number): void {
    if (this.#ended.has(number)) this.violate("M", `generation ${number} was closed and is open again`);
    if (number > counter) this.violate("M", `generation ${number} is open, the counter is ${counter}`);
    if (!this.#maps.has(number)) this.violate("M", `generation ${number} is named and does not exist`);
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
    return this.#open.some((number) => this.#maps.get(number)?.[service] === revision);
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
  transaction(options: { readonly generation: number; readonly isFromEdge: boolean; readonly seed: number; readonly budget: number }): Transaction {
    const one = new Transaction({ ...options, id: ++this.#transactionId, startedMs: this.#scheduler.elapsedMs });
    this.#recordOf(one.generation).transactions++;
    // A call without a context may begin in a draining generation at the very moment when that is closed: it belongs to no transaction that was promised anything.
    if (!one.isFromEdge) one.excusedBy = "it has no context";
    else if (this.#ended.has(one.generation)) this.violate("S", `transaction ${one.id} has begun in generation ${one.generation}, which is closed`);
    return one;
  }

  /** Something of the transaction is under way, until the function returned is called (further calls do nothing). */
  begin(one: Transaction, what: string): () => void {
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
