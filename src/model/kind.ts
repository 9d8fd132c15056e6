import type { z } from "zod";
import { API_GROUP, type StoredObject } from "./metadata.ts";

/** A column of `kubectl get`. `jsonPath` is the subset that CRDs use: `.a.b`, `.list[0].x`, `.list[?(@.type=="Ready")].status`. */
export interface Column {
  readonly name: string;
  /** `date` is shown as an age. */
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly jsonPath: string;
  readonly description: string;
  /** 0 always shown (default), 1 only with `-o wide`. */
  readonly priority?: 0 | 1;
}

export interface KindDefinition<Spec extends z.ZodType, Status extends z.ZodType> {
  /** Default our own. A kind of another group is one of Kubernetes' own, kept for its clients; it has no status. */
  readonly group?: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly columns: readonly Column[];
  /** What its objects may be called, so that all that is made of them can be called after them; absent: a DNS subdomain. */
  readonly name?: z.ZodType<string>;
  /** Spec fields whose values no two objects of the kind in a namespace may share, such as `.spec.id`. */
  readonly unique?: readonly string[];
  /** Fields that `fieldSelector` may name beside metadata.name and metadata.namespace. */
  readonly selectableFields?: readonly string[];
  /** True: the spec never changes after creation. */
  readonly isImmutable?: boolean;
  /** Of an immutable spec: fields that may change all the same. */
  readonly mutableFields?: readonly string[];
  /** Why objects of the kind are never deleted; absent: they may be. */
  readonly permanent?: string;
  /** What such an object does reaches all of the site, whatever its labels: a role that is held for some objects alone does not write it. */
  readonly isSiteWide?: true;
  readonly scale?: { readonly specPath: string; readonly statusPath: string };
}

/** One kind of object: its schemas and how it is shown. `$object`, `$spec`, `$status`, `$manifest` exist for types only. */
export interface Kind<Spec extends z.ZodType = z.ZodType, Status extends z.ZodType = z.ZodType> extends KindDefinition<Spec, Status> {
  readonly singular: string;
  readonly group: string;
  /** `orrery.dev/v1`. */
  readonly apiVersion: string;
  readonly $spec: z.infer<Spec>;
  readonly $status: z.infer<Status>;
  readonly $object: StoredObject<z.infer<Spec>, z.infer<Status>>;
}

/** Completes a definition. */
export function defineKind<Spec extends z.ZodType, Status extends z.ZodType>(definition: KindDefinition<Spec, Status>): Kind<Spec, Status> {
  const { group = API_GROUP } = definition;
  return { ...definition, group, apiVersion: `${group}/v1`, singular: definition.kind.toLowerCase() } as Kind<Spec, Status>;
}
