import type { Random } from "#/base/index.ts";
import { type Balancer, CallStats, type Candidate, createBalancer } from "#/traffic/routing/balance/index.ts";
import { type Endpoint, LATENCY_BUCKETS_MS, type RevisionEntry } from "#/traffic/routing/index.ts";

/** Calls of one caller in one generation to one instance, since the report before. */
export class WindowCounts {
  readonly caller: string;
  readonly generation: number;
  readonly endpoint: EndpointState;
  calls = 0;
  errors = 0;
  timeSumMs = 0;
  timeMaxMs = 0;
  large = 0;
  unlabelled = 0;
  inFlight = 0;
  buckets: number[] = emptyBuckets();

  constructor(caller: string, generation: number, endpoint: EndpointState) {
    this.caller = caller;
    this.generation = generation;
    this.endpoint = endpoint;
  }

  end(timeMs: number, isError: boolean): void {
    this.inFlight--;
    this.calls++;
    if (isError) this.errors++;
    this.timeSumMs += timeMs;
    if (timeMs > this.timeMaxMs) this.timeMaxMs = timeMs;
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS_MS.length && timeMs > (LATENCY_BUCKETS_MS[bucket] as number)) bucket++;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
  }

  reset(): void {
    this.calls = 0;
    this.errors = 0;
    this.timeSumMs = 0;
    this.timeMaxMs = 0;
    this.large = 0;
    this.unlabelled = 0;
    this.buckets = emptyBuckets();
  }
}

function emptyBuckets(): number[] {
  return new Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0);
}

/** An instance as a gateway sees it. It lives as long as the instance keeps its address and ports: connections to it belong to it and die with it, so that an address given to another revision is never reached by an old one. */
export class EndpointState implements Candidate {
  readonly instance: string;
  readonly revision: string;
  readonly service: string;
  readonly host: string;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  isReady: boolean;
  /** See `Endpoint`. */
  isUnanswered: boolean;
  isLeaving: boolean;
  upTo: number | undefined;
  hostLoad: number | undefined;
  /** True once the table does not name it any more. */
  isGone = false;
  /** Not chosen before this time, because a connection failed; monotonic ms. */
  downUntilMs = 0;
  readonly stats = new CallStats();
  /** Calls under way here from this gateway, streams aside. */
  calls = 0;
  streams = 0;
  /** Calls whose answers nobody waits for, oldest first, with what ends them. */
  readonly #abandoned = new Map<object, () => void>();
  readonly windows: WindowCounts[] = [];
  /** The window used last: the same caller and generation mostly come again. */
  #last: WindowCounts | undefined;

  constructor(entry: Endpoint, revision: string, service: string) {
    this.instance = entry.instance;
    this.revision = revision;
    this.service = service;
    this.host = entry.host;
    this.address = entry.address;
    this.ports = entry.ports;
    this.isReady = entry.ready;
    this.isUnanswered = entry.isUnanswered === true;
    this.isLeaving = entry.isLeaving === true;
    this.upTo = entry.upTo;
  }

  /** True if `entry` is this instance at this place. */
  isSame(entry: Endpoint): boolean {
    const names = Object.keys(this.ports);
    return (
      entry.address === this.address &&
      entry.host === this.host &&
      names.length === Object.keys(entry.ports).length &&
      names.every((name) => entry.ports[name] === this.ports[name])
    );
  }

  /** `evict` ends `call`, when its place is needed. */
  abandon(call: object, evict: () => void): void {
    this.#abandoned.set(call, evict);
  }

