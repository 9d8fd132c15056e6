import { type Clock, describeError, type Log, type Random, sleep } from "#/base/index.ts";
import { alarm, gateway, instance, type Kind, microservice } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

/** What an instance uses, as its host's agent told. */
export interface InstanceFigures {
  readonly cpuPercent?: number;
  readonly memoryBytes?: number;
  readonly openFiles?: number;
  readonly processes?: number;
}

/** Calls of the last minute to one service or instance. */
export interface CallFigures {
  readonly calls: number;
  readonly errors: number;
  readonly timeSumMs: number;
}

/** Figures of one moment; what is not there nobody has told. */
export interface SiteFigures {
  readonly instances: ReadonlyMap<string, InstanceFigures>;
  readonly callsOfServices: ReadonlyMap<string, CallFigures>;
  readonly callsOfInstances: ReadonlyMap<string, CallFigures>;
}

/** How often it is looked whether a kind is served. */
const NOT_SERVED_LOOK_MS = 2_000;

/** Copies of what this agent tells of the site, and figures that are asked for at each interval. While the centre does not answer they are no longer told. */
export class SiteView {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #client: Client;
  readonly services: Reflector<typeof microservice>;
  readonly instances: Reflector<typeof instance>;
  readonly gateways: Reflector<typeof gateway>;
  readonly alarms: Reflector<typeof alarm>;
  #figures: SiteFigures | undefined;
  #answeredMs: number | undefined;
  #version = 0;

  constructor({
    client,
    store,
    clock,
    random,
    log,
  }: { readonly client: Client; readonly store: Store; readonly clock: Clock; readonly random: Random; readonly log: Log }) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    const more = { store, clock, random, log };
    this.services = new Reflector({ ...more, kind: microservice });
    this.instances = new Reflector({ ...more, kind: instance });
    this.gateways = new Reflector({ ...more, kind: gateway });
    this.alarms = new Reflector({ ...more, kind: alarm });
    for (const one of [this.services, this.instances, this.gateways, this.alarms] as readonly Pick<Reflector<typeof microservice>, "listen">[])
      one.listen(() => {
        this.#version += 1;
      });
  }

  /** Goes up when something is another than before. */
  get version(): number {
    return this.#version;
  }

  /** Milliseconds since the centre answered last; `undefined`: never. */
  get silentMs(): number | undefined {
    return this.#answeredMs === undefined ? undefined : this.#clock.monotonic() - this.#answeredMs;
  }

  get figures(): SiteFigures | undefined {
    return this.#figures;
  }

  /** Keeps it until `signal` aborts; `intervalMs` is asked before each round. */
  async run(intervalMs: () => number, signal: AbortSignal): Promise<void> {
    const copies = [this.services, this.instances, this.gateways].map((one) => one.run(signal));
    copies.push(runServed(this.alarms, this.#client, this.#clock, signal));
    while (!signal.aborted) {
      await this.#collect(signal);
      await sleep(this.#clock, intervalMs(), signal).catch(() => undefined);
    }
    await Promise.all(copies);
  }

  async #collect(signal: AbortSignal): Promise<void> {
    try {
      const [uses, calls] = await Promise.all(["instances", "calls"].map((topic) => this.#load(topic, signal)));
      this.#answeredMs = this.#clock.monotonic();
      this.#figures = {
        instances: new Map((uses ?? []).map(({ key, value }) => [key, value as InstanceFigures])),
        callsOfServices: sumBy(calls ?? [], "service"),
        callsOfInstances: sumBy(calls ?? [], "instance"),
      };
    } catch (error) {
      if (signal.aborted) return;
      this.#log.debug("the centre tells no figures now", { error: describeError(error) });
      // What was is no longer what is.
      this.#figures = undefined;
    }
    this.#version += 1;
  }

  async #load(topic: string, signal: AbortSignal): Promise<readonly LiveEntry[]> {
    return ((await this.#client.request({ path: `/live/${topic}`, signal })).body as { readonly items: readonly LiveEntry[] }).items;
  }
}

/** Keeps a copy from when the site serves its kind: it may do without the part. */
export async function runServed<K extends Kind>(copy: Reflector<K>, client: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  const { group, plural } = copy.kind;
  while (!signal.aborted) {
    try {
      await client.request({ path: `/apis/${group}/v1/${plural}`, query: { limit: "1" }, signal });
      return await copy.run(signal);
    } catch {
      await sleep(clock, NOT_SERVED_LOOK_MS, signal).catch(() => undefined);
    }
  }
}

interface LiveEntry {
  readonly key: string;
  readonly value: unknown;
}

function sumBy(entries: readonly LiveEntry[], part: "service" | "instance"): Map<string, CallFigures> {
  const sums = new Map<string, CallFigures>();
  for (const { value } of entries) {
    const { calls = 0, errors = 0, timeSumMs = 0, ...of } = value as Partial<CallFigures> & { readonly service?: string; readonly instance?: string };
    const key = of[part] ?? "";
    const sum = sums.get(key) ?? { calls: 0, errors: 0, timeSumMs: 0 };
    sums.set(key, { calls: sum.calls + calls, errors: sum.errors + errors, timeSumMs: sum.timeSumMs + timeSumMs });
  }
  return sums;
}
