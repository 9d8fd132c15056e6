import { API_VERSION, microservice, type Resource, SITE_NAME, type StrategyName, timestamp } from "#/model/index.ts";
import { type GateVerdict, movesOf, type Refusal, readSiteState, type SiteState, type UpdateIntent } from "#/traffic/update/core/index.ts";
import type { RampPlan, Wish } from "./plan.ts";
import type { Stage } from "./stage.ts";

const INTERLOCK = "antenna";

interface Intent {
  readonly name: string;
  readonly service: string;
  readonly ramp: RampPlan | undefined;
  readonly strategy: StrategyName;
  isPaused: boolean;
  isPromoted: boolean;
  isAborted: boolean;
  isTaken: boolean;
  /** What was refused and is asked for once more, and when. */
  readonly again?: { readonly revision: string; readonly atMs: number };
}

/** Whoever applies manifests and Updates. */
export class Person {
  readonly #stage: Stage;
  readonly #intents: Intent[] = [];
  /** Someone has scaled a service or deleted an instance. */
  hasChangedInstances = false;
  /** What the interlock's Resource says. */
  #interlock: "True" | "False" | "Unknown" = "False";

  constructor(stage: Stage) {
    this.#stage = stage;
    stage.store.listen((kind, _, after) => {
      if (kind !== "Site" || after === undefined) return;
      const status = after.status as { generations?: readonly { update?: string }[] } | undefined;
      for (const one of this.#intents) if (status?.generations?.some((generation) => generation.update === one.name) === true) one.isTaken = true;
    });
  }

  createService(name: string, version: string): void {
    const { scenario, store, services } = this.#stage;
    const { streamsEndAfterMs } = scenario;
    const streams = streamsEndAfterMs === undefined ? { streams: "wait" } : { streams: "terminateAfter", terminateAfter: `${streamsEndAfterMs}ms` };
    const drain = services.tellsBusy(name) ? { ...streams, busy: { exec: { command: ["is-busy"] } } } : streams;
    const { isExclusive = false, isInterlocked, calls, way } = services.find(name) ?? {};
    const template = { version, run: { command: ["serve"] }, drain, ...(calls === undefined ? {} : { calls }), ...this.#handover(name, version) };
    const spec = microservice.spec.parse({
      replicas: scenario.replicas * scenario.hosts.length,
      exclusive: isExclusive,
      ...(way === undefined ? {} : { update: { strategy: way } }),
      notDuring: isInterlocked === true ? [{ resource: INTERLOCK, condition: "Passing" }] : [],
      template,
    });
    store.create("Microservice", { metadata: { name }, spec });
  }

  #handover(service: string, version: string): { readonly handover?: "compatible" } {
    return this.#stage.scenario.compatible.includes(`${service}-${version}`) ? { handover: "compatible" } : {};
  }

  /** Does what the scenario says. */
  wish(wish: Wish): void {
    const { store, judge } = this.#stage;
    judge.note(() => `wish: ${JSON.stringify(wish)}`);
    if (wish.what === "template") {
      const one = store.get("Microservice", wish.service);
      if (one === undefined || one.metadata.deletionTimestamp !== undefined || one.spec.template.version === wish.version) return;
      const { ramp, strategy = "consistent" } = wish;
      if (ramp !== undefined || strategy !== "consistent") this.#intend({ service: wish.service, ramp, strategy });
      const { handover: _, ...template } = one.spec.template;
      store.update(
        "Microservice",
        {
          metadata: { name: wish.service },
          spec: { ...one.spec, template: { ...template, version: wish.version, ...this.#handover(wish.service, wish.version) } },
        },
        "spec",
      );
    } else if (wish.what === "delete") store.delete("Microservice", wish.service);
    else if (wish.what === "create") {
      if (store.get("Microservice", wish.service) === undefined) this.createService(wish.service, wish.version);
    } else if (wish.what === "scale") this.#scale(wish.service, wish.replicas);
    else if (wish.what === "interlock") this.#interlock = wish.is;
    else if (wish.what === "delete-instance") this.#deleteInstance(wish.service, wish.index);
    else if (wish.what === "ask-again") this.#askAgain(wish.service);
    else {
      const intent = this.#intents.at(-1);
      if (intent === undefined) return;
      if (wish.what === "pause" || wish.what === "resume") intent.isPaused = wish.what === "pause";
      else if (wish.what === "promote") intent.isPromoted = true;
      else intent.isAborted = true;
    }
  }

  #intend(intent: Pick<Intent, "service" | "ramp" | "strategy" | "again">): void {
    this.#intents.push({ name: `u${this.#intents.length}`, ...intent, isPaused: false, isPromoted: false, isAborted: false, isTaken: false });
  }

  /** An Update to what the template says already, and the site has refused. */
  #askAgain(service: string): void {
    const { store, scheduler } = this.#stage;
    const one = store.get("Microservice", service);
    const refused = readSiteState(store.get("Site", SITE_NAME)?.status)?.refused.find((refusal) => refusal.service === service);
    const revision = `${service}-${one?.spec.template.version}`;
    if (one === undefined || one.metadata.deletionTimestamp !== undefined || refused?.revision !== revision) return;
    this.#intend({ service, ramp: undefined, strategy: "consistent", again: { revision, atMs: scheduler.nowMs } });
  }

  isAskedAgain({ service, revision, at }: Refusal): boolean {
    return this.#intents.some(
      (one) => !one.isTaken && one.service === service && one.again?.revision === revision && one.again.atMs > Date.parse(at),
    );
  }

