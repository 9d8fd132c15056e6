import { type Clock, isOrreryError, type Log, type Random } from "#/base/index.ts";
import { API_VERSION, host, INSTANCE_FINALIZER, type Instance, instance, TRAFFIC_FINALIZER, timestamp } from "#/model/index.ts";
import { Controller, objectKey, type ReconcileResult, Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

export interface SimulatedAgentOptions {
  readonly store: Store;
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How long a process takes to become ready; `undefined`: it never does. */
  readonly startMs: (instance: Instance) => number | undefined;
}

/** An agent without processes: Instances of its host become ready after a while, and go when they are deleted, by the same finalizers and status as the real one. For benchmarks and tests of everything above the agent. */
export class SimulatedAgent {
  readonly #options: SimulatedAgentOptions;
  readonly #reflector: Reflector<typeof instance>;
  readonly #controller: Controller;
  readonly #startedMs = new Map<string, number>();
  #nextPort = 20_000;

  constructor(options: SimulatedAgentOptions) {
    this.#options = options;
    const { store, clock, random, log } = options;
    this.#reflector = new Reflector({ store, kind: instance, clock, random, log, selection: { fieldSelector: `spec.host=${options.host}` } });
    this.#controller = new Controller({
      name: `agent-${options.host}`,
      clock,
      random,
      log,
      concurrency: 16,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  /** Registers the host and works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    try {
      await store.create(host, { apiVersion: API_VERSION, kind: host.kind, metadata: { name: this.#options.host }, spec: {} });
    } catch (error) {
      if (!isOrreryError(error, "store/exists")) throw error;
    }
    this.#reflector.listen((before, after) => {
      if (after !== undefined) this.#controller.enqueue(objectKey(after));
      else if (before !== undefined) {
        this.#startedMs.delete(before.metadata.uid);
        this.#controller.forget(objectKey(before));
      }
    });
    await Promise.all([this.#reflector.run(signal), this.#controller.run(signal)]);
  }

  async #reconcile(key: string): Promise<ReconcileResult | undefined> {
    const { store, clock, startMs } = this.#options;
    const one = this.#reflector.get(key);
    if (one === undefined) return undefined;
    const { deletionTimestamp, finalizers = [], resourceVersion, uid } = one.metadata;
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(TRAFFIC_FINALIZER) || !finalizers.includes(INSTANCE_FINALIZER)) return undefined;
      await store.patch(instance, one.metadata, {
        type: "merge",
        body: { metadata: { resourceVersion, finalizers: finalizers.filter((name) => name !== INSTANCE_FINALIZER) } },
      });
      return undefined;
    }
    const startedMs = this.#startedMs.get(uid) ?? clock.now();
    this.#startedMs.set(uid, startedMs);
    const needsMs = startMs(one);
    const isReady = needsMs !== undefined && clock.now() >= startedMs + needsMs;
    if (one.status?.ready !== isReady || one.status.duty !== one.spec.duty) await this.#writeStatus(one, isReady);
    return isReady || needsMs === undefined ? undefined : { requeueAfterMs: startedMs + needsMs - clock.now() };
  }

  async #writeStatus(one: Instance, isReady: boolean): Promise<void> {
    const { store, clock, host: name } = this.#options;
    const ports = one.status?.ports ?? Object.fromEntries(one.spec.ports.map((port) => [port.name, this.#nextPort++]));
    const at = timestamp(clock.now());
    const status: Instance["status"] = {
      ...one.status,
      phase: isReady ? "Running" : "Starting",
      ready: isReady,
      available: isReady,
      duty: one.spec.duty,
      ports,
      restarts: 0,
      observedAt: at,
      observedBy: name,
      conditions: [
        {
          type: "Ready",
          status: isReady ? "True" : "False",
          reason: isReady ? "Ready" : "Starting",
          message: isReady ? "ready" : "starting",
          lastTransitionTime: at,
        },
      ],
    };
    await store.update(
      instance,
      { metadata: one.metadata, spec: one.spec, ...(status === undefined ? {} : { status }) },
      { subresource: "status", fieldManager: "orrery-agent" },
    );
  }
}
