import { microservice } from "#/model/index.ts";
import type { Board } from "#/state/link/hub/index.ts";
import type { Store } from "#/state/store/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";

export interface Traffic {
  /** Empty: from outside; `?`: from somebody unknown. */
  readonly caller: string;
  readonly service: string;
  readonly rate: number;
  /** What most of them take. */
  readonly ms?: number;
  /** Parts of 1. */
  readonly errors?: number;
  readonly slow?: number;
  readonly coming?: number;
  /** A second. */
  readonly refused?: number;
}

/** Who calls whom on the ground station of console-data.ts, in the middle of its update: most is well, some is not. */
const TRAFFIC: readonly Traffic[] = [
  { caller: "", service: "portal", rate: 120, ms: 50 },
  { caller: "", service: "telemetry", rate: 800, ms: 5 },
  { caller: "", service: "commanding", rate: 4, ms: 100 },
  { caller: "portal", service: "auth", rate: 118, ms: 5, errors: 0.004, coming: 0.1 },
  { caller: "portal", service: "archive", rate: 40, ms: 200, errors: 0.082, slow: 0.1 },
  { caller: "portal", service: "pass-planner", rate: 12, ms: 20 },
  { caller: "telemetry", service: "archive", rate: 220, ms: 20 },
  { caller: "telemetry", service: "limits", rate: 780, ms: 2 },
  { caller: "limits", service: "alarm-relay", rate: 0.4 },
  { caller: "commanding", service: "auth", rate: 4, coming: 0.1 },
  { caller: "commanding", service: "antenna", rate: 3, ms: 200 },
  { caller: "commanding", service: "mission-log", rate: 4 },
  { caller: "pass-planner", service: "predictor", rate: 60, ms: 50, coming: 0.1 },
  { caller: "pass-planner", service: "weather", rate: 0.2, ms: 2_000, slow: 0.3 },
  { caller: "predictor", service: "ephemeris", rate: 140 },
  { caller: "predictor", service: "time-server", rate: 10, ms: 1 },
  { caller: "predictor", service: "predictor", rate: 2 },
  { caller: "conjunction", service: "ephemeris", rate: 8 },
  { caller: "conjunction", service: "catalogue", rate: 8, ms: 20 },
  { caller: "scheduler", service: "pass-planner", rate: 1, ms: 20 },
  { caller: "scheduler", service: "conjunction", rate: 0.5, ms: 20, refused: 0.5 },
  { caller: "beacon-decoder", service: "telemetry", rate: 30, ms: 2 },
  { caller: "recorder", service: "archive", rate: 6, ms: 20 },
  { caller: "flight-dynamics", service: "ephemeris", rate: 2, ms: 10 },
  { caller: "flight-dynamics", service: "ranging", rate: 0, refused: 0.2 },
  { caller: "doppler", service: "predictor", rate: 20 },
  { caller: "archive", service: "catalogue", rate: 5 },
  { caller: "?", service: "time-server", rate: 0.1, ms: 1 },
];

/** Tells the board of calls, as the centre does each second. */
export async function tellCalls(store: Store, board: Board, traffic: readonly Traffic[] = TRAFFIC): Promise<void> {
  const { items } = await store.list(microservice, {});
  const revisions = new Map(items.map(({ metadata, status }) => [metadata.name, status]));
  for (const one of traffic) {
    const { servedRevision = `${one.service}-v1`, revision = servedRevision } = revisions.get(one.service) ?? {};
    const calls = Math.round(one.rate * 60);
    const next = revision === servedRevision ? 0 : Math.round(calls * (one.coming ?? 0));
    put(board, one, servedRevision, calls - next);
    if (next > 0) put(board, { ...one, errors: 0, slow: 0 }, revision, next);
    if (one.refused === undefined) continue;
    const refused: CallSum = { ...sumOf(one, "", 0), instance: "", refused: Math.round(one.refused * 60) };
    board.put("calls", `${one.caller}|${one.service}|@${refused.host}`, refused, "centre");
  }
}

function put(board: Board, one: Traffic, revision: string, calls: number): void {
  board.put("calls", `${one.caller}|${one.service}|${revision}-0`, sumOf(one, revision, calls), "centre");
}

function sumOf({ caller, service, rate, ms = 5, errors = 0, slow = 0 }: Traffic, revision: string, calls: number): CallSum {
  const at = LATENCY_BUCKETS_MS.findIndex((one) => one >= ms);
  const buckets = [...LATENCY_BUCKETS_MS.map(() => 0), 0];
  const late = Math.round(calls * slow);
  buckets[at] = calls - late;
  buckets[at + 4] = late;
  return {
    ...{ caller, service, revision, instance: `${revision}-0`, host: "ops-1", calls, errors: Math.round(calls * errors), buckets },
    ...{ timeSumMs: calls * ms, timeMaxMs: ms * 3, large: 0, unlabelled: 0, refused: 0, inFlight: Math.round((rate * ms) / 1_000) },
  };
}

/** So many services of ten teams, each of which calls a few of those after it; every fiftieth call fails. */
export function manyCalls(services: number): {
  readonly names: readonly string[];
  readonly teamOf: (name: string) => string;
  readonly traffic: readonly Traffic[];
} {
  const names = Array.from({ length: services }, (_, index) => `svc-${String(index).padStart(3, "0")}`);
  const traffic = names.flatMap((caller, index) =>
    [1, 7, 31, 97].flatMap((step, turn): Traffic[] => {
      const service = names[index + step];
      if (service === undefined) return [];
      return [{ caller, service, rate: 1 + ((index * 13 + turn) % 40), errors: (index + turn) % 50 === 0 ? 0.1 : 0 }];
    }),
  );
  const teamOf = (name: string): string => `team-${Math.floor((names.indexOf(name) * 10) / services)}`;
  return { names, teamOf, traffic: [{ caller: "", service: names[0] ?? "", rate: 100 }, ...traffic] };
}
