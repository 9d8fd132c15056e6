import { isOrreryError, OrreryError } from "#/base/index.ts";
import { type Duty, INSTANCE_FINALIZER, type Instance, TRAFFIC_FINALIZER, timestamp } from "#/model/index.ts";
import { rivalOf, type Sharer, statusInput } from "#/work/agent/core/index.ts";
import { Cache } from "./cache.ts";
import type { Dice } from "./dice.ts";
import { Program, type Routine } from "./program.ts";
import { ServiceProcess, type ServiceSurroundings } from "./service-process.ts";
import type { Setting } from "./setting.ts";
import { Worker } from "./worker.ts";

/** How often the connection breaks on which an agent writes, and how late what was on it may be carried out. */
const BREAK_SHARE = 0.05;
const LATE_MS = 400;
/** What nobody knows any more ends within. */
const LEAVING_MS = 400;
/** First of the ports that an agent gives to instances. */
const PORT_FIRST = 20_000;

/** What an agent keeps for one Instance object, through all restarts of its process. */
interface Slot {
  readonly uid: string;
  /** Its object as it was made. */
  readonly made: Instance;
  readonly port: number;
  readonly address: string;
  process: ServiceProcess | undefined;
  isReady: boolean;
  /** Since when it is ready without a break, as far as its agent has seen. */
  steadySinceMs: number | undefined;
  /** It has answered a check since it was started. */
  hasAnswered: boolean;
  /** Stopped since its object was deleted. */
  isOver: boolean;
  /** What its file says that it may do. */
  duty: Duty;
}

/** The agent of a host: starts what Instances say, tells when it is ready, starts it again when it dies, stops it when the traffic finalizer is gone, and gives its port away as soon as the object is gone. */
export class HostAgent {
  readonly #setting: Setting;
  readonly #surroundings: ServiceSurroundings;
  readonly host: string;
  readonly #dice: Dice;
  readonly #program: Program;
  readonly #instances: Cache<"Instance">;
  readonly #slots = new Map<string, Slot>();
  /** Those whose objects are gone, while they end. */
  readonly #leaving = new Set<Slot>();
  /** The port freed last is given first: the worst for whoever still knows its former owner. */
  readonly #freePorts: number[];
  readonly #listening = new Map<number, ServiceProcess>();
  readonly #worker: Worker;
  #addresses = 0;
  /** Until then no check is answered in time. */
  #starvedUntilMs = 0;

