import { type Clock, isOrreryError, OrreryError, type Random, randomBelow, TimeOrderedUuids } from "#/base/index.ts";
import { CHANGED_BY_ANNOTATION, type Kind, type StoredObject } from "#/model/index.ts";
import { checkValue, type Tree, type TreeOperation } from "#/state/tree/index.ts";
import type { DeleteOptions, ObjectInput, ObjectKey, Patch, WriteOptions } from "../contract.ts";
import { buildObject, type Draft, type DraftContext, ownable } from "../draft.ts";
import { type Applied, applyConfig } from "../fields/apply.ts";
import { withoutDefaults } from "../fields/defaults.ts";
import type { Writer } from "../fields/managed-fields.ts";
import { shapeOfKind } from "../fields/shape.ts";
import { patchJson } from "../json-patch.ts";
import { isMap, mergePatch } from "../merge-patch.ts";
import { checkPatched } from "../patched.ts";
import { dropNulls } from "../pruning.ts";
import { redact, withKeptAnnotation } from "../redaction.ts";
import { coverUnmarked } from "../secrets.ts";
import { conflict, invalid, missing, permanent, titleOf } from "../store-error.ts";
import { Causes, checkListKeys, completeKey, partShape } from "../validation.ts";
import { areUniquesEqual, describeUniquePath, encodeObject, objectPath, uniquePaths, withVersion } from "./layout.ts";
import type { Memories } from "./memories.ts";
import { buried } from "./memory.ts";
import { checkOwners } from "./owner-check.ts";
import { translateTreeError } from "./tree-error.ts";
import { Turns } from "./turns.ts";

/** Finalizers by which the garbage collector keeps an owner until its dependents are gone, or let go. */
export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";
const ATTEMPTS_MAX = 10;

export interface WritesOptions {
  readonly tree: Tree;
  readonly memories: Memories;
  readonly clock: Clock;
  readonly random: Random;
}

type Build = (former: StoredObject | undefined) => StoredObject;

/** Creates, changes and deletes. Each write is one compare-and-set in the tree; writes of one object take turns here, so that only writers of other processes are ever met in between. */
export class Writes {
  readonly #options: WritesOptions;
  readonly #turns = new Turns();
  /** Who asked first is the elder, also of two within a millisecond: Updates take turns by it. */
  readonly #uids: TimeOrderedUuids;
  /** Of the latest write. */
  #time = { second: Number.NaN, text: "" };

  constructor(options: WritesOptions) {
    this.#options = options;
    this.#uids = new TimeOrderedUuids(options.random, options.clock);
  }

