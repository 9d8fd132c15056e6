import { readFileSync } from "node:fs";
import path from "node:path";
import type { Clock, Log, Random } from "#/base/index.ts";
import { SITE_NAME, site } from "#/model/index.ts";
import { Controller, objectKey, Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { replaceFile } from "#/work/process/index.ts";

/** Whether the site wants a broker on this machine, as its centre has heard last: the supervisor looks there, and goes on without a centre. */
export function readBusWish(data: string): boolean {
  try {
    const wish: unknown = JSON.parse(readFileSync(wishPath(data), "utf8"));
    return typeof wish === "object" && wish !== null && "engine" in wish && wish.engine === "embedded";
  } catch {
    return false;
  }
}

function wishPath(data: string): string {
  return path.join(data, "bus.json");
}

/** Writes down what the Site says of its bus, at each change. Ends with `signal`. */
export async function watchBusWish(
  {
    data,
    store,
    clock,
    random,
    log,
  }: { readonly data: string; readonly store: Store; readonly clock: Clock; readonly random: Random; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  const reflector = new Reflector({ store, kind: site, clock, random, log, selection: { fieldSelector: `metadata.name=${SITE_NAME}` } });
  const controller = new Controller({
    name: "bus-wish",
    clock,
    random,
    log,
    reconcile: async () => {
      const engine = (await store.get(site, { name: SITE_NAME }))?.spec.bus?.engine;
      if (readBusWish(data) === (engine === "embedded")) return undefined;
      replaceFile(wishPath(data), `${JSON.stringify(engine === undefined ? {} : { engine })}\n`);
      log.info(engine === undefined ? "the site has no bus" : "the site has a bus", { engine });
      return undefined;
    },
  });
  reflector.listen((_before, after) => {
    if (after !== undefined) controller.enqueue(objectKey(after));
  });
  await Promise.all([reflector.run(signal), controller.run(signal)]);
}
