import { readdirSync } from "node:fs";
import { backoffDelayMs, describeError, sleep } from "#/base/index.ts";
import type { Instance } from "#/model/index.ts";
import { isBuiltIn } from "#/work/probes/index.ts";
import { BuiltInProbeRunner } from "./built-in-probe-runner.ts";
import { rivalOf } from "./core/index.ts";
import { InstanceFolder } from "./instance-folder.ts";
import { keepNetwork } from "./network.ts";
import { ProcessRunner } from "./process-runner.ts";
import type { Runner, RunnerContext } from "./runner.ts";
import { volumesOf } from "./volumes.ts";

/** After its start an agent that cannot reach the centre waits this long before it starts anything by its own records: what was deleted meanwhile must not come back for a moment. */
const CENTRE_WAIT_MS = 3000;

const OPEN_BACKOFF = { firstMs: 500, maxMs: 30_000 };

/** All runners of this host, by uid, and the rules that no slot ever has two processes, and no exclusive thing two users. */
export class RunnerSet {
  readonly #context: RunnerContext;
  readonly #runners = new Map<string, Runner>();
  /** True once the centre has been waited for long enough. By its timer alone: a clock that is read beside it may say a moment less, and nobody would look again. */
  #hasWaited = false;
  /** True once the centre's list is known and everything that it does not name has been swept up. */
  #isSynced = false;

  constructor(context: Omit<RunnerContext, "obstacle" | "rival" | "sharer" | "changed">) {
    this.#context = {
      ...context,
      obstacle: (runner) => this.#obstacle(runner),
      rival: ({ instance }) => rivalOf(instance, this.#runners.values()),
      sharer: (runner) => this.#sharer(runner),
      changed: (runner) => this.#changed(runner),
    };
    const waited = (): void => {
      this.#hasWaited = true;
      this.#wakeAll();
    };
    context.clock.after(CENTRE_WAIT_MS, waited, { background: true });
  }

  [Symbol.iterator](): IterableIterator<Runner> {
    return this.#runners.values();
  }

  /** How long `stopAll` may take: they stop at the same time. */
  get stopMs(): number {
    return Math.max(0, ...[...this.#runners.values()].map((runner) => runner.stopMs));
  }

  find(namespace: string, name: string): Runner | undefined {
    let found: Runner | undefined;
    // Of two with the same name the newer one is meant; the older is on its way out.
    for (const runner of this.#runners.values())
      if (runner.instance.metadata.name === name && (runner.instance.metadata.namespace ?? "default") === namespace) found = runner;
    return found;
  }

  has(uid: string): boolean {
    return this.#runners.has(uid);
  }

  /** Takes up what the records on disk tell: adopts what runs. */
  async restore(): Promise<void> {
    const { instancesFolder, log } = this.#context;
    const found: Instance[] = [];
    for (const uid of readdirSync(instancesFolder)) {
      try {
        const folder = new InstanceFolder(instancesFolder, uid);
        const one = folder.readInstance();
        keepNetwork(folder.readNetwork(), this.#context);
        if (one !== undefined) found.push(one);
      } catch (error) {
        log.error(`cannot take up ${uid}: ${describeError(error)}`);
      }
    }
    await Promise.all(found.map((one) => this.#open(one)));
  }

  /** The Instance as the centre has it. */
  put(one: Instance): void {
    const runner = this.#runners.get(one.metadata.uid);
    if (runner === undefined) void this.#open(one);
    else runner.update(one);
  }

  /** The centre has no such Instance any more. */
  forget(uid: string): void {
    this.#runners.get(uid)?.forget();
  }

  synced(): void {
    this.#isSynced = true;
    this.#wakeAll();
  }

  /** True while something runs, or may, that has this volume; `but` is left out. */
  isVolumeUsed(folder: string, but?: Runner): boolean {
    return [...this.#runners.values()].some((one) => one !== but && one.isOccupied && this.#foldersOf(one).includes(folder));
  }

  #sharer(runner: Runner): ReturnType<RunnerContext["sharer"]> {
    const own = this.#foldersOf(runner);
    if (own.length === 0) return undefined;
    for (const other of this.#runners.values()) {
      if (other === runner || !other.isOccupied) continue;
      const folder = this.#foldersOf(other).find((one) => own.includes(one));
      if (folder !== undefined) return { runner: other, folder };
    }
    return undefined;
  }

  #foldersOf({ instance }: Runner): readonly string[] {
    return volumesOf(instance, this.#context.volumesFolder).map(({ folder }) => folder);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
  }

  releaseAll(): void {
    for (const runner of this.#runners.values()) runner.release();
  }

  async #open(one: Instance): Promise<void> {
    const { spec, metadata } = one;
    const isInside = spec.run === undefined && spec.probe !== undefined && isBuiltIn(spec.probe);
    const runner = isInside ? new BuiltInProbeRunner(one, this.#context) : new ProcessRunner(one, this.#context);
    this.#runners.set(metadata.uid, runner);
    for (let failures = 1; !this.#context.signal.aborted; failures++) {
      try {
        await runner.open();
        return this.#changed(runner);
      } catch (error) {
        // Until it is open its slot stays taken: nobody knows what runs there.
        this.#context.log.error(`cannot take up ${metadata.name}: ${describeError(error)}; it is tried again`, {
          instance: metadata.name,
          uid: metadata.uid,
        });
        const { clock, random, signal } = this.#context;
        await sleep(clock, backoffDelayMs(OPEN_BACKOFF, failures, random), signal).catch(() => {});
      }
    }
  }

  #changed(runner: Runner): void {
    const { uid } = runner.instance.metadata;
    if (runner.isOver && this.#runners.get(uid) === runner) {
      this.#runners.delete(uid);
      this.#context.guard.run("instance", () => this.#context.leaving(runner), undefined, runner.instance.metadata.name);
      runner.clean();
      this.#context.forgotten(runner);
    }
    // Later, as a runner may say this in the middle of its own turn.
    queueMicrotask(() => this.#wakeAll());
  }

  /** Something that had to be waited for is over. */
  wake(): void {
    this.#wakeAll();
  }

  #wakeAll(): void {
    if (this.#context.signal.aborted) return;
    for (const runner of this.#runners.values()) this.#context.guard.run("instance", () => runner.wake(), undefined, runner.instance.metadata.name);
  }

  #obstacle(runner: Runner): string | undefined {
    if (!this.#isSynced && !this.#hasWaited) return "waiting for the centre's list of instances";
    const leaving = this.#foldersOf(runner).find((folder) => this.#context.leavingVolumes.has(folder));
    if (leaving !== undefined) return `its volume ${leaving} is being removed`;
    const slot = slotOf(runner.instance);
    for (const other of this.#runners.values()) {
      if (other !== runner && other.isOccupied && slotOf(other.instance) === slot)
        return `the process of ${other.instance.metadata.name} (uid ${other.instance.metadata.uid}), which had this slot before, is not gone yet`;
    }
    return undefined;
  }
}

/** What must never have two processes. */
function slotOf({ metadata, spec }: Instance): string {
  return JSON.stringify([metadata.namespace, spec.revision ?? spec.resource ?? metadata.name, spec.slot]);
}
