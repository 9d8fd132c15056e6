import { durationMs, type Gateway, type Instance, isCallable, isProven, type Microservice, type Revision } from "#/model/index.ts";
import type { KnownGateway } from "./drain-ledger.ts";
import type { Readiness } from "./observed.ts";

/** How ready a revision is. */
export function revisionReadiness(seen: {
  readonly revision: Revision | undefined;
  readonly serviceOf: (name: string) => Microservice | undefined;
  /** Its instances, also those being deleted. */
  readonly instances: Iterable<Instance>;
  /** All of its service's. Only for messages. */
  readonly siblings?: Iterable<Instance>;
  /** True if the host's agent answers. */
  readonly isHostKnown: (host: string) => boolean;
  /** Only instances that this generation, or a newer one, has claimed: others may be about to be deleted by someone who does not know of it yet. Absent: all. */
  readonly claim?: number | undefined;
  /** Why an instance that is being deleted has to stay; `undefined` if nothing holds it. Only for messages. */
  readonly holderOf?: (instance: Instance) => string | undefined;
}): Readiness {
  const { revision, serviceOf, isHostKnown, claim = 0 } = seen;
  if (revision === undefined) return { wanted: 1, ready: 0, reason: "its Revision is not seen yet" };
  const service = serviceOf(revision.spec.service);
  const wanted = service === undefined || service.spec.suspended ? 0 : service.spec.replicas;
  const instances = [...seen.instances].filter((one) => one.metadata.deletionTimestamp === undefined);
  const readyOn = new Map<string, number>();
  let active = 0;
  let ready = 0;
  for (const one of instances) {
    if (one.status?.ready === true && isHostKnown(one.spec.host) && (one.spec.neededBy ?? 0) >= claim) {
      readyOn.set(one.spec.host, (readyOn.get(one.spec.host) ?? 0) + 1);
      if (one.status.duty === "active") active++;
      if (isProven(one)) ready++;
    }
  }
  const told = instances.flatMap((one) =>
    one.status?.ready === true
      ? isProven(one)
        ? []
        : [{ one, text: `${one.metadata.name} is ready, and has to stay so for ${one.spec.minReady ?? "0s"} (minReady)${longer(one)}` }]
      : (one.status?.conditions ?? [])
          .filter((condition) => condition.type === "Ready" && condition.status !== "True")
          .map((condition) => ({ one, text: `${one.metadata.name}: ${condition.message}${lastWords(one, condition.message)}` })),
  );
  const first = told[0]?.one;
  const hint = first === undefined || !isMute(first) ? undefined : `what it prints: orrery logs ${first.metadata.name}`;
  const reason = told[0]?.text ?? (instances.length < wanted ? (whyOutgoing(seen, seen.instances) ?? whyNone(seen, instances)) : undefined);
  const minReadyMs = Math.max(0, ...instances.map((one) => durationMs(one.spec.minReady ?? "0s")));
  const toldCallable = instances.filter(isCallable).length;
  return {
    wanted,
    ready,
    active,
    toldCallable,
    readyOn,
    minReadyMs,
    ...(reason === undefined ? {} : { reason }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** What its ends have made of that. */
function longer({ status }: Instance): string {
  const { restarts = 0 } = status ?? {};
  return restarts === 0 ? "" : `, and longer since it has ended ${restarts === 1 ? "once" : `${restarts} times`} already`;
}

/** Where the old ones have to be gone first, none of the new is there. */
function whyNone(seen: Parameters<typeof revisionReadiness>[0], own: readonly Instance[]): string | undefined {
  return own.length > 0 ? undefined : whyOutgoing(seen, seen.siblings ?? []);
}

/** An instance of the revision that still leaves has the name that the next one needs. */
function whyOutgoing({ holderOf }: Parameters<typeof revisionReadiness>[0], instances: Iterable<Instance>): string | undefined {
  for (const one of instances) {
    if (one.metadata.deletionTimestamp === undefined) continue;
    const holder = holderOf?.(one);
    return `${one.metadata.name} of before is still on its way out${holder === undefined ? "" : `: ${holder}`}`;
  }
  return undefined;
}

/** What a process that runs prints is told by nobody here; what one said before it ended is quoted. */
function isMute({ status }: Instance): boolean {
  return status?.pid !== undefined && (status.lastExit?.lines ?? []).length === 0;
}

/** What a process said at its last end, for a moment in which its next start has just begun. */
export function lastWords(one: Instance, message: string): string {
  const lines = one.status?.lastExit?.lines?.slice(-3).join(" / ") ?? "";
  return lines === "" || message.includes(lines.split(" / ").at(-1) ?? "") ? "" : `; it had ended before, its last lines: ${lines}`;
}

/** Turns registered gateways into what the ledger and the step know of them, and remembers since when one is lost. */
export class GatewayWatch {
  readonly #lostSince = new Map<string, number>();
  #begunMs: number | undefined;

  /** `connectedAs`: incarnation of the gateway's connection, `undefined` without one. One that the register does not know yet counts as lost: what it had in flight is not known either. */
  known(registered: Iterable<Gateway>, connectedAs: (name: string) => number | undefined, nowMs: number): KnownGateway[] {
    this.#begunMs ??= nowMs;
    const known = this.#look(registered, connectedAs, nowMs);
    const names = new Set(known.map((one) => one.name));
    for (const name of this.#lostSince.keys()) if (!names.has(name)) this.#lostSince.delete(name);
    return known;
  }

  /** Where the machine's clock was put back after it was written, all of it lies ahead: then it counts from when this leader began. */
  #unknown(since: string | undefined, until: string | undefined, nowMs: number): Pick<KnownGateway, "incarnationSinceMs" | "unknownUntilMs"> {
    if (since === undefined || until === undefined) return {};
    const [sinceMs, untilMs] = [Date.parse(since), Date.parse(until)];
    const beginMs = sinceMs > nowMs ? Math.min(sinceMs, this.#begunMs ?? nowMs) : sinceMs;
    return { incarnationSinceMs: beginMs, unknownUntilMs: beginMs + untilMs - sinceMs };
  }

  #look(...[registered, connectedAs, nowMs]: Parameters<GatewayWatch["known"]>): KnownGateway[] {
    return [...registered].map((one) => {
      const { name } = one.metadata;
      const { incarnation = 0, incarnationSince, incarnationCounter, unknownUntil } = one.status ?? {};
      const isConnected = connectedAs(name) === incarnation;
      if (isConnected) this.#lostSince.delete(name);
      else if (!this.#lostSince.has(name)) this.#lostSince.set(name, nowMs);
      const lostSinceMs = this.#lostSince.get(name);
      return {
        name,
        host: one.spec.host,
        isConnected,
        incarnation,
        ...(lostSinceMs === undefined ? {} : { lostSinceMs }),
        ...this.#unknown(incarnationSince, unknownUntil, nowMs),
        ...(incarnationCounter === undefined ? {} : { incarnationCounter }),
      };
    });
  }
}
