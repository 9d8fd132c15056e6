import type { Clock, Log, Random } from "#/base/index.ts";
import {
  API_VERSION,
  type ConditionInput,
  DEFAULT_NAMESPACE,
  durationMs,
  type Gateway,
  gateway,
  route,
  SITE_NAME,
  type Site,
  setCondition,
  site,
  timestamp,
} from "#/model/index.ts";
import { type CachesOf, Controller, objectKey } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { longestTransactionMs } from "#/traffic/update/core/index.ts";
import { setHeard } from "../heard.ts";
import { writeStatus } from "../status-writer.ts";

/** A gateway as its connection tells. */
export interface ConnectedGateway {
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  readonly incarnation: number;
  /** When a start last found the one before ended with calls open, by this centre's clock; absent: never. */
  readonly formerUncleanMs?: number;
  readonly edgeAddress?: string;
  /** True if it has acknowledged the newest table. */
  readonly isCurrent: boolean;
  readonly listenFailures: readonly { readonly address: string; readonly port: number; readonly reason: string }[];
  /** Why it cannot keep a newer table on its disk. */
  readonly tableFailure?: string;
  /** Since when it has said nothing, though it should have (Unix ms). */
  readonly silentSinceMs?: number;
}

/** What it looks at. */
export const GATEWAY_READS = { gateways: gateway, routes: route, sites: site };

