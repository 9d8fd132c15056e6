import { isDeepStrictEqual } from "node:util";
import { OrreryError } from "#/base/index.ts";
import { CHANGED_BY_ANNOTATION, isFinalizer, type Kind, type ManagedFieldsEntry, type ObjectMeta, type StoredObject } from "#/model/index.ts";
import type { Author, ObjectKey } from "./contract.ts";
import type { Applied } from "./fields/apply.ts";
import { differenceOf } from "./fields/difference.ts";
import { isFieldSet } from "./fields/field-set.ts";
import { recordApply, recordUpdate, type Writer } from "./fields/managed-fields.ts";
import { shapeOfKind } from "./fields/shape.ts";
import { sealedCopy } from "./sealed-copy.ts";
import { keepSecrets } from "./secrets.ts";
import { conflict, titleOf } from "./store-error.ts";
import { Causes, checkFrame, parseMetadata, parsePart } from "./validation.ts";

/** An object as a writer wants it: not checked yet. */
export interface Draft {
  readonly metadata?: unknown;
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface DraftContext {
  readonly kind: Kind;
  readonly key: ObjectKey;
  readonly writer: Writer;
  /** The object as it is; absent: it is created. */
  readonly former: StoredObject | undefined;
  readonly draft: Draft;
  /** The parts that are written: all (a creation that may bring a status), everything but the status, the status alone. */
  readonly parts: "all" | "main" | "status";
  /** Of a server-side apply. */
  readonly applied?: Pick<Applied, "fields" | "taken">;
  /** Given to a new object. */
  readonly uid: string;
  /** Recorded in the annotations; absent: they are as the draft has them. */
  readonly author?: Author;
  readonly isDryRun?: boolean;
}

/** The checked, defaulted, sealed object that `draft` makes of `former`, with its managed fields; `former` itself if nothing differs. A new one has the resourceVersion "0".
 *  @throws store/invalid, store/immutable, store/conflict: another uid or resourceVersion than the draft names */
export function buildObject(context: DraftContext): StoredObject {
  const { kind, key, former, draft, parts, writer } = context;
  const causes = new Causes(titleOf(kind, key));
  if (draft !== former) checkFrame(kind, draft, causes);
  const metadata = draft.metadata === former?.metadata && former !== undefined ? former.metadata : parseMetadata(draft.metadata, causes);
  causes.check();
  if (metadata === undefined) throw new Error("checked above");
  checkIdentity(context, metadata, causes);
  // What is stored already stays changeable, whatever it is called.
  if (former === undefined && kind.name !== undefined) causes.parse(kind.name, key.name, ["metadata", "name"]);
  const spec = parts === "status" && former !== undefined ? former.spec : buildPart(context, "spec", former?.spec, causes);
  const status = parts === "main" ? former?.status : buildPart(context, "status", former?.status, causes);
  const own =
    parts === "status" && former !== undefined
      ? former.metadata
      : withAuthor(context, ownMetadata(context, metadata, former, causes), spec !== former?.spec);
  causes.check();
  if (former !== undefined && spec !== former.spec && kind.isImmutable === true && !isSameBut(spec, former.spec, kind.mutableFields ?? [])) {
    const but = kind.mutableFields === undefined ? "" : ` (but for ${kind.mutableFields.join(", ")})`;
    throw new OrreryError(
      "store/immutable",
      `${titleOf(kind, key)}: the spec of a ${kind.kind} never changes after creation${but}; create another one`,
      {
        details: { kind: kind.kind, ...key },
      },
    );
  }
  const next = frame(context, own, spec, status);
  return withManagedFields(next, former, former?.metadata.managedFields, metadata.managedFields, context, writer);
}

/** True if nothing else than `fields` differs. */
function isSameBut(a: unknown, b: unknown, fields: readonly string[]): boolean {
  const without = (spec: unknown): object => Object.fromEntries(Object.entries(spec as object).filter(([name]) => !fields.includes(name)));
  return isDeepStrictEqual(without(a), without(b));
}

type Metadata = NonNullable<ReturnType<typeof parseMetadata>>;

function buildPart({ draft, kind }: DraftContext, part: "spec" | "status", former: unknown, causes: Causes): unknown {
  const value = draft[part];
  if (value === former && former !== undefined) return former;
  if (part === "status" && (value === undefined || value === null)) return undefined;
  const data = parsePart(kind, part, value, causes);
  return data === undefined ? undefined : sealedCopy(part === "spec" ? keepSecrets(data, former, "spec", causes) : data, former);
}

function checkIdentity({ kind, key, former }: DraftContext, metadata: Metadata | ObjectMeta, causes: Causes): void {
  const { uid, resourceVersion, name, namespace } = metadata;
  if (name !== undefined && name !== key.name)
    causes.add("metadata.name", `found ${JSON.stringify(name)}; allowed: ${key.name}, a name never changes`);
  if (namespace !== undefined && namespace !== key.namespace)
    causes.add("metadata.namespace", `found ${JSON.stringify(namespace)}; allowed: ${key.namespace ?? "none"}, a namespace never changes`);
  causes.check();
  if (former === undefined) return;
  if (uid !== undefined && uid !== "" && uid !== former.metadata.uid)
    throw conflict(kind, key, `its uid is ${former.metadata.uid}, not ${uid}: it was deleted and made anew`);
  if (resourceVersion !== undefined && resourceVersion !== "" && resourceVersion !== former.metadata.resourceVersion) {
    throw conflict(kind, key, `it is at resourceVersion ${former.metadata.resourceVersion}, not ${resourceVersion}`);
  }
}

/** What a writer may set in the metadata, beside what the store keeps itself. */
function ownMetadata(
  { parts }: DraftContext,
  metadata: Metadata | ObjectMeta,
  former: StoredObject | undefined,
  causes: Causes,
): Partial<ObjectMeta> {
  if (metadata === former?.metadata) return metadata as ObjectMeta;
  const { labels, annotations, finalizers, ownerReferences } = metadata;
  const added = finalizers?.filter((one) => former?.metadata.finalizers?.includes(one) !== true) ?? [];
  for (const one of added)
    if (!isFinalizer(one)) causes.add("metadata.finalizers", `found ${JSON.stringify(one)}; allowed: a name such as example.org/cleanup`);
  if (former?.metadata.deletionTimestamp !== undefined) {
    if (added.length > 0) causes.add("metadata.finalizers", `found ${added.join(", ")}; allowed: none that is new, the object is being deleted`);
  }
  if (parts !== "status") checkOwners(ownerReferences ?? [], causes);
  return {
    ...(labels !== undefined && Object.keys(labels).length > 0 && { labels }),
    ...(annotations !== undefined && Object.keys(annotations).length > 0 && { annotations }),
    ...(finalizers !== undefined && finalizers.length > 0 && { finalizers: [...new Set(finalizers)] }),
    ...(ownerReferences !== undefined &&
      ownerReferences.length > 0 && { ownerReferences: ownerReferences as NonNullable<ObjectMeta["ownerReferences"]> }),
  };
}

/** `own` with the annotation that says who wrote: new where the author made what is recorded, else as it was. */
function withAuthor({ author, former, isDryRun }: DraftContext, own: Partial<ObjectMeta>, isSpecChanged: boolean): Partial<ObjectMeta> {
  if (author === undefined) return own;
  const isNew = isDryRun !== true && (former === undefined || (author.of === "spec" && isSpecChanged));
  const user = isNew ? author.user : former?.metadata.annotations?.[CHANGED_BY_ANNOTATION];
  if (own.annotations?.[CHANGED_BY_ANNOTATION] === user) return own;
  const { annotations, ...rest } = own;
  const { [CHANGED_BY_ANNOTATION]: _, ...others } = annotations ?? {};
  const next = { ...others, ...(user !== undefined && { [CHANGED_BY_ANNOTATION]: user }) };
  return { ...rest, ...(Object.keys(next).length > 0 && { annotations: next }) };
}

function checkOwners(references: readonly { readonly uid: string; readonly controller?: boolean | undefined }[], causes: Causes): void {
  if (references.length < 2) return;
  const seen = new Set<string>();
  references.forEach(({ uid }, index) => {
    if (seen.has(uid)) causes.add(`metadata.ownerReferences[${index}].uid`, `found ${uid} a second time`);
    seen.add(uid);
  });
  if (references.filter(({ controller }) => controller === true).length > 1)
    causes.add("metadata.ownerReferences", "found several with controller: true; allowed: one");
}

/** The object without new managed fields; sealed, sharing what is equal with `former`. */
function frame({ kind, key, former, uid, writer }: DraftContext, own: Partial<ObjectMeta>, spec: unknown, status: unknown): StoredObject {
  const before = former?.metadata;
  if (former !== undefined && own === before && spec === former.spec && status === former.status) return former;
  const { name, namespace } = key;
  const { labels, annotations, finalizers, ownerReferences } = own;
  const metadata: ObjectMeta = {
    name,
    ...(namespace !== undefined && { namespace }),
    uid: before?.uid ?? uid,
    resourceVersion: before?.resourceVersion ?? "0",
    generation: before === undefined ? 1 : spec === former?.spec ? before.generation : before.generation + 1,
    creationTimestamp: before?.creationTimestamp ?? writer.time,
    ...(before?.deletionTimestamp !== undefined && {
      deletionTimestamp: before.deletionTimestamp,
      deletionGracePeriodSeconds: before.deletionGracePeriodSeconds ?? 0,
    }),
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(finalizers !== undefined && { finalizers }),
    ...(ownerReferences !== undefined && { ownerReferences }),
    ...(before?.managedFields !== undefined && { managedFields: before.managedFields }),
  };
  return sealedCopy({ apiVersion: kind.apiVersion, kind: kind.kind, metadata, spec, ...(status !== undefined && { status }) }, former);
}

function withManagedFields(
  next: StoredObject,
  former: StoredObject | undefined,
  before: readonly ManagedFieldsEntry[] | undefined,
  given: Metadata["managedFields"] | ObjectMeta["managedFields"],
  context: DraftContext,
  writer: Writer,
): StoredObject {
  const base = context.applied !== undefined || given === undefined || given === before ? (before ?? []) : givenEntries(given, before);
  if (next === former && base === (before ?? base) && context.applied === undefined) return next;
  const difference = differenceOf(shapeOfKind(context.kind), former === undefined ? {} : ownable(former), ownable(next));
  const entries =
    context.applied === undefined
      ? recordUpdate(base, writer, difference)
      : recordApply(base, writer, context.applied.fields, context.applied.taken, difference);
  if (entries === before || (entries.length === 0 && before === undefined)) return next;
  const { managedFields: _, ...metadata } = next.metadata;
  return Object.freeze({ ...next, metadata: Object.freeze({ ...metadata, ...(entries.length > 0 && { managedFields: Object.freeze(entries) }) }) });
}

/** The parts of an object that someone may own: spec, status, and of the metadata what is not the store's own. */
export function ownable(object: Draft): Draft {
  const { spec, status } = object;
  const { labels, annotations, finalizers, ownerReferences } = (object.metadata ?? {}) as Partial<ObjectMeta>;
  const metadata = {
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(finalizers !== undefined && { finalizers }),
    ...(ownerReferences !== undefined && { ownerReferences }),
  };
  return { ...(Object.keys(metadata).length > 0 && { metadata }), ...(spec !== undefined && { spec }), ...(status !== undefined && { status }) };
}

/** Entries that a writer gives explicitly, as kubectl does to take over its own former ones; an empty list, or one of an empty entry, clears them. */
function givenEntries(
  given: NonNullable<Metadata["managedFields"] | ObjectMeta["managedFields"]>,
  before: readonly ManagedFieldsEntry[] | undefined,
): readonly ManagedFieldsEntry[] {
  // As kube-apiserver: what is none is left as it was.
  if (given.some(({ fieldsV1 }) => fieldsV1 !== undefined && !isFieldSet(fieldsV1))) return before ?? [];
  const entries = given.filter((entry) => entry.fieldsV1 !== undefined && entry.manager !== undefined);
  return entries.length === 0 && before === undefined ? [] : sealedCopy<readonly ManagedFieldsEntry[]>(entries, before);
}
