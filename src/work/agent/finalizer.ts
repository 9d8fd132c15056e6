import { backoffDelayMs, describeError, isOrreryError, sleep } from "#/base/index.ts";
import { INSTANCE_FINALIZER, type Instance, instance, TRAFFIC_FINALIZER } from "#/model/index.ts";
import type { RunnerContext } from "./runner.ts";

const BACKOFF = { firstMs: 100, maxMs: 5000 };

/** True if the process must be stopped: the object is being deleted, and no gateway sends it calls any more. */
export function isToBeStopped(one: Instance): boolean {
  return one.metadata.deletionTimestamp !== undefined && one.metadata.finalizers?.includes(TRAFFIC_FINALIZER) !== true;
}

/** Lets the store delete the Instance, as nothing of it runs. Tries until it is done or the agent ends. */
export async function letGo(
  one: Instance,
  { store, clock, random, log, signal }: Pick<RunnerContext, "store" | "clock" | "random" | "log" | "signal">,
): Promise<void> {
  const { name, namespace, uid } = one.metadata;
  const key = namespace === undefined ? { name } : { name, namespace };
  for (let failures = 0; !signal.aborted; ) {
    try {
      const present = await store.get(instance, key);
      if (present === undefined || present.metadata.uid !== uid || present.metadata.finalizers?.includes(INSTANCE_FINALIZER) !== true) return;
      // The store was put back to a time when it was wanted.
      if (present.metadata.deletionTimestamp === undefined) return;
      const finalizers = present.metadata.finalizers.filter((finalizer) => finalizer !== INSTANCE_FINALIZER);
      await store.patch(
        instance,
        key,
        { type: "merge", body: { metadata: { resourceVersion: present.metadata.resourceVersion, finalizers } } },
        { fieldManager: "orrery-agent" },
      );
      return;
    } catch (error) {
      if (isOrreryError(error, "store/missing")) return;
      if (++failures === 3) log.warn(`cannot let go of ${name}: ${describeError(error)}; it is tried again`, { instance: name });
      await sleep(clock, backoffDelayMs(BACKOFF, failures, random), signal).catch(() => {});
    }
  }
}
