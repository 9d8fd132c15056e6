/** One round: a change of a site under load, and what was measured of it. */
import { setTimeout as wait } from "node:timers/promises";
import { API_VERSION, microservice, update } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type Answer, nowMs, OpenLoad, type Target } from "./load.ts";
import type { Timeline } from "./timeline.ts";

/** Times in ms since the change was asked for. */
export interface Marks {
  /** All new instances are ready. */
  readonly readyMs: number;
  /** The Site says that new transactions belong to the new generation. */
  readonly switchedMs?: number;
  /** The last process that goes was told to end. */
  readonly withdrawnMs: number;
  /** The last process that goes is gone. */
  readonly goneMs: number;
}

export interface Round {
  readonly what: string;
  readonly perSecond: number;
  readonly startedMs: number;
  readonly answers: readonly Answer[];
  readonly marks: Marks;
  readonly extraInstanceSeconds: number;
  /** Transactions that waited for a handover, and how long in all. */
  readonly held: Held;
  /** Version that it came from and goes to; equal in a control. */
  readonly from: string;
  readonly to: string;
}

export interface Held {
  readonly total: number;
  readonly timeSumMs: number;
}

export interface RoundOptions {
  readonly store: Store;
  /** What was held until now, as the centre has heard. */
  readonly held: () => Promise<Held>;
  readonly timeline: Timeline;
  readonly service: string;
  readonly target: Target;
  readonly perSecond: number;
  /** Load before and after the change. */
  readonly marginMs: number;
}

let counter = 0;

/** An update of the service to version `to` by `strategy`. */
export async function updateRound(options: RoundOptions, strategy: string, from: string, to: string): Promise<Round> {
  const { store, timeline, service } = options;
  const replicas = timeline.instances().length;
  return await underLoad(options, { what: strategy, from, to }, async (startedMs) => {
    const former = timeline.site?.status?.stamp?.generation ?? 0;
    await store.create(update, {
      apiVersion: API_VERSION,
      kind: update.kind,
      metadata: { name: `bench-${process.pid}-${++counter}` },
      spec: { services: [{ name: service, to }], strategy },
    });
    await timeline.until(`${service} is switched`, () => (timeline.site?.status?.stamp?.generation ?? 0) > former);
    const generation = timeline.site?.status?.stamp?.generation ?? 0;
    await timeline.until("the old generation is closed", () => timeline.site?.status?.generations?.length === 1);
    await timeline.until("the old instances are gone", () => timeline.instances().length === replicas);
    const ends = timeline.lastEnd(startedMs);
    return {
      readyMs: (timeline.phaseMs(generation, "Distributing") ?? Number.NaN) - startedMs,
      switchedMs: (timeline.phaseMs(generation, "Active") ?? Number.NaN) - startedMs,
      withdrawnMs: ends.stoppingMs - startedMs,
      goneMs: ends.goneMs - startedMs,
    };
  });
}

/** The control: as many processes of the service are started, meet calls, and are stopped again after `holdMs`, without any update: its replicas are doubled and put back. */
export async function controlRound(options: RoundOptions, version: string, holdMs: number): Promise<Round> {
  const { store, timeline, service } = options;
  const replicas = timeline.instances().length;
  const scale = async (count: number): Promise<void> => {
    await store.patch(microservice, { name: service }, { type: "merge", body: { spec: { replicas: count } } });
  };
  return await underLoad(options, { what: "control", from: version, to: version }, async (startedMs) => {
    await scale(replicas * 2);
    await timeline.until("the instances are doubled", () => timeline.instances(true).length === replicas * 2);
    const readyMs = nowMs() - startedMs;
    await wait(holdMs);
    await scale(replicas);
    await timeline.until("the instances are as before", () => timeline.instances().length === replicas);
    const ends = timeline.lastEnd(startedMs);
    return { readyMs, withdrawnMs: ends.stoppingMs - startedMs, goneMs: ends.goneMs - startedMs };
  });
}

async function underLoad(
  options: RoundOptions,
  named: Pick<Round, "what" | "from" | "to">,
  change: (startedMs: number) => Promise<Marks>,
): Promise<Round> {
  const { target, perSecond, marginMs, timeline } = options;
  const replicas = timeline.instances().length;
  const load = new OpenLoad(target, perSecond);
  try {
    await wait(marginMs);
    const before = await options.held();
    const startedMs = nowMs();
    const marks = await change(startedMs);
    await wait(marginMs);
    const answers = await load.stop();
    const after = await options.held();
    return {
      ...named,
      perSecond,
      startedMs,
      answers,
      marks,
      held: { total: after.total - before.total, timeSumMs: after.timeSumMs - before.timeSumMs },
      extraInstanceSeconds: timeline.extraInstanceSeconds(replicas, startedMs, startedMs + marks.goneMs),
    };
  } finally {
    await load.stop();
  }
}
