import { type GatewayReport, LATENCY_BUCKETS_MS } from "../contract.ts";

/** Calls from one caller to one instance, summed over all gateways. */
export interface CallSum {
  /** Service name; empty: from outside; `?`: unknown. */
  readonly caller: string;
  readonly service: string;
  readonly revision: string;
  readonly instance: string;
  readonly host: string;
  readonly calls: number;
  /** Answers ≥ 500 and calls without an answer. */
  readonly errors: number;
  readonly timeSumMs: number;
  readonly timeMaxMs: number;
  /** Requests above the packet size. */
  readonly large: number;
  /** Begun without a trace context. */
  readonly unlabelled: number;
  /** Refused by a gateway: on a row of their own, of no revision and no instance, since none was asked; `host` is the gateway's. */
  readonly refused: number;
  /** Calls under way now. */
  readonly inFlight: number;
  /** Counts in the buckets of LATENCY_BUCKETS_MS, and one for the rest. */
  readonly buckets: readonly number[];
}

/** Sums over what `by` leaves out. */
export interface CallGroup {
  readonly key: Readonly<Partial<Record<CallPart, string>>>;
  readonly calls: number;
  readonly errors: number;
  readonly timeSumMs: number;
  readonly timeMaxMs: number;
  readonly large: number;
  readonly unlabelled: number;
  readonly refused: number;
  readonly inFlight: number;
  readonly buckets: readonly number[];
}
export type CallPart = "caller" | "service" | "revision" | "instance" | "host";

const SLOT_MS = 5000;
const SLOTS = 12;
/** Combinations of caller and instance that are kept; the ones that were quiet longest give way. */
const KEYS_MAX = 20_000;

/** What the centre knows of calls: a sliding minute and totals since it began, from the gateways' reports. Memory only. Times are wall or monotonic ms, as long as they are the same throughout. */
export class CallBoard {
  readonly #entries = new Map<string, Entry>();
  readonly #keysMax: number;
  /** By gateway: calls under way, as last reported. */
  readonly #inFlight = new Map<string, ReadonlyMap<string, number>>();
  /** By gateway: transactions that are held, as last reported. */
  readonly #heldNow = new Map<string, number>();
  readonly #refused = new LabelledSums();
  readonly #unlabelled = new LabelledSums();
  #held = { total: 0, timeSumMs: 0, timeMaxMs: 0 };

  constructor(options: { readonly keysMax?: number } = {}) {
    this.#keysMax = options.keysMax ?? KEYS_MAX;
  }

  /** Takes a report. Each must be given once. */
  add(report: GatewayReport, nowMs: number): void {
    const inFlight = new Map<string, number>();
    for (const window of report.windows) {
      const key = keyOf(window);
      if (window.inFlight > 0) inFlight.set(key, (inFlight.get(key) ?? 0) + window.inFlight);
      this.#entry(key, window).add(window, nowMs);
    }
    this.#inFlight.set(report.gateway, inFlight);
    for (const { service: caller, calls, reason, called = "" } of report.refused) {
      const row = { caller, service: called, revision: "", instance: "", host: report.host };
      this.#entry(keyOf(row), row).add({ ...emptySums(), refused: calls }, nowMs);
      this.#refused.add(calls, caller, reason);
    }
    for (const { service, calls } of report.unlabelled) this.#unlabelled.add(calls, service);
    const { now, total, timeSumMs, timeMaxMs } = report.held;
    this.#heldNow.set(report.gateway, now);
    this.#held = {
      total: this.#held.total + total,
      timeSumMs: this.#held.timeSumMs + timeSumMs,
      timeMaxMs: Math.max(this.#held.timeMaxMs, timeMaxMs),
    };
  }

