import type { Board } from "#/state/link/hub/index.ts";
import { LATENCY_BUCKETS_MS } from "#/traffic/routing/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";

export interface CallsTold {
  /** Of how many services, each of which calls a few of those after it. */
  readonly services: number;
  /** Figures differ from turn to turn. */
  readonly turn: number;
}

/** Steps to those that a service calls. */
const STEPS = [1, 7, 31, 97] as const;

/** Tells the board of calls, as the centre does each second. Every fiftieth call fails now and then. */
export function tellCalls(board: Board, { services, turn }: CallsTold): void {
  put(board, "", "service-0", 100 + (turn % 7), 0);
  for (let index = 0; index < services; index++)
    for (const [at, step] of STEPS.entries()) {
      if (index + step >= services) continue;
      const rate = 1 + ((index * 13 + at + turn) % 40);
      put(board, `service-${index}`, `service-${index + step}`, rate, (index + at) % 50 === 0 ? 0.1 : 0);
    }
}

function put(board: Board, caller: string, service: string, rate: number, errors: number): void {
  const calls = rate * 60;
  const buckets = [...LATENCY_BUCKETS_MS.map(() => 0), 0];
  buckets[3] = calls;
  const revision = `${service}-v1-0a1b2c3d`;
  const sum: CallSum = {
    ...{ caller, service, revision, instance: `${revision}-0`, host: "host-0", calls, errors: Math.round(calls * errors), buckets },
    ...{ timeSumMs: calls * 5, timeMaxMs: 15, large: 0, unlabelled: 0, refused: 0, inFlight: rate % 5 },
  };
  board.put("calls", `${caller}|${service}|${revision}-0`, sum, "centre");
}
