/** What the API answers to `POST /forecast`. */
import { send } from "../../api/request.ts";
import type { Refusal } from "../manifest/document.ts";

export interface ForecastAnswer {
  readonly objects: readonly {
    readonly kind: string;
    readonly name: string;
    readonly outcome: "created" | "changed" | "unchanged" | "refused";
    readonly refusal?: Refusal;
    readonly warnings?: readonly string[];
  }[];
  readonly updates: readonly UpdateForecast[];
  readonly scales: readonly {
    readonly service: string;
    readonly from: number;
    readonly to: number;
    readonly starts: number;
    readonly stops: number;
    readonly restarts?: boolean;
  }[];
}

export interface UpdateForecast {
  readonly outcome: "begins" | "waits" | "nothing" | "refused" | "unfit";
  readonly strategy: string;
  readonly fromGeneration?: number;
  readonly changes: readonly { readonly service: string; readonly from?: string; readonly fromVersion?: string; readonly toVersion: string }[];
  readonly alongside: readonly string[];
  readonly replaces?: { readonly generation: number; readonly services: readonly string[] };
  readonly starts: readonly {
    readonly service: string;
    readonly version: string;
    readonly instances: number;
    readonly running: number;
    readonly readyWithin: string;
  }[];
  readonly stops: readonly {
    readonly service: string;
    readonly version: string;
    readonly instances: number;
    readonly when: "AfterDrain" | "AfterHold" | "AtSwitch" | "OneByOne" | "AtOnce";
    readonly message: string;
  }[];
  readonly held?: {
    readonly services: readonly string[];
    readonly upTo: string;
    readonly routes: readonly { readonly route: string; readonly path: readonly string[]; readonly isDeclared: boolean }[];
    readonly otherRoutes: readonly string[];
  };
  readonly ramp?: {
    readonly steps: readonly { readonly share: number; readonly afterMs: number }[];
    readonly allAfterMs: number;
    readonly gateRequests?: number;
  };
  readonly waits: readonly {
    readonly blocks: "begin" | "switch" | "end";
    readonly reason: string;
    readonly object: string;
    readonly message: string;
  }[];
  readonly notPromised: readonly { readonly reason: string; readonly message: string }[];
  readonly refusals: readonly { readonly service: string; readonly revision: string; readonly reason: string; readonly at: string }[];
  readonly problem?: string;
}

/** What would come of manifests that are written together, as whole objects.
 *  @throws ApiError: 403, one of them may not be written */
export async function foresee(manifests: readonly unknown[], signal: AbortSignal): Promise<ForecastAnswer> {
  return await send<ForecastAnswer>({
    method: "POST",
    path: "/forecast?as=replace&fieldManager=orrery-console",
    body: manifests.length === 1 ? manifests[0] : { kind: "List", items: manifests },
    signal,
  });
}

/** Services whose instances or calls it has to do with. */
export function servicesOf({ updates, scales }: ForecastAnswer): readonly string[] {
  return [...new Set([...updates.flatMap(({ changes }) => changes.map(({ service }) => service)), ...scales.map(({ service }) => service)])];
}

/** Instances that would start and stop, of all. */
export function countsOf({ updates, scales }: ForecastAnswer): { readonly starts: number; readonly stops: number } {
  const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
  return {
    starts: sum([...updates.flatMap(({ starts }) => starts.map(({ instances }) => instances)), ...scales.map(({ starts }) => starts)]),
    stops: sum([...updates.flatMap(({ stops }) => stops.map(({ instances }) => instances)), ...scales.map(({ stops }) => stops)]),
  };
}
