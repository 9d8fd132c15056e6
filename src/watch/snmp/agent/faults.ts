import { durationMs, type Instance, type SnmpSettings } from "#/model/index.ts";
import type { KernelFacts } from "./mibs/kernel.ts";

/** A fault that this agent tells by itself: what it is about, and since when it is there. */
export interface Fault {
  readonly kind: "threshold" | "instance";
  readonly name: string;
  /** In words. */
  readonly message: string;
  /** Per cent, of a threshold. */
  readonly value?: number;
}

export interface FaultChange {
  readonly isRaised: boolean;
  readonly fault: Fault;
}

/** Use in per cent by the name of a threshold; what cannot be seen is not there. Of disks the fullest. */
export function usesOf({ cpuPercent, memory, fileSystems }: KernelFacts): ReadonlyMap<string, { readonly percent: number; readonly what: string }> {
  const uses = new Map<string, { readonly percent: number; readonly what: string }>();
  if (cpuPercent !== undefined) uses.set("cpu", { percent: cpuPercent, what: "processors" });
  const share = (total: number, free: number): number => (100 * (total - free)) / total;
  if (memory.totalBytes > 0) uses.set("memory", { percent: share(memory.totalBytes, memory.availableBytes), what: "memory" });
  if (memory.swapTotalBytes > 0) uses.set("swap", { percent: share(memory.swapTotalBytes, memory.swapFreeBytes), what: "swap" });
  for (const { mount, isReadOnly, size } of fileSystems) {
    // A medium that cannot be written to is full by nature.
    if (size === undefined || isReadOnly || size.total - size.free + size.available <= 0) continue;
    const percent = (100 * (size.total - size.free)) / (size.total - size.free + size.available);
    if (percent > (uses.get("disk")?.percent ?? -1)) uses.set("disk", { percent, what: mount });
  }
  return uses;
}

/** What was raised, as it is kept over restarts: `threshold/cpu`, `instance/default/auth-0`. */
export type RaisedFaults = ReadonlyMap<string, Fault>;

/** Watches thresholds with hysteresis and delay, and instances of this host. What cannot be seen raises nothing and clears nothing. */
export class FaultWatch {
  readonly #raised: Map<string, Fault>;
  /** Since when what is on its way has been above its threshold, or below. */
  readonly #since = new Map<string, number>();

  constructor(raised: RaisedFaults) {
    this.#raised = new Map(raised);
  }

  get raised(): RaisedFaults {
    return this.#raised;
  }

  /** Thresholds that are raised, by name. */
  get thresholds(): ReadonlySet<string> {
    return new Set([...this.#raised.values()].filter(({ kind }) => kind === "threshold").map(({ name }) => name));
  }

  lookAtKernel(facts: KernelFacts, thresholds: SnmpSettings["thresholds"], nowMs: number): readonly FaultChange[] {
    const uses = usesOf(facts);
    return thresholds.flatMap(({ name, enabled, raise, clear, delay }) => {
      const key = `threshold/${name}`;
      const known = this.#raised.get(key);
      if (!enabled) return known === undefined ? [] : this.#change(key, false, { ...known, message: `${known.name} is not watched any more` });
      const use = uses.get(name);
      if (use === undefined) return [];
      const isTurning = known === undefined ? use.percent >= raise : use.percent <= clear;
      if (!isTurning) {
        this.#since.delete(key);
        return [];
      }
      const sinceMs = this.#since.get(key) ?? nowMs;
      this.#since.set(key, sinceMs);
      if (nowMs - sinceMs < durationMs(delay)) return [];
      const percent = Math.round(use.percent * 10) / 10;
      const message = `${use.what}: ${percent} % in use, ${known === undefined ? `the threshold is ${raise} %` : `cleared at ${clear} %`}`;
      return this.#change(key, known === undefined, { kind: "threshold", name, message, value: percent });
    });
  }

  /** `after` is missing for one that is gone. */
  lookAtInstance(host: string, before: Instance | undefined, after: Instance | undefined): readonly FaultChange[] {
    const one = after ?? before;
    if (one === undefined || one.spec.host !== host) return [];
    const name = `${one.metadata.namespace}/${one.metadata.name}`;
    const key = `instance/${name}`;
    const known = this.#raised.get(key);
    const phase = after?.status?.phase;
    const isBroken = phase === "Backoff" || phase === "Failed";
    if (known === undefined && isBroken) {
      const exit = after?.status?.lastExit;
      const how =
        exit === undefined ? "" : `; its last process ended ${exit.signal === undefined ? `with status ${exit.code}` : `by ${exit.signal}`}`;
      return this.#change(key, true, {
        kind: "instance",
        name,
        message: `instance ${name} is in ${phase} after ${after?.status?.restarts ?? 0} restarts${how}`,
      });
    }
    if (known !== undefined && (after === undefined || after.status?.ready === true || phase === "Stopped" || phase === "Succeeded"))
      return this.#change(key, false, {
        ...known,
        message: after === undefined ? `instance ${name} is gone` : `instance ${name} is ${phase ?? "well"} again`,
      });
    return [];
  }

  /** What was raised of instances that went while nobody looked is cleared. */
  forgetInstances(isThere: (name: string) => boolean): readonly FaultChange[] {
    return [...this.#raised].flatMap(([key, fault]) =>
      fault.kind === "instance" && !isThere(fault.name) ? this.#change(key, false, { ...fault, message: `instance ${fault.name} is gone` }) : [],
    );
  }

  #change(key: string, isRaised: boolean, fault: Fault): readonly FaultChange[] {
    this.#since.delete(key);
    if (isRaised) this.#raised.set(key, fault);
    else this.#raised.delete(key);
    return [{ isRaised, fault }];
  }
}
