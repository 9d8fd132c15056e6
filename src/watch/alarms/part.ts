import { OrreryError } from "#/base/index.ts";
import { alarm, alarmChannel, alarmRule, maintenance } from "#/model/index.ts";
import { type CentrePart, declareController, partKind } from "#/state/reconcile/index.ts";
import type { ObjectKey, Store } from "#/state/store/index.ts";
import { SERIES } from "#/watch/series/index.ts";
import { TRAP_FEED, TRAP_HOME } from "#/watch/snmp/index.ts";
import { isHistory } from "./book.ts";
import { ALARM_FACTS, PLATFORM_SIGHT } from "./contract.ts";
import type { Send } from "./delivery/sender.ts";
import { operateAlarms } from "./desk.ts";
import { ALARM_READS } from "./kinds.ts";
import { readAlerts } from "./taken-alerts.ts";
import { AlarmWatcher } from "./watcher.ts";

/** Told by `send`; default: as each channel says. */
const alarmController = (send: Send | undefined) =>
  declareController({
    name: "alarm-controller",
    reads: ALARM_READS,
    writes: [alarm, alarmRule, alarmChannel, maintenance],
    mayUse: [SERIES, PLATFORM_SIGHT, TRAP_FEED, TRAP_HOME],
    gives: [ALARM_FACTS],
    start({ store, caches, board, clock, random, log, signal, give, find }) {
      const watcher = new AlarmWatcher({
        store,
        copies: caches,
        board,
        series: find(SERIES),
        sight: find(PLATFORM_SIGHT),
        traps: find(TRAP_FEED),
        trapHome: find(TRAP_HOME),
        clock,
        random,
        log,
        signal,
        ...(send !== undefined && { send }),
      });
      give(ALARM_FACTS, watcher.facts);
      watcher.start();
      const desk = { book: watcher.book, stored: (name: string) => watcher.stored(name), enqueue: (name: string) => watcher.enqueue(name), clock };
      return {
        run: async (signal) => {
          await Promise.all(watcher.controllers.map((one) => one.run(signal)));
        },
        stop: async () => watcher.stop(),
        get unexpected() {
          return watcher.controllers.reduce((sum, one) => sum + one.unexpected, 0);
        },
        metrics: () => watcher.metrics(),
        paths: [
          { path: "/alarms/figures", method: "GET", serve: async () => watcher.figures() },
          { path: "/alarms/operate", method: "POST", isByObject: true, serve: ({ body, caller }) => operateAlarms(body, caller, desk) },
          {
            path: "/api/v2/alerts",
            method: "POST",
            serve: async ({ body }) => {
              watcher.take(readAlerts(body, clock.now()));
              return {};
            },
          },
        ],
      };
    },
  });

/** One that a person still has to look at does not disappear silently.
 *  @throws store/immutable */
async function checkAlarms(store: Store, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  for (const key of keys) {
    const one = await store.get(alarm, key);
    if (one !== undefined && !isHistory(one))
      throw new OrreryError(
        "store/immutable",
        `alarm ${key.name} is not over: an alarm does not disappear silently; close it: orrery alarms close ${key.name} -m WHY`,
      );
  }
  return [];
}

/** What is not as it should be, and what people say to it. `send`: tells channels; default as each says. */
export function alarmsPartWith(send?: Send): CentrePart {
  return {
    name: "alarms",
    description: "What is not as it should be, what operators say to it, and who is told.",
    kinds: [partKind(alarmRule), partKind(alarmChannel), partKind(maintenance), partKind(alarm, { checkDeletion: checkAlarms })],
    controllers: [alarmController(send)],
  };
}

export const alarmsPart: CentrePart = alarmsPartWith();
