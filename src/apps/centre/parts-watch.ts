import type { Clock, Log, Random } from "#/base/index.ts";
import { SITE_NAME, site } from "#/model/index.ts";
import { type CentrePart, Controller, objectKey, Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { chooseParts, tellKept } from "./chosen-parts.ts";

export interface PartsWatchOptions {
  readonly all: readonly CentrePart[];
  /** Those that run. */
  readonly running: readonly CentrePart[];
  readonly store: Store;
  /** Other parts should run than do. */
  readonly onOther: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** So often it is looked whether what keeps a part has gone. */
const LOOK_AGAIN_MS = 30_000;

/** Looks which parts should run at each change of the Site, and now and then while one is kept for its objects; the Site says which are kept. Ends with `signal`. */
export async function watchParts({ all, running, store, onOther, clock, random, log }: PartsWatchOptions, signal: AbortSignal): Promise<void> {
  const reflector = new Reflector({ store, kind: site, clock, random, log, selection: { fieldSelector: `metadata.name=${SITE_NAME}` } });
  const told = new Map<string, string>();
  const controller = new Controller({
    name: "chosen-parts",
    clock,
    random,
    log,
    reconcile: async () => {
      const chosen = await chooseParts(all, store, (await store.get(site, { name: SITE_NAME }))?.spec);
      if (chosen.parts.length !== running.length || chosen.parts.some((part, index) => part !== running[index])) {
        onOther();
        return undefined;
      }
      for (const [name, why] of chosen.kept) if (!told.has(name)) log.warn(`the Site would do without ${name}, which goes on: ${why}`);
      told.clear();
      for (const [name, why] of chosen.kept) told.set(name, why);
      await tellKept(store, chosen, clock.now());
      return chosen.kept.size > 0 ? { requeueAfterMs: LOOK_AGAIN_MS } : undefined;
    },
  });
  reflector.listen((_before, after) => {
    if (after !== undefined) controller.enqueue(objectKey(after));
  });
  await Promise.all([reflector.run(signal), controller.run(signal)]);
}
