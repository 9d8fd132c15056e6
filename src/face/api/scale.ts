import { isOrreryError, OrreryError } from "#/base/index.ts";
import { compileJsonPath, type StoredObject, scale } from "#/model/index.ts";
import type { Identity } from "#/people/access/index.ts";
import { checkPatched, mergePatch, type Patch, patchJson, pruneUnknown, type Store } from "#/state/store/index.ts";
import { readObject, SMALL_BODY_BYTES_MAX } from "./body.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { dropUnknownFields } from "./field-validation.ts";
import { readPatch } from "./patch-body.ts";
import { missing } from "./reads.ts";
import type { Rights } from "./rights.ts";
import { keyOf, type Target, writeOptions } from "./writes.ts";

/** What is made of the present number is made again, so often, where somebody writes in between. */
const ATTEMPTS_MAX = 20;

/** autoscaling/v1 Scale, as `kubectl scale` and autoscalers speak it: a view of one number of an object. A patch is carried out on the view: what it does not name does not change. */
export class Scales {
  readonly #store: Store;
  readonly #rights: Rights;

  constructor(store: Store, rights: Rights) {
    this.#store = store;
    this.#rights = rights;
  }

  async get({ user }: Exchange, target: Target, name: string): Promise<Reply> {
    return jsonReply(scaleOf(await this.#present(user, target, name), target));
  }

  /** Replaces it. A `spec` without `replicas` means 0: Go leaves out what is 0. */
  async update(exchange: Exchange, target: Target, name: string): Promise<Reply> {
    const given = await readObject(exchange, { bytesMax: SMALL_BODY_BYTES_MAX });
    const spec = given["spec"];
    if (typeof spec !== "object" || spec === null || Array.isArray(spec)) throw invalid(name, "spec", "missing: give spec.replicas");
    return await this.#write(exchange, target, name, { change: () => ({ ...given, spec: { replicas: 0, ...spec } }), isBlind: true });
  }

  async patch(exchange: Exchange, target: Target, name: string): Promise<Reply> {
    const patch = await readPatch(exchange, { bytesMax: SMALL_BODY_BYTES_MAX });
    if (patch.type === "apply") return await this.#write(exchange, target, name, { change: () => patch.body, force: patch.force });
    return await this.#write(exchange, target, name, {
      change: (before) => {
        const after = patch.type === "merge" ? mergePatch(before, patch.body) : patchJson(`the scale of ${name}`, before, patch.body);
        // Not sent by the client, who may still mean another version.
        return withoutVersion(checkPatched(`Scale ${name}`, before, after), before);
      },
      isBlind: patch.type === "merge" && isMap(patch.body) && isMap(patch.body["spec"]) && patch.body["spec"]["replicas"] !== undefined,
    });
  }