  constructor(setting: Setting, surroundings: ServiceSurroundings, host: string, dice: Dice) {
    this.#setting = setting;
    this.#surroundings = surroundings;
    this.host = host;
    this.#dice = dice;
    this.#program = new Program(setting.scheduler, `agent of ${host}`);
    this.#freePorts = Array.from({ length: setting.scenario.portsPerHost }, (_, index) => PORT_FIRST + index);
    this.#worker = new Worker(this.#program, (name) => this.#reconcile(name));
    const { store, scheduler, scenario } = setting;
    this.#instances = new Cache({
      kind: "Instance",
      store,
      scheduler,
      program: this.#program,
      lagMs: () => dice.between(0.1, scenario.lagMaxMs),
      relistMs: () => dice.between(0, 300),
    });
    this.#instances.listen((before, after) => {
      const one = after ?? before;
      if (one?.spec.host === host) this.#worker.enqueue(one.metadata.name);
    });
  }

  listenerAt(port: number): ServiceProcess | undefined {
    return this.#listening.get(port);
  }

  /** Who knows a port of a time before the store was put back is asked by nobody; then all that helps is that agents let ports rest for a while. */
  get #doPortsRest(): boolean {
    return this.#setting.judge.era > 0 || this.#setting.scenario.faults.some((one) => one.what === "put-back" && one.how === "copied");
  }

  get processes(): readonly ServiceProcess[] {
    return [...this.#listening.values()];
  }

  *#reconcile(name: string): Routine<number | undefined> {
    const one = this.#instances.get(name);
    const slot = this.#slots.get(name);
    if (slot !== undefined && one?.metadata.uid !== slot.uid) {
      // The object is gone, and with it the quarantine of its address.
      this.#slots.delete(name);
      if (slot.process !== undefined) this.#end(name, slot);
      const isAtRest = this.#doPortsRest;
      if (!isAtRest) this.#freePorts.push(slot.port);
      this.#setting.judge.note(() => `port ${slot.port} of ${name} is ${isAtRest ? "at rest" : "free"}`);
    }
    if (one === undefined) return undefined;
    if (one.metadata.deletionTimestamp !== undefined) return yield* this.#stop(one);
    if (slot?.isOver === true && slot.uid === one.metadata.uid) {
      // The store was put back to a time when it was wanted.
      slot.isOver = false;
      this.#startProcess(one, slot, 0);
    }
    if (this.#slots.get(name) === undefined && !this.#begin(one)) return 15;
    return yield* this.#tell(name);
  }

  #begin(one: Instance): boolean {
    const port = this.#freePorts.pop();
    if (port === undefined) return false;
    const number = ++this.#addresses;
    const slot: Slot = {
      uid: one.metadata.uid,
      made: one,
      port,
      address: `127.16.${number >> 8}.${number & 255}`,
      process: undefined,
      isReady: false,
      steadySinceMs: undefined,
      hasAnswered: false,
      isOver: false,
      duty: one.spec.duty,
    };
    this.#slots.set(one.metadata.name, slot);
    this.#startProcess(one, slot, 0);
    return true;
  }

  #startProcess(one: Instance, slot: Slot, afterMs: number): void {
    const revision = one.spec.revision ?? "";
    const { minMs, maxMs, isNever, isFlapping } = this.#setting.scenario.starts[revision] ?? { minMs: 20, maxMs: 150 };
    this.#program.after(afterMs + this.#dice.between(minMs, maxMs), () => {
      const current = this.#instances.get(one.metadata.name);
      const isWanted = current?.metadata.uid === slot.uid && (current.metadata.finalizers?.includes(TRAFFIC_FINALIZER) ?? false);
      if (isNever === true || slot.process !== undefined || !isWanted || this.#slots.get(one.metadata.name) !== slot) return;
      slot.duty = this.#dutyOf(current, slot);
      const process = new ServiceProcess({
        setting: this.#setting,
        surroundings: this.#surroundings,
        instance: one.metadata.name,
        host: this.host,
        service: one.spec.service ?? "",
        revision,
        port: slot.port,
        callerAddress: slot.address,
        duty: slot.duty,
      });
      const other = this.#listening.get(slot.port);
      if (other !== undefined) this.#setting.judge.violate("X", `port ${slot.port} was given to ${one.metadata.name} and ${other.instance}`);
      slot.process = process;
      slot.isReady = true;
      slot.hasAnswered = false;
      this.#listening.set(slot.port, process);
      this.#setting.rules.started(process);
      this.#setting.judge.note(() => `${one.metadata.name} listens on port ${slot.port}`);
      if (isFlapping === true) this.#program.after(this.#dice.between(0, 0.9 * this.#setting.scenario.minReadyMs), () => this.crash(process, 20));
      this.#worker.enqueue(one.metadata.name);
    });
  }

  *#tell(name: string): Routine<number | undefined> {
    const one = this.#instances.get(name);
    const slot = this.#slots.get(name);
    if (one === undefined || slot === undefined) return undefined;
    const isReady = slot.isReady && !this.#isStarved;
    slot.hasAnswered = slot.isReady && (slot.hasAnswered || !this.#isStarved);
    const isUnanswered = slot.hasAnswered && this.#isStarved;
    const { minReadyMs } = this.#setting.scenario;
    slot.steadySinceMs = isReady ? (slot.steadySinceMs ?? this.#setting.scheduler.elapsedMs) : undefined;
    const provenInMs = slot.steadySinceMs === undefined ? undefined : slot.steadySinceMs + minReadyMs - this.#setting.scheduler.elapsedMs;
    const isAvailable = provenInMs !== undefined && provenInMs <= 0;
    const duty = this.#dutyOf(one, slot);
    if (slot.duty !== duty) {
      slot.duty = duty;
      slot.process?.tell(duty);
    }
    const provenMs = isAvailable ? undefined : provenInMs;
    const againMs = duty === one.spec.duty ? provenMs : 5;
    if (
      one.status?.ready === isReady &&
      (one.status.available === true) === isAvailable &&
      (one.status.unanswered === true) === isUnanswered &&
      one.status.duty === slot.duty
    )
      return againMs;
    const at = timestamp(this.#program.now());
    const status: Instance["status"] = {
      phase: isReady ? "Running" : "Starting",
      ready: isReady,
      ...(isAvailable ? { available: true } : {}),
      ...(isUnanswered ? { unanswered: true } : {}),
      duty: slot.duty,
      ports: { http: slot.port },
      callerAddress: slot.address,
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
    yield* this.#writeStatus(one, status);
    return (slot.isReady && !this.#isStarved) === isReady ? againMs : 1;
  }

  /** What it may be told now. */
  #dutyOf(one: Instance, slot: Slot): Duty {
    if (slot.process !== undefined && slot.duty !== "passive") return one.spec.duty;
    const rival = rivalOf(one, this.#sharers());
    if (rival === undefined) return one.spec.duty;
    this.#setting.rules.rival(one, rival.instance);
    return "passive";
  }

  *#sharers(): Iterable<Sharer> {
    for (const { made, process, duty } of [...this.#slots.values(), ...this.#leaving])
      yield { instance: made, mayUse: process !== undefined && duty !== "passive" };
  }

  *#stop(one: Instance): Routine<number | undefined> {
    const { name, uid, resourceVersion, finalizers = [] } = one.metadata;
    if (finalizers.includes(TRAFFIC_FINALIZER) || !finalizers.includes(INSTANCE_FINALIZER)) return undefined;
    const slot = this.#slots.get(name);
    if (slot !== undefined) slot.isOver = true;
    if (slot?.process !== undefined) {
      const { process } = slot;
      yield this.#dice.between(0, 20);
      if (process.isAlive) process.stop();
      slot.process = undefined;
      slot.isReady = false;
      this.#listening.delete(slot.port);
      this.#setting.rules.stopped(one);
      yield this.#dice.between(0, 30);
    }
    const left = finalizers.filter((finalizer) => finalizer !== INSTANCE_FINALIZER);
    yield* this.#write(() => this.#setting.store.update("Instance", { metadata: { name, uid, resourceVersion, finalizers: left } }, "spec"));
    return undefined;
  }

  *#writeStatus(seen: Instance, status: Instance["status"]): Routine {
    const { store } = this.#setting;
    try {
      yield* this.#write(() => store.update("Instance", statusInput(seen, status), "status"));
    } catch (error) {
      if (!isOrreryError(error, "store/conflict")) throw error;
      const present = yield* store.request(() => store.get("Instance", seen.metadata.name));
      if (present === undefined || present.metadata.uid !== seen.metadata.uid) throw error;
      yield* this.#write(() => store.update("Instance", statusInput(present, status), "status"));
    }
  }

  /** A request over a connection that may break meanwhile: then it was carried out, or not, or is later, when it has been made again; nobody here knows. */
  *#write(act: () => unknown): Routine {
    const { store, scenario, judge } = this.#setting;
    const how = scenario.faults.length > 0 && this.#dice.chance(BREAK_SHARE) ? this.#dice.pick(["lost", "unanswered", "late"] as const) : "answered";
    if (how === "answered") return void (yield* store.request(act));
    if (how === "unanswered") yield* store.request(act);
    if (how === "late") this.#program.spawn(this.#carryOutLate(act, judge.era));
    if (how !== "lost") judge.tally.repeated++;
    yield this.#dice.between(1, 60);
    throw new OrreryError("client/unavailable", "the connection was lost before the answer", { retry: "backoff" });
  }

  *#carryOutLate(act: () => unknown, era: number): Routine {
    yield this.#dice.between(1, LATE_MS);
    try {
      if (era === this.#setting.judge.era) yield* this.#setting.store.request(act);
    } catch (error) {
      if (!isOrreryError(error)) throw error;
    }
  }

  askBusy(instance: string): "busy" | "idle" | "unknown" {
    if (this.#program.isPaused) return "unknown";
    return this.#slots.get(instance)?.process?.isBusy === true ? "busy" : "idle";
  }

  /** The centre has no such object any more: it is ended, which takes a while. */
  #end(name: string, slot: Slot): void {
    this.#setting.judge.note(() => `${name} is known to nobody any more`);
    this.#leaving.add(slot);
    this.#program.after(this.#dice.between(0, LEAVING_MS), () => {
      const { process } = slot;
      // Where nobody knows that the store was put back, gateways may still send calls there.
      if (process?.isAlive === true && this.#setting.excuses.isUnaware) process.lose();
      else if (process?.isAlive === true) process.stop();
      slot.process = undefined;
      this.#leaving.delete(slot);
      this.#listening.delete(slot.port);
    });
  }

  /** It does nothing and hears nothing; what it has started goes on. */
  pause(): void {
    this.#program.pause();
  }

  resume(): void {
    this.#setting.judge.note(() => `${this.#program.name} goes on`);
    this.#program.resume();
  }

  /** The checks of instances are not answered in time for so long. */
  starve(forMs: number): void {
    const askAll = (): void => {
      for (const name of this.#slots.keys()) this.#worker.enqueue(name);
    };
    this.#starvedUntilMs = this.#setting.scheduler.elapsedMs + forMs;
    this.#setting.judge.note(() => `${this.host} has too much to do`);
    askAll();
    this.#setting.scheduler.after(forMs, askAll);
  }

  get #isStarved(): boolean {
    return this.#setting.scheduler.elapsedMs < this.#starvedUntilMs;
  }

  /** All that runs here is stopped, and starts again after `forMs`. */
  stopAll(forMs: number): void {
    for (const [name, slot] of this.#slots) {
      const one = this.#instances.get(name);
      const { process } = slot;
      if (process === undefined) continue;
      if (process.isAlive) process.stop();
      slot.process = undefined;
      slot.isReady = false;
      this.#listening.delete(slot.port);
      if (one !== undefined) this.#startProcess(one, slot, forMs);
    }
  }

  /** The process of an instance dies by itself; the agent notices and starts it again. */
  crash(process: ServiceProcess, forMs: number): void {
    const slot = this.#slots.get(process.instance);
    const one = this.#instances.get(process.instance);
    if (slot === undefined || slot.process !== process || one === undefined) return;
    this.#setting.judge.crashed.add(`${this.host}/${process.revision}`);
    process.crash();
    slot.process = undefined;
    slot.steadySinceMs = undefined;
    this.#listening.delete(slot.port);
    this.#program.after(this.#dice.between(1, 20), () => {
      slot.isReady = slot.process !== undefined;
      this.#worker.enqueue(process.instance);
    });
    this.#startProcess(one, slot, forMs);
  }
}