  /** `call` is over, or goes on elsewhere. */
  left(call: object): void {
    if (this.#abandoned.size > 0) this.#abandoned.delete(call);
  }

  /** Ends the oldest call for whose answer nobody waits; false: there is none. */
  evict(): boolean {
    for (const [call, evict] of this.#abandoned) {
      this.#abandoned.delete(call);
      evict();
      return true;
    }
    return false;
  }

  window(caller: string, generation: number): WindowCounts {
    const last = this.#last;
    if (last !== undefined && last.caller === caller && last.generation === generation) return last;
    let window = this.windows.find((one) => one.caller === caller && one.generation === generation);
    if (window === undefined) {
      window = new WindowCounts(caller, generation, this);
      this.windows.push(window);
    }
    this.#last = window;
    return window;
  }

  /** Forgets windows without calls. */
  sweepWindows(): void {
    for (let index = this.windows.length - 1; index >= 0; index--) {
      const window = this.windows[index] as WindowCounts;
      if (window.inFlight > 0 || window.calls > 0) continue;
      this.windows.splice(index, 1);
      if (this.#last === window) this.#last = undefined;
    }
  }
}

/** What a call needs, and how much of it an instance has: `max` calls, or streams, under way. */
export interface Room {
  readonly isStream: boolean;
  readonly max: number;
}

export function hasRoom(endpoint: EndpointState, room: Room): boolean {
  return (room.isStream ? endpoint.streams : endpoint.calls) < room.max;
}

/** One revision with its instances, and what chooses among them. */
export class RevisionState {
  readonly name: string;
  readonly service: string;
  readonly version: string;
  /** Services that it may call; `undefined`: any. */
  readonly calls: ReadonlySet<string> | undefined;
  /** See `RevisionEntry`. */
  readonly streamsEndAfterMs: number | undefined;
  readonly endpoints: readonly EndpointState[];
  /** Instances that are ready, and to which this gateway has a way. */
  readonly readyCount: number;
  #callable: readonly EndpointState[] = [];
  #hasFence = false;
  #downUntilMs = 0;
  #balancer: Balancer = createBalancer("roundRobin");
  /** Labelled calls to it since the report before. */
  labelledIn = 0;

  /** `former` hands over its instances and what it has counted. `isReachable` says to which instances this gateway has a way. */
  constructor(name: string, entry: RevisionEntry, former: RevisionState | undefined, isReachable: (endpoint: Endpoint) => boolean) {
    this.name = name;
    this.service = entry.service;
    this.version = entry.version;
    this.calls = entry.calls === undefined ? undefined : new Set(entry.calls);
    this.streamsEndAfterMs = entry.streamsEndAfterMs;
    const known = new Map(former?.endpoints.map((one) => [one.instance, one]));
    this.endpoints = entry.endpoints.map((one) => {
      const same = known.get(one.instance);
      if (same === undefined || !same.isSame(one)) return new EndpointState(one, name, entry.service);
      known.delete(one.instance);
      same.isReady = one.ready;
      same.isUnanswered = one.isUnanswered === true;
      same.isLeaving = one.isLeaving === true;
      same.upTo = one.upTo;
      return same;
    });
    for (const gone of known.values()) gone.isGone = true;
    const reachable = this.endpoints.filter((_, index) => isReachable(entry.endpoints[index] as Endpoint));
    this.#callable = reachable.filter((one) => one.isReady);
    this.readyCount = this.#callable.length;
    // Where all have too much to do, late answers are better than none.
    if (this.readyCount === 0) this.#callable = reachable.filter((one) => one.isUnanswered);
    this.#hasFence = this.#callable.some((one) => one.upTo !== undefined);
    if (former === undefined) return;
    this.labelledIn = former.labelledIn;
    this.#balancer = former.#balancer;
    this.#downUntilMs = former.#downUntilMs;
  }

  /** True if there is an instance to call, be it one that is not ready. */
  get isCallable(): boolean {
    return this.#callable.length > 0;
  }

  /** An instance for a call of `generation`; `undefined` if there is none to call, `full` if each has as many calls as it may have. Those in `tried` come only where there is no other. */
  choose(options: {
    readonly generation: number;
    readonly algorithm: Balancer["algorithm"];
    readonly tried: readonly EndpointState[] | undefined;
    readonly nowMs: number;
    readonly random: Random;
    readonly room: Room;
  }): EndpointState | "full" | undefined {
    const { generation, algorithm, tried, nowMs, random, room } = options;
    let candidates = this.#callable;
    if (this.#hasFence) candidates = candidates.filter((one) => one.upTo === undefined || generation <= one.upTo);
    if (candidates.length === 0) return undefined;
    if (candidates.some((one) => !hasRoom(one, room))) {
      const free = candidates.filter((one) => hasRoom(one, room));
      if (free.length > 0) candidates = free;
      else if (room.isStream || !candidates.some((one) => one.evict())) return "full";
      else return this.choose(options);
    }
    if (tried !== undefined) candidates = preferred(candidates, (one) => !tried.includes(one));
    if (nowMs < this.#downUntilMs) candidates = preferred(candidates, (one) => one.downUntilMs <= nowMs);
    if (this.#balancer.algorithm !== algorithm) this.#balancer = createBalancer(algorithm);
    return candidates.length === 1 ? candidates[0] : candidates[this.#balancer.choose(candidates, nowMs, random)];
  }

  /** Leaves `endpoint` alone until then, as long as there are others. */
  avoid(endpoint: EndpointState, untilMs: number): void {
    endpoint.downUntilMs = untilMs;
    this.#downUntilMs = Math.max(this.#downUntilMs, untilMs);
  }

  /** How the next choice would fall, and why. */
  explain(nowMs: number): ReturnType<Balancer["explain"]> {
    return this.#callable.length === 0 ? [] : this.#balancer.explain(this.#callable, nowMs);
  }
}

function preferred(list: readonly EndpointState[], test: (one: EndpointState) => boolean): readonly EndpointState[] {
  const chosen = list.filter(test);
  return chosen.length === 0 ? list : chosen;
}