  /** New transactions that are held for a handover now, and those that were since the board began. */
  held(): GatewayReport["held"] {
    return { now: [...this.#heldNow.values()].reduce((sum, one) => sum + one, 0), ...this.#held };
  }

  /** Calls that were refused since the board began, by calling service and reason. */
  refused(): readonly { readonly service: string; readonly reason: string; readonly calls: number }[] {
    return this.#refused.read().map(({ labels: [service = "", reason = ""], calls }) => ({ service, reason, calls }));
  }

  /** Calls without a trace context since the board began, by calling service; also those that were refused for it. */
  unlabelled(): readonly { readonly service: string; readonly calls: number }[] {
    return this.#unlabelled.read().map(({ labels: [service = ""], calls }) => ({ service, calls }));
  }

  /** The gateway is gone: nothing is known of its calls under way. */
  forget(gateway: string): void {
    this.#inFlight.delete(gateway);
    this.#heldNow.delete(gateway);
  }

  #entry(key: string, window: Pick<CallSum, CallPart>): Entry {
    let entry = this.#entries.get(key);
    // Kept in order of use, so that the first is the one that was quiet longest.
    if (entry !== undefined) this.#entries.delete(key);
    else {
      entry = new Entry(window);
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined && this.#entries.size >= this.#keysMax) this.#entries.delete(oldest);
    }
    this.#entries.set(key, entry);
    return entry;
  }

  /** Calls of the last minute, by caller and instance; without those that had none and have none under way. */
  lastMinute(nowMs: number): CallSum[] {
    return this.#sums((entry) => entry.recent(nowMs));
  }

  /** Calls since the board began, for counters that only rise. */
  totals(): CallSum[] {
    return this.#sums((entry) => entry.total);
  }

  #sums(of: (entry: Entry) => Sums): CallSum[] {
    const sums: CallSum[] = [];
    for (const [key, entry] of this.#entries) {
      const { calls, errors, timeSumMs, timeMaxMs, large, unlabelled, refused, buckets } = of(entry);
      let inFlight = 0;
      for (const gateway of this.#inFlight.values()) inFlight += gateway.get(key) ?? 0;
      if (calls === 0 && inFlight === 0 && refused === 0) continue;
      sums.push({ ...entry.key, calls, errors, timeSumMs, timeMaxMs, large, unlabelled, refused, inFlight, buckets: [...buckets] });
    }
    return sums;
  }
}

/** Sums rows into one for each combination of `by`, as for host × service. */
export function sumCalls(sums: readonly CallSum[], by: readonly CallPart[]): CallGroup[] {
  const groups = new Map<string, { readonly key: Record<string, string>; readonly sums: Sums; inFlight: number }>();
  for (const one of sums) {
    const id = by.map((part) => one[part]).join("\n");
    let group = groups.get(id);
    if (group === undefined) {
      group = { key: Object.fromEntries(by.map((part) => [part, one[part]])), sums: emptySums(), inFlight: 0 };
      groups.set(id, group);
    }
    addTo(group.sums, one);
    group.inFlight += one.inFlight;
  }
  return [...groups.values()].map((group) => ({ key: group.key, ...group.sums, inFlight: group.inFlight }));
}

/** The upper bound of the bucket in which the `share` (0 to 1) of the calls is reached; `undefined` above the highest bound, or without calls. */
export function quantileMs(buckets: readonly number[], share: number): number | undefined {
  const calls = buckets.reduce((sum, one) => sum + one, 0);
  if (calls === 0) return undefined;
  let seen = 0;
  for (const [index, count] of buckets.entries()) {
    seen += count;
    if (seen >= calls * share) return LATENCY_BUCKETS_MS[index];
  }
  return undefined;
}

interface Sums {
  calls: number;
  errors: number;
  timeSumMs: number;
  timeMaxMs: number;
  large: number;
  unlabelled: number;
  refused: number;
  readonly buckets: number[];
}

function emptySums(): Sums {
  return {
    calls: 0,
    errors: 0,
    timeSumMs: 0,
    timeMaxMs: 0,
    large: 0,
    unlabelled: 0,
    refused: 0,
    buckets: new Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0),
  };
}

type MoreCalls = Pick<CallSum, "calls" | "errors" | "timeSumMs" | "timeMaxMs" | "large" | "buckets"> &
  Partial<Pick<CallSum, "unlabelled" | "refused">>;

function addTo(sums: Sums, more: MoreCalls): void {
  sums.calls += more.calls;
  sums.errors += more.errors;
  sums.timeSumMs += more.timeSumMs;
  sums.timeMaxMs = Math.max(sums.timeMaxMs, more.timeMaxMs);
  sums.large += more.large;
  sums.unlabelled += more.unlabelled ?? 0;
  sums.refused += more.refused ?? 0;
  for (let index = 0; index < sums.buckets.length; index++) sums.buckets[index] = (sums.buckets[index] ?? 0) + (more.buckets[index] ?? 0);
}

class Entry {
  readonly key: Pick<CallSum, CallPart>;
  readonly total = emptySums();
  #slots: { readonly number: number; readonly sums: Sums }[] = [];

  constructor({ caller, service, revision, instance, host }: Pick<CallSum, CallPart>) {
    this.key = { caller, service, revision, instance, host };
  }

  add(more: MoreCalls, nowMs: number): void {
    if (more.calls === 0 && more.large === 0 && (more.unlabelled ?? 0) === 0 && (more.refused ?? 0) === 0) return;
    addTo(this.total, more);
    const number = Math.floor(nowMs / SLOT_MS);
    let slot = this.#slots.at(-1);
    if (slot?.number !== number) {
      slot = { number, sums: emptySums() };
      this.#slots = [...this.#slots.filter((one) => one.number > number - SLOTS), slot];
    }
    addTo(slot.sums, more);
  }

  recent(nowMs: number): Sums {
    const sums = emptySums();
    const now = Math.floor(nowMs / SLOT_MS);
    for (const slot of this.#slots) if (slot.number > now - SLOTS) addTo(sums, slot.sums);
    return sums;
  }
}

/** Sums that only rise, by a few words. Bounded: what comes when it is full is told as of somebody unknown. */
class LabelledSums {
  readonly #sums = new Map<string, { readonly labels: readonly string[]; calls: number }>();

  add(calls: number, ...labels: readonly string[]): void {
    const key = labels.join("\n");
    const sum = this.#sums.get(key);
    if (sum !== undefined) sum.calls += calls;
    else if (this.#sums.size < KEYS_MAX || labels[0] === "?") this.#sums.set(key, { labels, calls });
    else this.add(calls, "?", ...labels.slice(1));
  }

  read(): readonly { readonly labels: readonly string[]; readonly calls: number }[] {
    return [...this.#sums.values()];
  }
}

function keyOf(window: Pick<CallSum, CallPart>): string {
  return `${window.caller}\n${window.service}\n${window.revision}\n${window.instance}\n${window.host}`;
}
