/** Views of who calls whom; and their rows. */
import { z } from "zod";
import { LIST_MAX, name, text, window } from "./fields.ts";
import type { Severity } from "./object-views.ts";

export const callsView = z.strictObject({
  of: z.literal("calls"),
  /** Services with the same value of this label are one box, unless the value stands in `unfolded`. */
  group: z.string().max(317).optional(),
  unfolded: z.array(z.string().max(63)).max(LIST_MAX).optional(),
  /** This service, who calls it and whom it calls, so many steps away. */
  around: z.strictObject({ service: name, steps: z.int().min(1).max(5).default(1) }).optional(),
  /** Only what has errors, refusals or slow calls, and its neighbours. */
  onlyHurting: z.boolean().optional(),
  search: text.optional(),
  /** More than these are told as rows of a matrix. */
  boxes: z.int().min(1).max(60).default(60),
});
/** What calls are told apart by; they are summed over the rest. */
export const CALL_PARTS = ["caller", "service", "revision", "instance", "host"] as const;
/** By what a table of calls is sorted, beside its parts. */
export const CALL_FIGURES = [
  "rate",
  "errorShare",
  "refusedRate",
  "inFlight",
  "meanMs",
  "p50Ms",
  "p95Ms",
  "p99Ms",
  "maxMs",
  "unlabelledRate",
] as const;
export const callTableView = z.strictObject({
  of: z.literal("callTable"),
  by: z.array(z.enum(CALL_PARTS)).min(1).max(CALL_PARTS.length).default(["caller", "service"]),
  /** Of this one alone; empty: from outside; `?`: of somebody unknown. */
  caller: z.string().max(253).optional(),
  service: z.string().max(253).optional(),
  /** Calls of which this service is one end. */
  end: name.optional(),
  /** Words that stand in one of the parts. */
  search: text.optional(),
  /** Only those that fail, are refused or slow. */
  onlyHurting: z.boolean().optional(),
  /** Absent: what hurts first, then the most. What has no such figure comes last, whichever way. */
  sort: z.strictObject({ by: z.enum([...CALL_PARTS, ...CALL_FIGURES]), descending: z.boolean().default(false) }).optional(),
  /** True: rows tell how many calls took how long, too. */
  distribution: z.boolean().optional(),
  ...window,
});

export type CallsView = z.output<typeof callsView>;
export type CallTableView = z.output<typeof callTableView>;

/** Rows of `calls`: figures of the last minute. */
export type CallsRow = CallsSummaryRow | CallsNodeRow | CallsEdgeRow;

export interface CallsSummaryRow {
  readonly type: "summary";
  readonly windowSeconds: number;
  readonly boxes: number;
  /** Boxes that were left out, since there are more than asked for: their calls are rows of the matrix. */
  readonly leftOut: number;
  /** Calls between what was left out that were left out, too. */
  readonly cellsLeftOut: number;
  /** Services that there are, asked for or not. */
  readonly services: number;
  /** Of what is asked for: calls a second, and between how many pairs something hurts. */
  readonly rate: number;
  readonly hurting: number;
  /** Keys of labels by which services can be grouped: those that most have, first. */
  readonly groups: readonly string[];
}

export interface CallFigures {
  /** Calls a second. */
  readonly rate: number;
  /** Of the calls, the part that failed: 0 to 1. */
  readonly errorShare: number;
  /** A second: calls that a gateway refused. */
  readonly refusedRate: number;
  /** Absent: no calls; null: above the highest bound that is counted. */
  readonly p95Ms?: number | null;
  readonly inFlight: number;
}

export interface CallsNodeRow extends CallFigures {
  readonly type: "node";
  /** `outside`, `unknown`, or its kind and name: `service:auth`, `group:VALUE`; the probe of a resource is `probe:RESOURCE`, the runs of a job `job:NAME`. */
  readonly id: string;
  readonly kind: "outside" | "unknown" | "service" | "group" | "probe" | "job";
  readonly name: string;
  /** Services in it. */
  readonly services: number;
  /** The worst of them; absent: not a service of this site. */
  readonly severity?: Severity;
  readonly hurts: boolean;
  /** Of a service: the version that new transactions meet. */
  readonly version?: string;
  /** Of a service that is being updated: the version or revision that comes. */
  readonly coming?: string;
}

/** What a revision does for its service: new transactions meet it; they will; or only those that have begun do. */
export type RevisionDuty = "served" | "coming" | "leaving";

export interface CallsEdgeRow extends CallFigures {
  /** `edge` between two boxes; `cell`: at least one of both is no box, it is told as a place of the matrix. */
  readonly type: "edge" | "cell";
  readonly from: string;
  readonly to: string;
  readonly unlabelledRate: number;
  /** Which revisions were met: parts of 1, most first. */
  readonly shares: readonly { readonly revision: string; readonly share: number; readonly duty: RevisionDuty }[];
  /** Of the calls, the part that met revisions which come, and which leave: 0 to 1, over all revisions. */
  readonly comingShare: number;
  readonly leavingShare: number;
  readonly hurts: boolean;
}

/** Row of `callTable`: figures of the last minute. Parts that were summed over are absent. */
export interface CallTableRow extends CallFigures {
  /** Service; empty: from outside; `?`: unknown. */
  readonly caller?: string;
  /** Empty: refused before it was known whom it was for. */
  readonly service?: string;
  readonly revision?: string;
  /** Empty: refused, so that none was asked. */
  readonly instance?: string;
  readonly host?: string;
  readonly calls: number;
  readonly errors: number;
  readonly refused: number;
  /** A second: begun without a trace context. */
  readonly unlabelledRate: number;
  readonly meanMs?: number;
  /** As p95Ms of CallFigures. */
  readonly p50Ms?: number | null;
  readonly p99Ms?: number | null;
  readonly maxMs?: number;
  /** If asked for: how many calls took at most `untilMs` and more than that of the one before; null: longer than all. */
  readonly distribution?: readonly { readonly untilMs: number | null; readonly calls: number }[];
  readonly hurts: boolean;
}