  async create(kind: Kind, input: ObjectInput, options: WriteOptions): Promise<StoredObject> {
    const { generateName, name } = input.metadata;
    if (name !== undefined && name !== "") return await this.#create(kind, completeKey(kind, { ...input.metadata, name }), input, options);
    if (typeof generateName !== "string" || generateName === "")
      throw invalid(kind.kind, [{ field: "metadata.name", message: "missing: give a name, or generateName to have one made" }]);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#create(kind, completeKey(kind, { ...input.metadata, name: `${generateName}${this.#suffix()}` }), input, options);
      } catch (error) {
        if (attempt >= ATTEMPTS_MAX || !isOrreryError(error, "store/exists")) throw error;
      }
    }
  }

  async update(kind: Kind, input: ObjectInput, options: WriteOptions): Promise<StoredObject> {
    const { name } = input.metadata;
    if (name === undefined || name === "")
      throw invalid(kind.kind, [{ field: "metadata.name", message: "missing: give the name of the object to replace" }]);
    const key = completeKey(kind, { ...input.metadata, name });
    return await this.#change(kind, key, options, (former) => {
      if (former === undefined) throw missing(kind, key);
      const { managedFields } = input.metadata;
      // Left out is not cleared: most writers do not know of it.
      const metadata =
        managedFields === undefined && former.metadata.managedFields !== undefined
          ? { ...input.metadata, managedFields: former.metadata.managedFields }
          : input.metadata;
      return buildObject(this.#context(kind, key, former, { ...input, metadata }, options));
    });
  }

  async patch(kind: Kind, givenKey: ObjectKey, patch: Patch, options: WriteOptions): Promise<StoredObject> {
    const key = completeKey(kind, givenKey);
    if (patch.type === "apply")
      return await this.#change(kind, key, options, (former) => this.#apply(kind, key, former, patch.body, patch.force === true, options));
    if (patch.type === "merge" && !isMap(patch.body))
      throw invalid(`the merge patch of ${titleOf(kind, key)}`, [{ field: "", message: "give a map of the fields to change" }]);
    return await this.#change(kind, key, options, (former) => {
      if (former === undefined) throw missing(kind, key);
      const title = titleOf(kind, key);
      // Its operations read, too: they are carried out on what readers are shown, so that none of them copies a secret, or asks whether it is this one.
      const patched =
        patch.type === "merge" ? mergePatch(former, patch.body) : withKeptAnnotation(former, patchJson(title, redact(former), patch.body));
      return buildObject(this.#context(kind, key, former, checkPatched(title, former, patched), options));
    });
  }

  async delete(kind: Kind, givenKey: ObjectKey, options: DeleteOptions): Promise<StoredObject | undefined> {
    const key = completeKey(kind, givenKey);
    if (this.#options.memories.get(kind, key) === undefined) return undefined;
    // One that could not be made under this name today has come from elsewhere: it may go.
    if (kind.permanent !== undefined && kind.name?.safeParse(key.name).success !== false) throw permanent(kind, key);
    return await this.#turns.run(objectPath(kind, key), () => this.#retry(kind, key, () => this.#delete(kind, key, options)));
  }

  async #create(kind: Kind, key: ObjectKey, input: ObjectInput, options: WriteOptions): Promise<StoredObject> {
    const { memories } = this.#options;
    if (input.metadata.resourceVersion !== undefined && input.metadata.resourceVersion !== "") {
      throw invalid(titleOf(kind, key), [
        {
          field: "metadata.resourceVersion",
          message: `found ${JSON.stringify(String(input.metadata.resourceVersion).slice(0, 100))}; allowed: none, for an object that is to be created`,
        },
      ]);
    }
    if (memories.get(kind, key) !== undefined) throw exists(kind, key);
    const { managedFields: _, ...metadata } = input.metadata;
    const draft: Draft = { ...input, metadata: { ...metadata, name: key.name } };
    const next = buildObject({
      kind,
      key,
      writer: this.#writer(kind, "Update", options, undefined),
      former: undefined,
      draft,
      parts: options.subresource === "status" ? "all" : "main",
      uid: this.#uids.next(),
      ...authorship(options),
    });
    return await this.#turns.run(objectPath(kind, key), () => this.#write(kind, key, undefined, next, options));
  }

  /** Builds from the present object and writes, again if someone else came between. */
  #change(kind: Kind, key: ObjectKey, options: WriteOptions, build: Build): Promise<StoredObject> {
    const path = objectPath(kind, key);
    return this.#turns.run(path, () =>
      this.#retry(kind, key, async () => {
        const former = this.#options.memories.get(kind, key);
        const next = build(former);
        if (next === former) return former;
        if (former === undefined || next.metadata.ownerReferences === former.metadata.ownerReferences || options.dryRun === true)
          return await this.#write(kind, key, former, next, options);
        // Two objects that become each other's owners at once: one of them must see the other's change.
        return await this.#turns.run("owners", () => this.#write(kind, key, former, next, options));
      }),
    );
  }

  async #retry<T>(kind: Kind, key: ObjectKey, attempt: () => Promise<T>): Promise<T> {
    for (let count = 1; ; count++) {
      try {
        return await attempt();
      } catch (error) {
        if (count >= ATTEMPTS_MAX || !isRace(error)) throw error;
        await this.#catchUp(kind, key);
      }
    }
  }

  /** Waits until the memory knows what the tree has for `key`. */
  async #catchUp(kind: Kind, key: ObjectKey): Promise<void> {
    const { tree, memories } = this.#options;
    const { version } = await tree.list(objectPath(kind, key));
    await memories.shown(version);
  }

  #apply(kind: Kind, key: ObjectKey, former: StoredObject | undefined, given: ObjectInput, force: boolean, options: WriteOptions): StoredObject {
    const title = titleOf(kind, key);
    const body = dropNulls(kind, given);
    if (!isMap(body)) throw invalid(title, [{ field: "", message: "give the object to apply" }]);
    const causes = new Causes(title);
    if ((body.metadata?.managedFields?.length ?? 0) > 0)
      causes.add("metadata.managedFields", "found a list; allowed: none, for an object that is applied");
    const part = options.subresource === "status" ? "status" : "spec";
    const config = ownable({ metadata: body.metadata, [part]: body[part] });
    checkListKeys(shapeOfKind(kind), config, [], causes);
    causes.check();
    const writer = this.#writer(kind, "Apply", options, former);
    const shape = shapeOfKind(kind);
    const entries = former?.metadata.managedFields ?? [];
    const live =
      former === undefined
        ? undefined
        : {
            ...ownable(former),
            ...(former[part] !== undefined && {
              [part]: withoutDefaults({ name: part, schema: kind[part], shape: partShape(kind[part]), value: former[part] }, entries),
            }),
          };
    const applied = applyConfig({ title, shape, live, config, entries, writer, force });
    const merged = applied.merged as Draft;
    const { uid, resourceVersion, name, namespace } = body.metadata ?? {};
    if (former === undefined && resourceVersion !== undefined && resourceVersion !== "") throw conflict(kind, key, "it does not exist any more");
    // Who names a uid means one object, not any of that name: as a kube-apiserver, no other one is made.
    if (former === undefined && uid !== undefined && uid !== "") throw conflict(kind, key, `there is none, and the uid ${uid} is asked for`);
    const identity = {
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
    };
    const { metadata: _m, spec: _s, status: _t, ...frame } = body as Readonly<Record<string, unknown>>;
    const spec = coverUnmarked(merged.spec, former?.spec, config.spec);
    const draft: Draft = {
      ...frame,
      ...merged,
      ...(spec !== undefined && { spec }),
      metadata: { ...(isMap(merged.metadata) ? merged.metadata : {}), ...identity },
    };
    return buildObject({ ...this.#context(kind, key, former, draft, options, applied), writer });
  }

  #context(kind: Kind, key: ObjectKey, former: StoredObject | undefined, draft: Draft, options: WriteOptions, applied?: Applied): DraftContext {
    const uid = former?.metadata.uid ?? this.#uids.next();
    const parts = options.subresource === "status" ? "status" : "main";
    const writer = this.#writer(kind, "Update", options, former);
    return { kind, key, former, draft, parts, uid, writer, ...authorship(options), ...(applied !== undefined && { applied }) };
  }

  #writer({ apiVersion }: Kind, operation: "Update" | "Apply", options: WriteOptions, former: StoredObject | undefined): Writer {
    const isStatus = options.subresource === "status" && (former !== undefined || operation === "Apply");
    return {
      manager: options.fieldManager ?? "orrery",
      operation,
      apiVersion,
      subresource: isStatus ? "status" : options.through,
      time: this.#now(),
    };
  }

  async #write(kind: Kind, key: ObjectKey, former: StoredObject | undefined, next: StoredObject, options: WriteOptions): Promise<StoredObject> {
    if (next.metadata.ownerReferences !== undefined && next.metadata.ownerReferences !== former?.metadata.ownerReferences)
      checkOwners(kind, next, this.#options.memories);
    const admitted = options.admit?.(former, next);
    if (admitted !== undefined) await admitted;
    const isLast = former?.metadata.deletionTimestamp !== undefined && next.metadata.finalizers === undefined;
    if (options.dryRun === true) {
      if (!isLast) this.#checkValue(kind, key, next);
      await this.#checkUnique(kind, key, former, next);
      return next;
    }
    if (isLast) return await this.#remove(kind, key, former, next);
    const path = objectPath(kind, key);
    const value = encodeObject(next);
    const operation: TreeOperation =
      former === undefined ? { op: "create", path, value } : { op: "set", path, value, version: Number(former.metadata.resourceVersion) };
    const forget = this.#options.memories.expect(path, value, next);
    try {
      const version = await this.#commit(kind, key, [operation, ...uniqueOperations(kind, former, next)], isEnding(former, next));
      const shown = this.#options.memories.get(kind, key);
      // Another process may have changed it since; the answer is what this write made of it.
      return shown?.metadata.resourceVersion === String(version) ? shown : withVersion(next, version, value);
    } finally {
      forget();
    }
  }

  async #delete(kind: Kind, key: ObjectKey, options: DeleteOptions): Promise<StoredObject | undefined> {
    const former = this.#options.memories.get(kind, key);
    if (former === undefined) return undefined;
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== former.metadata.uid) throw conflict(kind, key, `its uid is ${former.metadata.uid}, not ${uid}`);
    if (resourceVersion !== undefined && resourceVersion !== former.metadata.resourceVersion)
      throw conflict(kind, key, `it is at resourceVersion ${former.metadata.resourceVersion}, not ${resourceVersion}`);
    const finalizers = this.#finalizersFor(former, options.propagationPolicy);
    if (former.metadata.deletionTimestamp !== undefined && finalizers.length > 0 && finalizers.length === (former.metadata.finalizers ?? []).length)
      return former;
    const admitted = options.admit?.(former, undefined);
    if (admitted !== undefined) await admitted;
    if (finalizers.length === 0) return options.dryRun === true ? former : await this.#remove(kind, key, former, former);
    const { generation, deletionTimestamp } = former.metadata;
    const marks =
      deletionTimestamp === undefined
        ? { deletionTimestamp: this.#now(), deletionGracePeriodSeconds: 0, generation: generation + 1, ...deletedBy(former, options) }
        : {};
    const next: StoredObject = Object.freeze({
      ...former,
      metadata: Object.freeze({ ...former.metadata, ...marks, finalizers: Object.freeze(finalizers) }),
    });
    return await this.#write(kind, key, former, next, { dryRun: options.dryRun === true });
  }

  #finalizersFor(former: StoredObject, policy: DeleteOptions["propagationPolicy"]): readonly string[] {
    const finalizers = former.metadata.finalizers ?? [];
    const added = policy === "Foreground" ? FOREGROUND : policy === "Orphan" ? ORPHAN : undefined;
    // Without dependents there is nothing to wait for.
    if (added === undefined || finalizers.includes(added) || !this.#options.memories.owners.hasDependents(former.metadata.uid)) return finalizers;
    return [...finalizers, added];
  }

  async #remove(kind: Kind, key: ObjectKey, former: StoredObject, last: StoredObject): Promise<StoredObject> {
    const version = Number(former.metadata.resourceVersion);
    const unique = uniquePaths(kind, former).map((path): TreeOperation => ({ op: "delete", path }));
    return buried(last, await this.#commit(kind, key, [{ op: "delete", path: objectPath(kind, key), version }, ...unique], true));
  }

  /** Carries the operations out (the first is the object's own); resolves when their effect can be read. */
  async #commit(kind: Kind, key: ObjectKey, operations: readonly TreeOperation[], isUrgent: boolean): Promise<number> {
    const { tree, memories } = this.#options;
    let version: number;
    try {
      version = await tree.multi(operations, { isUrgent });
    } catch (error) {
      throw await this.#explain(kind, key, operations, error);
    }
    await memories.shown(version);
    return version;
  }

  async #explain(kind: Kind, key: ObjectKey, operations: readonly TreeOperation[], error: unknown): Promise<unknown> {
    if (!isOrreryError(error)) return error;
    const operation = operations[Number(error.details["index"] ?? 0)];
    if (operation !== undefined && operation !== operations[0] && error.code === "tree/exists")
      return await this.#duplicate(kind, key, operation.path, error);
    if (error.code === "tree/exists") return exists(kind, key, error);
    if (error.code === "tree/conflict" || error.code === "tree/missing") {
      const { message, details } = conflict(kind, key, "someone else wrote it");
      return new OrreryError("store/conflict", message, { retry: "after-reread", details, cause: error });
    }
    return translateTreeError(titleOf(kind, key), error);
  }

  async #duplicate(kind: Kind, key: ObjectKey, path: string, cause: unknown): Promise<OrreryError> {
    const holder = (await this.#options.tree.get(path))?.value ?? "another object";
    const { field, value } = describeUniquePath(path);
    const details = { holder, field, value, kind: kind.kind, ...key };
    return new OrreryError(
      "store/duplicate",
      `${titleOf(kind, key)}: ${field} ${value} belongs to ${titleOf(kind, { ...key, name: holder })}; give another one, or delete that object`,
      { details, cause },
    );
  }

  /** As the tree will, without writing. */
  #checkValue(kind: Kind, key: ObjectKey, next: StoredObject): void {
    try {
      checkValue(objectPath(kind, key), encodeObject(next));
    } catch (error) {
      throw translateTreeError(titleOf(kind, key), error);
    }
  }

  async #checkUnique(kind: Kind, key: ObjectKey, former: StoredObject | undefined, next: StoredObject): Promise<void> {
    for (const { op, path } of uniqueOperations(kind, former, next)) {
      if (op === "create" && (await this.#options.tree.get(path)) !== undefined) throw await this.#duplicate(kind, key, path, undefined);
    }
  }

  #suffix(): string {
    const characters = "bcdfghjklmnpqrstvwxz2456789";
    return Array.from({ length: 5 }, () => characters[randomBelow(this.#options.random, characters.length)]).join("");
  }

  #now(): string {
    const second = Math.floor(this.#options.clock.now() / 1_000);
    if (second !== this.#time.second) this.#time = { second, text: `${new Date(second * 1_000).toISOString().slice(0, 19)}Z` };
    return this.#time.text;
  }
}

function deletedBy({ metadata }: StoredObject, { author, dryRun }: DeleteOptions): Partial<StoredObject["metadata"]> {
  if (author?.of !== "spec" || dryRun === true) return {};
  return { annotations: Object.freeze({ ...metadata.annotations, [CHANGED_BY_ANNOTATION]: author.user }) };
}

function authorship({ author, dryRun }: WriteOptions): Pick<DraftContext, "author" | "isDryRun"> {
  return author === undefined ? {} : { author, isDryRun: dryRun === true };
}

function uniqueOperations(kind: Kind, former: StoredObject | undefined, next: StoredObject): readonly TreeOperation[] {
  if (kind.unique === undefined || former?.spec === next.spec) return [];
  if (former !== undefined && areUniquesEqual(kind, former, next)) return [];
  const before = former === undefined ? [] : uniquePaths(kind, former);
  const after = uniquePaths(kind, next);
  return [
    ...before.filter((path) => !after.includes(path)).map((path): TreeOperation => ({ op: "delete", path })),
    ...after.filter((path) => !before.includes(path)).map((path): TreeOperation => ({ op: "create", path, value: next.metadata.name })),
  ];
}

/** True if the tree refused because of another writer. Refusals of a draft, which name what its writer expected, have no cause. */
function isRace(error: unknown): boolean {
  return (isOrreryError(error, "store/conflict") || isOrreryError(error, "store/exists")) && isOrreryError(error.cause);
}

function exists(kind: Kind, key: ObjectKey, cause?: unknown): OrreryError {
  return new OrreryError("store/exists", `${titleOf(kind, key)} exists already`, { details: { kind: kind.kind, ...key }, cause });
}

/** True if the change ends something, so that it must be possible on a full disk: of an object that is being deleted, or one that stops a service or takes some of its instances away. */
function isEnding(former: StoredObject | undefined, next: StoredObject): boolean {
  if (former === undefined) return false;
  if (next.metadata.deletionTimestamp !== undefined) return true;
  const [before, after] = [former.spec, next.spec] as { readonly suspended?: unknown; readonly replicas?: unknown }[];
  if (before === undefined || after === undefined) return false;
  if (after.suspended === true && before.suspended !== true) return true;
  return typeof before.replicas === "number" && typeof after.replicas === "number" && after.replicas < before.replicas;
}