  #scale(service: string, replicas: number): void {
    const { scenario, store } = this.#stage;
    const one = store.get("Microservice", service);
    if (one === undefined || one.metadata.deletionTimestamp !== undefined) return;
    this.#shakeUnlessSpare(service);
    store.update("Microservice", { metadata: { name: service }, spec: { ...one.spec, replicas: replicas * scenario.hosts.length } }, "spec");
  }

  #deleteInstance(service: string, index: number): void {
    const { store } = this.#stage;
    const running = store
      .list("Instance")
      .filter((one) => one.spec.service === service && one.metadata.deletionTimestamp === undefined && one.status?.ready === true);
    const chosen = running[index % Math.max(1, running.length)];
    if (chosen === undefined) return;
    this.#shakeUnlessSpare(service);
    store.delete("Instance", chosen.metadata.name);
  }

  /** Whoever takes instances away has fewer afterwards; where not all of two are ready, or fewer are wanted already, that may be none. */
  #shakeUnlessSpare(service: string): void {
    this.hasChangedInstances = true;
    const { store, judge } = this.#stage;
    const own = store.list("Instance").filter((one) => one.spec.service === service);
    const wanted = (store.get("Microservice", service)?.spec.replicas ?? 0) / this.#stage.scenario.hosts.length;
    const isMoving = movesOf(readSiteState(store.get("Site", SITE_NAME)?.status), service).length > 0;
    for (const { spec } of own) {
      const group = own.filter((other) => other.spec.revision === spec.revision && other.spec.host === spec.host);
      const ready = group.filter((other) => other.metadata.deletionTimestamp === undefined && other.status?.ready === true);
      if (isMoving || wanted < 2 || ready.length < 2 || ready.length < group.length) judge.crashed.add(`${spec.host}/${spec.revision}`);
    }
  }

  /** Ends what waits for a person. */
  letGo(): void {
    this.#interlock = "False";
    for (const one of this.#intents) {
      one.isPaused = false;
      one.isPromoted ||= !one.isAborted;
    }
  }

  updateFor(services: readonly string[], state: SiteState): UpdateIntent | undefined {
    const found = this.#intents.find(
      (one) => !one.isTaken && services.includes(one.service) && !state.generations.some((open) => open.update === one.name),
    );
    return found === undefined ? undefined : toIntent(found);
  }

  updateNamed(name: string): UpdateIntent | undefined {
    const found = this.#intents.find((one) => one.name === name);
    return found === undefined ? undefined : toIntent(found);
  }

  /** The Resource that forbids updates of interlocked services. */
  resourceOf(name: string): Resource | undefined {
    if (name !== INTERLOCK) return undefined;
    const at = timestamp(this.#stage.scheduler.nowMs);
    const condition = { type: "Passing", status: this.#interlock, reason: "Observed", message: "as observed", lastTransitionTime: at };
    return { apiVersion: API_VERSION, kind: "Resource", metadata: { name }, spec: {}, status: { conditions: [condition] } } as unknown as Resource;
  }

  get isInterlocked(): boolean {
    return this.#interlock !== "False";
  }

  gateOf(state: SiteState, fresh: number): GateVerdict | undefined {
    const name = state.generations.find((one) => one.number === fresh)?.update;
    const gate = this.#intents.find((one) => one.name === name)?.ramp?.gate ?? "none";
    switch (gate) {
      case "none":
        return undefined;
      case "passes":
        return { verdict: "pass", message: "no worse" };
      case "fails":
        return { verdict: "fail", message: "slower" };
      case "undecided":
        return { verdict: "unknown", message: "too few" };
    }
  }
}

function toIntent(one: Intent): UpdateIntent {
  const { name, ramp, strategy, isPaused, isPromoted, isAborted } = one;
  const steps = ramp === undefined ? {} : { ramp: { steps: ramp.steps, ...(ramp.key === undefined ? {} : { key: ramp.key }) } };
  return { name, strategy, isPaused, isPromoted, isAborted, ...steps };
}