export interface GatewayControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof GATEWAY_READS>;
  /** The gateway's connection, if it has one. */
  readonly connectionOf: (name: string) => ConnectedGateway | undefined;
  /** Why the last connection of one that has none has ended; absent: it never had one to this centre. */
  readonly lossOf: (name: string) => string | undefined;
  /** The gateway is connected and registered: it may have the table, if this centre still leads. */
  readonly admit: (name: string) => Promise<void>;
  /** The gateway is registered no longer. */
  readonly dismiss: (name: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Registers gateways that say hello and keeps their status; what is registered is counted on in every drain until it is forgotten (its object deleted). Key: name. */
export function createGatewayController(options: GatewayControllerOptions): Controller {
  const { store, caches, connectionOf, lossOf, admit, dismiss, clock, random, log } = options;
  const leadsSinceMs = clock.now();
  const controller = new Controller({
    name: "gateway-controller",
    clock,
    random,
    log,
    async reconcile(key) {
      const connection = connectionOf(key);
      const one = caches.gateways.get(key);
      if (one === undefined) {
        if (connection === undefined) return undefined;
        await store.create(gateway, {
          apiVersion: API_VERSION,
          kind: gateway.kind,
          metadata: { name: key },
          spec: { host: connection.host, roles: connection.roles },
        });
        return undefined;
      }
      if (connection !== undefined) await admit(key);
      const nowMs = clock.now();
      const awaitedMs = connection === undefined ? awaitedForMs(one, leadsSinceMs, nowMs) : 0;
      if (awaitedMs > 0) return { requeueAfterMs: awaitedMs };
      const former = one.status ?? {};
      const ready = setCondition(former.conditions, readyCondition(key, connection, lossOf(key)), nowMs);
      const conditions = [...setHeard(ready, connection?.silentSinceMs, "gateway", nowMs)];
      const counter = siteOf()?.status?.counter;
      const deadAtMs = connection === undefined ? assumedDeadAtMs(one, siteOf(), leadsSinceMs) : undefined;
      if (deadAtMs !== undefined && nowMs >= deadAtMs) {
        const { uid, resourceVersion } = one.metadata;
        await store.delete(gateway, one.metadata, { preconditions: { uid, resourceVersion } });
        return undefined;
      }
      await writeStatus(store, gateway, one, {
        ...former,
        ...incarnationStatus(former, connection, counter, longestMs()),
        ...(connection?.edgeAddress === undefined ? {} : { edgeAddress: connection.edgeAddress }),
        conditions,
      });
      return deadAtMs === undefined ? undefined : { requeueAfterMs: deadAtMs - nowMs };
    },
  });
  const longestMs = (): number => longestTransactionMs(siteOf()?.spec, caches.routes.values());
  const siteOf = (): Site | undefined => caches.sites.get(`${DEFAULT_NAMESPACE}/${SITE_NAME}`);
  caches.gateways.listen((before, after) => {
    if (after === undefined && before !== undefined) {
      controller.forget(objectKey(before));
      dismiss(before.metadata.name);
      const present = siteOf();
      if (present !== undefined && connectionOf(before.metadata.name) === undefined)
        store.emit({
          kind: site,
          object: present,
          type: "Warning",
          reason: "DeclaredDead",
          message: describeDeath(before, present, clock.now(), leadsSinceMs),
          component: "gateway-controller",
        });
    } else if (after !== undefined) controller.enqueue(objectKey(after));
  });
  return controller;
}

/** A gateway that was well finds a new leader within this; only then its silence says something. */
const AWAITED_MS = 3000;

/** How long a gateway without a connection is not called lost yet: one that was connected when its status was written last, by the leader before, has time to come back. */
export function awaitedForMs({ status }: Gateway, leadsSinceMs: number, nowMs: number): number {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined || ready.reason === "NotConnected" ? 0 : Math.max(0, leadsSinceMs + AWAITED_MS - nowMs);
}

/** When a gateway that is lost counts as dead, where the Site says so; the time runs from when this leader has first missed it: what it was told of before may have changed while nobody led, or come from a backup. */
export function assumedDeadAtMs(one: Gateway, present: Site | undefined, leadsSinceMs: number): number | undefined {
  const afterMs = present?.spec.lostEdge === undefined ? undefined : durationMs(present.spec.lostEdge.assumeDeadAfter);
  const ready = one.status?.conditions?.find(({ type }) => type === "Ready");
  return afterMs === undefined || ready?.reason !== "NotConnected"
    ? undefined
    : Math.max(Date.parse(ready.lastTransitionTime), leadsSinceMs) + afterMs;
}

/** For the history: with a gateway that is dead by somebody's word, and not by proof, what it had in flight is given up. */
function describeDeath(one: Gateway, present: Site, nowMs: number, leadsSinceMs: number): string {
  const { name } = one.metadata;
  const deadAtMs = assumedDeadAtMs(one, present, leadsSinceMs);
  const by = deadAtMs !== undefined && nowMs >= deadAtMs ? `after ${present.spec.lostEdge?.assumeDeadAfter} without it (lostEdge)` : "by hand";
  const open = (present.status?.generations ?? []).map((generation) => generation.number).join(", ");
  return `gateway ${name} was declared dead ${by}: what it had in flight of generations ${open} is not waited for any more`;
}

type IncarnationStatus = Pick<NonNullable<Gateway["status"]>, "incarnation" | "incarnationSince" | "incarnationCounter" | "unknownUntil">;

/** A gateway is not started twice within this time: two starts that seem to be nearer are one, measured twice. */
const SAME_START_MS = 50;

/** What the register says of a connected gateway's incarnation. One that follows another which ended with calls open, or was killed (`formerUncleanMs`), is noted with that time, the newest generation, and the longest transaction (`longestMs`): whatever the former had in flight belongs to none newer, and ends within that. After an orderly end nothing is in flight. */
export function incarnationStatus(
  former: IncarnationStatus,
  connection: Pick<ConnectedGateway, "incarnation" | "formerUncleanMs"> | undefined,
  counter: number | undefined,
  longestMs: number,
): IncarnationStatus {
  if (connection === undefined || connection.incarnation === former.incarnation) return {};
  const { incarnation, formerUncleanMs } = connection;
  const isNoted =
    formerUncleanMs !== undefined && former.incarnationSince !== undefined && Date.parse(former.incarnationSince) >= formerUncleanMs - SAME_START_MS;
  if (formerUncleanMs === undefined || isNoted) return { incarnation };
  return {
    incarnation,
    incarnationSince: timestamp(formerUncleanMs),
    unknownUntil: timestamp(formerUncleanMs + longestMs),
    ...(counter === undefined ? {} : { incarnationCounter: counter }),
  };
}

/** What is known of a gateway; `loss`: why it has no connection. */
export function readyCondition(name: string, connection: ConnectedGateway | undefined, loss: string | undefined): ConditionInput {
  if (connection === undefined) {
    // Whether it serves nobody has seen: one that hangs does not.
    const isHanging = loss?.startsWith("no word") === true;
    const how = isHanging
      ? "it said nothing for 15 s while it was connected: it hangs or is stopped, or the way to it is cut. On its host, orrery status and logs/gateway.log say more"
      : `it has no connection to the centre${loss === undefined ? "" : ` (${loss})`}`;
    return {
      type: "Ready",
      status: "Unknown",
      reason: "NotConnected",
      message: `${how}. If it runs, it serves by its last table; what it has in flight is unknown. If it is surely gone: orrery gateway forget ${name}`,
    };
  }
  const { tableFailure } = connection;
  if (tableFailure !== undefined) {
    return {
      type: "Ready",
      status: "False",
      reason: "TableNotKept",
      message: `it serves, but its disk refuses to keep the newest table, so that no update goes on: ${tableFailure}. Is the disk full?`,
    };
  }
  const [failure] = connection.listenFailures;
  if (failure !== undefined) {
    const more = connection.listenFailures.length > 1 ? ` and ${connection.listenFailures.length - 1} more` : "";
    return {
      type: "Ready",
      status: "False",
      reason: "ListenFailed",
      message: `cannot serve on ${failure.address}:${failure.port}: ${failure.reason}${more}`,
    };
  }
  if (!connection.isCurrent) return { type: "Ready", status: "True", reason: "TableBehind", message: "connected; the newest table is on its way" };
  return { type: "Ready", status: "True", reason: "Ready", message: "connected, holds the newest table" };
}
