/** What this page reads of a Microservice, its Instances and Revisions. */
import type { Condition } from "../../frame/site.ts";

export interface ServiceObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly creationTimestamp: string;
  };
  readonly spec: {
    readonly replicas: number;
    readonly suspended: boolean;
    readonly exclusive?: boolean;
    readonly balancing?: { readonly algorithm: string };
    readonly restartedAt?: string;
    readonly template: { readonly version: string; readonly calls?: readonly string[] };
  };
  readonly status?: {
    readonly revision?: string;
    readonly servedRevision?: string;
    readonly servedVersion?: string;
    readonly port?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly conditions?: readonly Condition[];
    readonly observedAt?: string;
  };
}

/** Cells of an instance, in this order. */
export const INSTANCE_PATHS: readonly string[] = [
  ".spec.slot",
  ".spec.version",
  ".spec.host",
  ".status.phase",
  ".status.ready",
  ".status.duty",
  ".status.restarts",
  ".status.pid",
  ".status.startedAt",
  ".status.lastExit",
];
export type InstanceCells = readonly [
  slot: number | null,
  version: string | null,
  host: string | null,
  phase: string | null,
  ready: boolean | null,
  duty: string | null,
  restarts: number | null,
  pid: number | null,
  startedAt: string | null,
  lastExit: { readonly code?: number; readonly signal?: string; readonly at: string; readonly lines?: readonly string[] } | null,
];

export const REVISION_PATHS: readonly string[] = [".spec.template.version", ".metadata.creationTimestamp", ".spec.service"];
export type RevisionCells = readonly [version: string | null, createdAt: string | null, service: string | null];

/** What the page sees of a service and its instances. */
export interface SeenService {
  readonly object: ServiceObject | undefined;
  readonly instances: readonly { readonly cells: readonly unknown[] }[];
}
