import { isOrreryError, OrreryError } from "#/base/index.ts";
import { API_GROUP, type Kind, lease, type StoredObject } from "#/model/index.ts";
import { type DeleteOptions, dropNulls, type ObjectInput, type ObjectKey, type Patch, type Store, type WriteOptions } from "#/state/store/index.ts";
import { authorOf, withoutAuthor } from "./author.ts";
import { type BodyOptions, readObject } from "./body.ts";
import { isOwnFormerApply } from "./client-side-apply.ts";
import { type Collection, shownTo } from "./collection.ts";
import { readDeleteOptions } from "./delete-options.ts";
import { type Exchange, headerOf, jsonReply, type Reply } from "./exchange.ts";
import { dropUnknownFields } from "./field-validation.ts";
import { hiding } from "./hidden-names.ts";
import { readPatch } from "./patch-body.ts";
import { decodeMessage, leaseMessage } from "./protobuf-message.ts";
import { missing, type Reads, selection } from "./reads.ts";
import type { Rights } from "./rights.ts";
import { badRequest, deletedStatus, isDryRun } from "./status.ts";

/** Objects that one DELETE of a collection may name. */
const DELETED_AT_ONCE_MAX = 10_000;

export interface Target {
  readonly collection: Collection;
  readonly kind: Kind;
  /** Absent for cluster-scoped kinds, and for all namespaces. */
  readonly namespace?: string;
}

/** Asked before objects are deleted at someone's request: what he is told.
 *  @throws store/immutable: one of them must not be deleted now; why, and what to do instead */
export type CheckDeletion = (kind: Kind, keys: readonly ObjectKey[]) => Promise<readonly string[]>;

/** Asked before an object of `kind` becomes `next`; only for kinds for which it is not `undefined`.
 *  @throws store/invalid: why not, and what is allowed */
export type CheckChange = (kind: Kind) => ((next: StoredObject) => Promise<void>) | undefined;

export interface WriteChecks {
  readonly rights: Rights;
  readonly checkDeletion?: CheckDeletion;
  readonly checkChange?: CheckChange;
}

/** What would be written, and over what. */
export interface Foreseen {
  readonly before?: StoredObject;
  readonly after: StoredObject;
}

/** create, update, patch, delete of our kinds. */
export class Writes {
  readonly #store: Store;
  readonly #reads: Reads;
  readonly #rights: Rights;
  readonly #checkDeletion: CheckDeletion;
  readonly #checkChange: CheckChange;

  constructor(store: Store, reads: Reads, checks: WriteChecks) {
    this.#store = store;
    this.#rights = checks.rights;
    this.#reads = reads;
    this.#checkDeletion = checks.checkDeletion ?? (async () => []);
    this.#checkChange = checks.checkChange ?? (() => undefined);
  }

