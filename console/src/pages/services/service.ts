/** What this page reads of a Microservice, its Instances and Revisions. */
import type { Condition } from "../../frame/site.ts";

export interface ServiceObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp: string;
    readonly generation?: number;
  };
  readonly spec: {
    readonly replicas: number;
    readonly suspended: boolean;
    readonly exclusive?: boolean;
    readonly balancing?: { readonly algorithm: string };
    readonly restartedAt?: string;
    readonly template: {
      readonly version: string;
      readonly calls?: readonly string[];
      readonly scripts?: readonly { readonly name: string; readonly timeout: string; readonly description?: string }[];
    };
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
    readonly observedGeneration?: number;
  };
}

/** Whether what was written is carried out: served where it has another template, with as many instances as are wanted. Pure. */
export function isCarriedOut(written: ServiceObject, seen: ServiceObject): boolean {
  const { spec, status } = seen;
  if (!isLookedAt(written, seen) || status === undefined) return false;
  const wanted = spec.suspended ? 0 : spec.replicas;
  if (wanted === 0) return (status.replicas ?? 0) === 0;
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  return (
    ready?.status === "True" && ready.reason !== "Updating" && status.revision === status.servedRevision && (status.readyReplicas ?? 0) >= wanted
  );
}

/** Who has asked for something else since `written`, where what was asked for no longer holds; empty: nobody knows who. Pure. */
export function replacedBy(written: ServiceObject, seen: ServiceObject | undefined): string | undefined {
  if (seen === undefined || (seen.metadata.generation ?? 0) <= (written.metadata.generation ?? 0)) return undefined;
  const isStill = seen.spec.replicas === written.spec.replicas && seen.spec.suspended === written.spec.suspended;
  return isStill ? undefined : (seen.metadata.annotations?.["orrery.dev/changed-by"] ?? "");
}

/** Why what was written is not carried out, once that has been found out. Pure. */
export function failureOf(written: ServiceObject, seen: ServiceObject): string | undefined {
  if (!isLookedAt(written, seen)) return undefined;
  const { conditions = [] } = seen.status ?? {};
  const isNew = (one: Condition): boolean => (one.observedGeneration ?? 0) >= (written.metadata.generation ?? 0);
  const diverged = conditions.find((one) => one.type === "Diverged" && one.status === "True" && isNew(one));
  const failed = conditions.find((one) => one.type === "Ready" && FAILED.includes(one.reason) && isNew(one));
  return (failed ?? diverged)?.message;
}

const FAILED: readonly string[] = ["RevisionFailed", "InstanceFailed", "RevisionRefused"];

/** The centre has said something since of what it is wished to be. */
function isLookedAt(written: ServiceObject, seen: ServiceObject): boolean {
  const { generation = 0 } = written.metadata;
  const ready = seen.status?.conditions?.find(({ type }) => type === "Ready");
  return (
    (seen.metadata.generation ?? 0) >= generation && Math.max(seen.status?.observedGeneration ?? 0, ready?.observedGeneration ?? 0) >= generation
  );
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
