import { z } from "zod";
import { label, subdomain } from "./names.ts";

const labelKey = z
  .string()
  .max(317)
  .regex(/^(?:[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/, "a label key such as app or example.org/app");
const labelValue = z
  .string()
  .max(63)
  .regex(
    /^(?:[A-Za-z0-9](?:[-._A-Za-z0-9]*[A-Za-z0-9])?)?$/,
    "at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
  );

/** Whether it can name a controller that holds an object back. Nobody can tell whose another text is, and whoever looks for it waits for ever. */
export function isFinalizer(text: string): boolean {
  return labelKey.safeParse(text).success;
}

export function isLabelKey(text: string): boolean {
  return labelKey.safeParse(text).success;
}

export function isLabelValue(text: string): boolean {
  return labelValue.safeParse(text).success;
}

/** Who owns an object: it is deleted after its owners (garbage collection). */
export const ownerReference = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
});
export type OwnerReference = z.infer<typeof ownerReference>;

const managedFieldsEntry = z.strictObject({
  manager: z.string().optional(),
  operation: z.enum(["Apply", "Update"]).optional(),
  apiVersion: z.string().optional(),
  time: z.string().optional(),
  fieldsType: z.string().optional(),
  fieldsV1: z.record(z.string(), z.unknown()).optional(),
  subresource: z.string().optional(),
});
export type ManagedFieldsEntry = z.infer<typeof managedFieldsEntry>;

/** Kubernetes' ObjectMeta, as far as it is used here. What the server sets may be given and is overwritten or checked. */
export const objectMeta = z.strictObject({
  name: subdomain.optional(),
  generateName: z.string().max(240).optional(),
  namespace: label.optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.int().optional(),
  creationTimestamp: z
    .string()
    .nullish()
    .transform((value) => value ?? undefined),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.int().optional(),
  labels: z.record(labelKey, labelValue).optional(),
  annotations: z.record(labelKey, z.string()).optional(),
  finalizers: z.array(z.string().max(253)).optional(),
  ownerReferences: z.array(ownerReference).optional(),
  managedFields: z.array(managedFieldsEntry).optional(),
  selfLink: z.string().optional(),
});

/** Metadata of a stored object: name, uid, version and times are there. Namespaced objects have a namespace, cluster-scoped ones have none. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  /** Decimal text of the store's version of the last write; opaque to clients. */
  readonly resourceVersion: string;
  /** Kubernetes' word for "version of the spec"; never a traffic generation. */
  readonly generation: number;
  /** RFC 3339, UTC, whole seconds. */
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

export const API_GROUP = "orrery.dev";
export const API_VERSION = "orrery.dev/v1";

/** Any stored object. `spec` is what someone wants, `status` what someone saw. Deeply read-only: objects are shared between readers. */
export interface StoredObject<Spec = unknown, Status = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}