  async create(exchange: Exchange, target: Target): Promise<Reply> {
    const { collection, kind } = target;
    const given = await readObject(exchange, bodyOf(kind));
    exchange.trail.called((given["metadata"] as { readonly name?: unknown } | undefined)?.name);
    const object = this.#input(exchange, target, given, undefined);
    const created = await this.#checked(kind, this.#options(exchange, kind), (options) => this.#store.create(kind, object, options)).catch(
      (error: unknown) => {
        throw named(error, object.metadata.name);
      },
    );
    return this.#reads.object(exchange, collection, shownTo(exchange.user, created), 201);
  }

  async update(exchange: Exchange, target: Target, name: string, subresource?: "status"): Promise<Reply> {
    await this.#checkSeen(exchange, target, name);
    const object = this.#input(exchange, target, await readObject(exchange, bodyOf(target.kind)), name);
    const written = this.#checked(target.kind, this.#options(exchange, target.kind, subresource), (options) =>
      this.#store.update(target.kind, object, options),
    );
    return await this.#shown(exchange, target, name, written);
  }

  async patch(exchange: Exchange, target: Target, name: string, subresource?: "status"): Promise<Reply> {
    const { kind } = target;
    await this.#checkSeen(exchange, target, name);
    const patch = await this.#readPatch(exchange, target, name);
    const key = keyOf(target, name);
    const write = (given: Patch): Promise<StoredObject> =>
      this.#checked(kind, this.#options(exchange, kind, subresource, given), (how) => this.#store.patch(kind, key, given, how));
    if (patch.type !== "apply") return await this.#shown(exchange, target, name, write(patch));
    const live = await this.#store.get(kind, key);
    const applied = this.#applied(writeOptions(exchange, kind), live, (isForced) => write(isForced ? { ...patch, force: true } : patch));
    return await this.#shown(exchange, target, name, applied, live === undefined ? 201 : 200);
  }

  /** What would become of an object, asked as the write itself would be: the same door, checks and rights. `exchange` must be a dry run.
   *  @throws as the write */
  async foresee(
    exchange: Exchange,
    target: Target,
    given: Readonly<Record<string, unknown>>,
    how: { readonly as: "apply" | "replace" | "create"; readonly force: boolean; readonly name: string },
  ): Promise<Foreseen> {
    const { kind } = target;
    const options = this.#options(exchange, kind);
    if (options.dryRun !== true) throw new TypeError("what is foreseen is not written");
    const { as, force, name } = how;
    const checked = (write: (options: WriteOptions) => Promise<StoredObject>): Promise<StoredObject> => this.#checked(kind, options, write);
    const create = async (): Promise<Foreseen> => {
      this.#rights.checkDoor(exchange.user, target, "create", name);
      const object = this.#input(exchange, target, given, undefined);
      return { after: await checked((one) => this.#store.create(kind, object, one)) };
    };
    if (as === "create") return await create();
    this.#rights.checkDoor(exchange.user, target, as === "apply" ? "patch" : "update", name);
    await this.#checkSeen(exchange, target, name);
    const key = keyOf(target, name);
    const before = await this.#store.get(kind, key);
    // A version says that it was there when it was read.
    const version = (given["metadata"] as { readonly resourceVersion?: unknown } | undefined)?.resourceVersion;
    if (before === undefined && as === "replace" && version === undefined) return await create();
    const object = this.#input(exchange, target, given, name);
    const after =
      as === "replace"
        ? await checked((one) => this.#store.update(kind, object, one))
        : await this.#applied(options, before, (isForced) =>
            checked((one) => this.#store.patch(kind, key, { type: "apply", body: object, force: force || isForced }, one)),
          );
    return { ...(before !== undefined && { before }), after };
  }

  /** Applies, and once more by force where what is in the way is what the same client wrote before it applied on the server's side. */
  async #applied(
    { fieldManager }: WriteOptions,
    live: StoredObject | undefined,
    write: (isForced: boolean) => Promise<StoredObject>,
  ): Promise<StoredObject> {
    try {
      return await write(false);
    } catch (error) {
      if (!isOrreryError(error, "store/apply-conflict") || !isOwnFormerApply(error, fieldManager, live)) throw error;
      return await write(true);
    }
  }

  async delete(exchange: Exchange, target: Target, name: string): Promise<Reply> {
    const { collection, kind, namespace } = target;
    await this.#checkSeen(exchange, target, name);
    const { dry, options } = await this.#deleteOptions(exchange, kind);
    const key = keyOf({ namespace }, name);
    // Nothing is asked or told about what the preconditions refuse.
    if ((await this.#store.delete(kind, key, dry)) === undefined) throw missing(collection, name);
    const warnings = await this.#warningsOf(exchange, kind, [key]);
    const deleted = await this.#store.delete(kind, key, options);
    if (deleted === undefined) throw missing(collection, name);
    exchange.warnings.push(...warnings);
    // RFC 7240: our own clients want what was deleted, kubectl a Status.
    if (isKept(deleted) || headerOf(exchange.request, "prefer") === "return=representation")
      return this.#reads.object(exchange, collection, shownTo(exchange.user, deleted));
    return jsonReply(deletedStatus({ name, plural: kind.plural, group: kind.group, uid: deleted.metadata.uid }));
  }

  /** Deletes all that the query selects; one that cannot be deleted stops it. What others have to approve is asked for at once, each as its own; nothing has to be sent again for it.
   *  @throws access/waits: some wait, what does not is deleted */
  async deleteCollection(exchange: Exchange, { collection, kind, namespace }: Target): Promise<Reply> {
    const { dry, options } = await this.#deleteOptions(exchange, kind);
    const seen = { ...selection(exchange.query, namespace), ...this.#rights.filtering(exchange.user, kind) };
    const { items, resourceVersion } = await this.#store.list(kind, { ...seen, limit: DELETED_AT_ONCE_MAX });
    const keys = items.map(({ metadata }) => keyOf(metadata, metadata.name));
    for (const key of keys) await this.#store.delete(kind, key, dry);
    const warnings = await this.#warningsOf(exchange, kind, keys);
    const waits: OrreryError[] = [];
    for (const key of keys)
      await this.#store.delete(kind, key, options).catch((error: unknown) => {
        if (!isOrreryError(error, "access/waits")) throw error;
        waits.push(error);
      });
    const [first, ...others] = waits;
    if (first !== undefined) exchange.trail.settle({ code: 200 });
    if (first !== undefined && others.length > 0)
      throw new OrreryError(
        "access/waits",
        `${waits.length} of ${keys.length} wait: ${waits.map(({ message }) => message).join("; ")}`.slice(0, 4_000),
        {
          details: { ...first.details, approvals: waits.map(({ details }) => details["approval"]) },
        },
      );
    if (first !== undefined) throw first;
    exchange.warnings.push(...warnings);
    return jsonReply({
      kind: `${collection.kind}List`,
      apiVersion: kind.apiVersion,
      metadata: { resourceVersion },
      items: items.map((item) => shownTo(exchange.user, item)),
    });
  }

  /** What is told of a deletion, without the names of what its reader may not see.
   *  @throws as `CheckDeletion` */
  async #warningsOf({ user }: Exchange, kind: Kind, keys: readonly ObjectKey[]): Promise<readonly string[]> {
    const own = keys.map(({ name }) => name);
    try {
      const warnings = await this.#checkDeletion(kind, keys);
      return warnings.length === 0 ? warnings : [...new Set(warnings.map(await hiding(user, this.#rights, this.#store, own)))];
    } catch (error) {
      if (!isOrreryError(error)) throw error;
      const told = (await hiding(user, this.#rights, this.#store, own))(error.message);
      throw told === error.message ? error : new OrreryError(error.code, told, { retry: error.retry, cause: error });
    }
  }

  #options(exchange: Exchange, kind: Kind, subresource?: "status", patch?: Patch): WriteOptions {
    const options = writeOptions(exchange, kind, subresource);
    const how = { ...options, ...(patch !== undefined && { patch }) };
    return exchange.trail.intending(kind, { ...options, ...this.#rights.admitting(exchange, kind, how) });
  }

  /** Of the deletion, and of its trial before. */
  async #deleteOptions(exchange: Exchange, kind: Kind): Promise<{ readonly dry: DeleteOptions; readonly options: DeleteOptions }> {
    const options = { ...(await readDeleteOptions(exchange)), ...authorOf(kind, exchange.user) };
    return {
      dry: { ...options, dryRun: true, ...this.#rights.admitting(exchange, kind, { dryRun: true }) },
      options: exchange.trail.intending(kind, { ...options, ...this.#rights.admitting(exchange, kind, options) }),
    };
  }

  async #checkSeen({ user }: Exchange, target: Target, name: string): Promise<void> {
    await this.#rights.checkSeen(user, target.kind, keyOf(target, name), () => missing(target.collection, name));
  }

  /** Writes, if what would be written may be. */
  async #checked(kind: Kind, options: WriteOptions, write: (options: WriteOptions) => Promise<StoredObject>): Promise<StoredObject> {
    const check = options.subresource === "status" ? undefined : this.#checkChange(kind);
    if (check !== undefined) {
      // Its rights are looked at when it is written.
      const { admit: _, ...trial } = options;
      await check(await write({ ...trial, dryRun: true }));
    }
    return await write(options);
  }

  async #shown(exchange: Exchange, { collection }: Target, name: string, written: Promise<StoredObject>, status = 200): Promise<Reply> {
    try {
      return this.#reads.object(exchange, collection, shownTo(exchange.user, await written), status);
    } catch (error) {
      if (
        error instanceof OrreryError &&
        error.code === "store/missing" &&
        error.details["kind"] === collection.kind &&
        error.details["name"] === name
      )
        throw missing(collection, name);
      throw error;
    }
  }

  /** The object of a body, as far as path and body agree. */
  #input(exchange: Exchange, { kind, namespace }: Target, body: Readonly<Record<string, unknown>>, name: string | undefined): ObjectInput {
    const pruned = dropNulls(kind, dropUnknownFields(kind, body, exchange));
    const given = (pruned["metadata"] ?? {}) as ObjectInput["metadata"];
    if (typeof given !== "object" || Array.isArray(given)) throw badRequest("metadata: give a map");
    for (const field of ["name", "generateName", "namespace", "uid", "resourceVersion"] as const)
      if (given[field] !== undefined && typeof given[field] !== "string") throw badRequest(`metadata.${field}: give a text`);
    const metadata = withoutAuthor(kind, given);
    if (name !== undefined && metadata.name !== undefined && metadata.name !== name) throw mismatch(kind, "metadata.name", metadata.name, name);
    if (namespace !== undefined && (metadata.namespace ?? "") !== "" && metadata.namespace !== namespace)
      throw mismatch(kind, "metadata.namespace", metadata.namespace, namespace);
    return { ...pruned, metadata: { ...metadata, ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }) } };
  }

  async #readPatch(exchange: Exchange, target: Target, name: string): Promise<Patch> {
    const patch = await readPatch(exchange, { takesStrategic: target.kind.group !== API_GROUP });
    if (patch.type === "apply") return { ...patch, body: this.#input(exchange, target, patch.body, name) };
    return patch.type === "merge" ? { ...patch, body: dropUnknownFields(target.kind, patch.body, exchange) } : patch;
  }
}

/** Go's typed clients send Kubernetes' own kinds as protobuf. */
function bodyOf(kind: Kind): BodyOptions {
  return kind === lease ? { protobuf: (bytes) => decodeMessage(leaseMessage, bytes) } : {};
}

export function keyOf({ namespace }: { readonly namespace?: string | undefined }, name: string): ObjectKey {
  return { name, ...(namespace !== undefined && { namespace }) };
}

/** dryRun and fieldManager of a query, and who writes.
 *  @throws api/bad-request */
export function writeOptions({ query, request, user }: Exchange, kind: Kind, subresource?: "status"): WriteOptions {
  const manager = query.get("fieldManager") ?? "";
  if (manager.length > 128) throw badRequest("fieldManager: at most 128 characters");
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(manager))
    throw badRequest(`fieldManager: found ${JSON.stringify(manager)}; allowed: characters that can be printed`);
  const fieldManager = manager !== "" ? manager : (headerOf(request, "user-agent")?.split("/")[0] ?? "").slice(0, 128);
  return {
    dryRun: isDryRun(query.getAll("dryRun")),
    ...(fieldManager !== "" && { fieldManager }),
    ...(subresource !== undefined && { subresource }),
    ...authorOf(kind, user),
  };
}

function mismatch(kind: Kind, field: string, found: unknown, inUrl: string): OrreryError {
  const message = `found ${JSON.stringify(found)?.slice(0, 200)}; allowed: ${JSON.stringify(inUrl)}, as in the URL`;
  return new OrreryError("store/invalid", `${kind.kind} ${inUrl} is not valid: ${field}: ${message}`, { details: { causes: [{ field, message }] } });
}

function isKept({ metadata }: StoredObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers?.length ?? 0) > 0;
}

/** The error with the name of the object that was to be created: a creation's path does not hold it, and kubectl shows it. */
function named(error: unknown, name: string | undefined): unknown {
  if (!isOrreryError(error) || name === undefined) return error;
  return new OrreryError(error.code, error.message, { retry: error.retry, details: { ...error.details, name }, cause: error });
}
