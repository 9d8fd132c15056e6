import type { Clock, Log, Random } from "#/base/index.ts";
import { type Condition, type ConditionInput, host, setCondition } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { setHeard } from "../heard.ts";
import { writeStatus } from "../status-writer.ts";

/** What it looks at. */
export const HOST_READS = { hosts: host };

export interface HostControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof HOST_READS>;
  /** When the host's agent was last heard (Unix ms) and whether it is connected now. */
  readonly agentOf: (host: string) => { readonly isConnected: boolean; readonly lastSeenMs: number; readonly silentSinceMs?: number } | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** An agent that is away no longer than this is only late: restarts and short cuts make no alarm. */
export const HOST_LOST_AFTER_MS = 15_000;

/** Marks hosts whose agent does not answer. Their instances go on; their state is unknown. Key: name. */
export function createHostController(options: HostControllerOptions): Controller {
  const { store, caches, agentOf, clock, random, log } = options;
  const startedMs = clock.now();
  const controller = new Controller({
    name: "host-controller",
    clock,
    random,
    log,
    async reconcile(key) {
      const one = caches.hosts.get(key);
      if (one === undefined) return undefined;
      const agent = agentOf(key);
      const silentMs = clock.now() - (agent?.lastSeenMs ?? startedMs);
      if (agent?.isConnected !== true && silentMs < HOST_LOST_AFTER_MS) return { requeueAfterMs: HOST_LOST_AFTER_MS - silentMs + 1 };
      const condition: ConditionInput =
        agent?.isConnected === true
          ? { type: "Ready", status: "True", reason: "Ready", message: "its agent is connected" }
          : {
              type: "Ready",
              status: "Unknown",
              reason: "AgentLost",
              message: "its agent does not answer: its instances go on, but their state is unknown. Look at the agent's log on that host",
            };
      const former = one.status?.conditions;
      const conditions = [...setHeard(setCondition(former, condition, clock.now()), agent?.silentSinceMs, "agent", clock.now())];
      if ((await writeStatus(store, host, one, { ...one.status, conditions })) && isOtherwise(former, condition)) {
        store.emit({
          kind: host,
          object: one,
          type: condition.status === "True" ? "Normal" : "Warning",
          reason: condition.reason,
          message: condition.message,
          component: "host-controller",
        });
      }
      return undefined;
    },
  });
  const isOtherwise = (former: readonly Condition[] | undefined, { type, status, reason }: ConditionInput): boolean =>
    !former?.some((known) => known.type === type && known.status === status && known.reason === reason);
  caches.hosts.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    else if (after !== undefined) controller.enqueue(objectKey(after));
  });
  return controller;
}