  /** Writes the number of the Scale that `change` makes. */
  async #write(exchange: Exchange, target: Target, name: string, { change, isBlind = false, force }: ScaleWish): Promise<Reply> {
    const { kind } = target;
    const wish = { ...writeOptions(exchange, kind), through: "scale" as const };
    for (let attempt = 1; ; attempt++) {
      const before = await this.#present(exchange.user, target, name);
      const { replicas, resourceVersion } = checked(knownFields(exchange, name, change(scaleOf(before, target))), before);
      const expected = resourceVersion ?? (isBlind ? undefined : before.metadata.resourceVersion);
      const body = {
        metadata: { name, ...(expected !== undefined && { resourceVersion: expected }) },
        ...nested(kind.scale?.specPath ?? "", replicas),
      };
      const patch: Patch = force === undefined ? { type: "merge", body } : { type: "apply", body, force };
      const options = exchange.trail.intending(kind, { ...wish, ...this.#rights.admitting(exchange, kind, { ...wish, patch }) });
      try {
        return jsonReply(scaleOf(await this.#store.patch(kind, keyOf(target, name), patch, options), target));
      } catch (error) {
        if (!isOrreryError(error, "store/conflict") || resourceVersion !== undefined || attempt >= ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #present(who: Identity, target: Target, name: string): Promise<StoredObject> {
    const object = await this.#rights.find(who, target.kind, keyOf(target, name));
    if (object === undefined) throw missing(target.collection, name);
    return object;
  }
}

interface ScaleWish {
  /** The Scale that is wished, from the present one. */
  readonly change: (before: Scale) => Readonly<Record<string, unknown>>;
  /** The number is the client's own, whatever the present one is: nothing that comes between can make it wrong. */
  readonly isBlind?: boolean;
  /** Of a server-side apply. */
  readonly force?: boolean;
}

interface Scale {
  readonly kind: "Scale";
  readonly apiVersion: "autoscaling/v1";
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: { readonly replicas: unknown };
  readonly status: { readonly replicas: unknown };
}

function scaleOf(object: StoredObject, { kind }: Target): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const read = (path: string | undefined): unknown => (path === undefined ? undefined : compileJsonPath(path)(object));
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: read(kind.scale?.specPath) ?? 0 },
    status: { replicas: read(kind.scale?.statusPath) ?? 0 },
  };
}

/** `wish` without fields that a Scale does not have; Strict refuses them. */
function knownFields(exchange: Exchange, name: string, wish: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { removed } = pruneUnknown(scale, wish);
  if (removed.length > 0 && exchange.query.get("fieldValidation") === "Strict") throw invalid(name, removed[0] ?? "", "unknown field");
  const warnings: string[] = [];
  const known = dropUnknownFields(scale, wish, { query: exchange.query, warnings });
  // Tried again, it is told once.
  for (const text of warnings) if (!exchange.warnings.includes(text)) exchange.warnings.push(text);
  return known;
}

/** What a Scale wants of `object`.
 *  @throws store/invalid, store/conflict */
function checked(wish: Readonly<Record<string, unknown>>, object: StoredObject): { readonly replicas: number; readonly resourceVersion?: string } {
  const { name, namespace, uid } = object.metadata;
  const { apiVersion = "autoscaling/v1", kind = "Scale", metadata = {}, spec } = wish;
  if (apiVersion !== "autoscaling/v1") throw invalid(name, "apiVersion", `found ${JSON.stringify(apiVersion)}; allowed: autoscaling/v1`);
  if (kind !== "Scale") throw invalid(name, "kind", `found ${JSON.stringify(kind)}; allowed: Scale`);
  if (!isMap(metadata)) throw invalid(name, "metadata", "give a map");
  const same = (field: string, found: unknown, present: unknown): void => {
    if (found !== undefined && found !== "" && found !== present)
      throw invalid(name, `metadata.${field}`, `found ${JSON.stringify(found)}; allowed: ${JSON.stringify(present)}`);
  };
  same("name", metadata["name"], name);
  same("namespace", metadata["namespace"], namespace);
  const { uid: wantedUid, resourceVersion } = metadata;
  if (wantedUid !== undefined && wantedUid !== "" && wantedUid !== uid)
    throw new OrreryError("store/conflict", `${name}: its uid is ${uid}, not ${String(wantedUid)}: it was deleted and made anew`, {
      retry: "after-reread",
    });
  const replicas = isMap(spec) ? spec["replicas"] : undefined;
  if (!Number.isSafeInteger(replicas)) throw invalid(name, "spec.replicas", `found ${JSON.stringify(replicas) ?? "nothing"}; give a whole number`);
  if (resourceVersion !== undefined && typeof resourceVersion !== "string") throw invalid(name, "metadata.resourceVersion", "give a text");
  return { replicas: replicas as number, ...(resourceVersion !== undefined && resourceVersion !== "" && { resourceVersion }) };
}

/** `after` without the version that it has from `before`. */
function withoutVersion(after: Readonly<Record<string, unknown>>, before: Scale): Readonly<Record<string, unknown>> {
  const { metadata } = after;
  if (!isMap(metadata) || metadata["resourceVersion"] !== before.metadata["resourceVersion"]) return after;
  const { resourceVersion: _, ...rest } = metadata;
  return { ...after, metadata: rest };
}

function invalid(name: string, field: string, message: string): OrreryError {
  return new OrreryError("store/invalid", `Scale ${name} is not valid: ${field === "" ? "" : `${field}: `}${message}`, {
    details: { causes: [{ field, message }] },
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `{spec: {replicas: value}}` for `.spec.replicas`. */
function nested(path: string, value: unknown): object {
  return path
    .split(".")
    .slice(1)
    .reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}
