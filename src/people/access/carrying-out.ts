import { type Clock, describeError, isOrreryError, type Log, OrreryError } from "#/base/index.ts";
import { type Approval, approval, type Kind, type StoredObject } from "#/model/index.ts";
import type { Admit, ObjectInput, ObjectKey, Store } from "#/state/store/index.ts";
import { approvalWish } from "./approval-wish.ts";
import type { Identity } from "./contract.ts";
import { contentHash, hashOf } from "./four-eyes.ts";

/** What could not be ended, as the store did not answer, is looked at again after this. */
const AGAIN_MS = 5_000;

/** How what was approved is carried out. */
export interface CarryingOut {
  /** Gives the `admit` that is asked in the place of the one of the write: by it the audit is told, too. */
  readonly told?: (kind: Kind, admit: Admit) => Admit;
  /** Told what came of it. */
  readonly ended?: (outcome: { readonly code: number; readonly message?: string }) => void;
}

export interface CarriesOutOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly clock: Clock;
  readonly log: Log;
  readonly checkChange: (who: Identity, kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined) => Promise<void>;
  /** Ends an Approval that is still Approved; where it is not, it stays as it is. */
  readonly end: (name: string, phase: "Done" | "Failed", message: string) => Promise<Approval>;
  /** Ends what is tried again. */
  readonly signal?: AbortSignal;
  /** Of one that nobody waits for any more: by whom the audit is told. */
  readonly resuming?: (one: Approval) => CarryingOut;
}

/** Carries out what was approved, in the very way in which it was asked for: once, also where a centre ends in between, or two do it at once. */
export class CarriesOut {
  readonly #options: CarriesOutOptions;

  constructor(options: CarriesOutOptions) {
    this.#options = options;
  }

  /** Writes exactly what was approved, or says why it can no longer be. `isAgain`: it may have been written already. */
  async carryOut(one: Approval, { told = (_, admit) => admit, ended = () => {} }: CarryingOut = {}, isAgain = false): Promise<Approval> {
    const { store, kinds, log, end } = this.#options;
    const { name } = one.metadata;
    let phase: "Done" | "Failed" = "Done";
    let message = "carried out as it was approved";
    try {
      const kind = kinds.find((each) => each.kind === one.spec.object.kind);
      const wish = await store.get(approvalWish, { name });
      if (kind === undefined || wish === undefined) throw new OrreryError("access/changed", "what was asked for is no longer known: ask again");
      const former = isAgain ? await this.#findOutcome(one, kind, wish.spec.after) : undefined;
      if (former !== undefined) message = former;
      else await this.#write(one, kind, wish.spec, told);
      ended({ code: 200 });
    } catch (error) {
      // Nobody knows whether it was written: it is looked at again.
      if (isOrreryError(error) && error.retry === "backoff") {
        this.#again(name);
        return one;
      }
      if (!isOrreryError(error)) log.error("approvals: what was approved could not be carried out", { approval: name, error: describeError(error) });
      phase = "Failed";
      message = describeError(error).slice(0, 1_000);
      ended({ code: 409, message: isOrreryError(error) ? error.code : "unexpected" });
    }
    try {
      const last = await end(name, phase, message);
      await store.delete(approvalWish, { name });
      return last;
    } catch (error) {
      log.warn("approvals: the end of one could not be written", { approval: name, error: describeError(error) });
      this.#again(name);
      return one;
    }
  }

  /** Carries out what was approved just before a centre ended. */
  async resume(): Promise<void> {
    const { items } = await this.#options.store.list(approval, { fieldSelector: "status.phase=Approved" });
    for (const one of items) if (one.spec.verb !== "call") await this.carryOut(one, this.#options.resuming?.(one), true);
  }

  #again(name: string): void {
    const { clock, signal } = this.#options;
    if (signal?.aborted !== true) clock.after(AGAIN_MS, () => void this.#look(name), { background: true });
  }

  async #look(name: string): Promise<void> {
    if (this.#options.signal?.aborted === true) return;
    try {
      const one = await this.#options.store.get(approval, { name });
      if (one?.status?.phase === "Approved") await this.carryOut(one, this.#options.resuming?.(one), true);
    } catch (error) {
      this.#options.log.warn("approvals: one cannot be looked at", { approval: name, error: describeError(error) });
      this.#again(name);
    }
  }

  /** What came of a former attempt, in words; `undefined`: nothing was written.
   *  @throws access/changed: nobody can know */
  async #findOutcome({ spec, status }: Approval, kind: Kind, after: unknown): Promise<string | undefined> {
    const present = await this.#options.store.get(kind, keyOf(spec.object));
    if (spec.verb === "delete")
      return present === undefined || present.metadata.deletionTimestamp !== undefined ? "carried out as it was approved: it is gone" : undefined;
    if (present !== undefined && contentHash(present) === contentHash(after as StoredObject)) return "carried out as it was approved";
    if (spec.verb === "create" ? present === undefined : present?.metadata.generation === (status?.generation ?? present?.metadata.generation))
      return undefined;
    throw new OrreryError(
      "access/changed",
      `a centre ended while it carried this out, and ${spec.object.kind} ${spec.object.name} is another one now: nobody knows whether it was carried out; look at it`,
    );
  }

  async #write(
    { spec }: Approval,
    kind: Kind,
    wish: { readonly after?: unknown; readonly applied?: unknown; readonly who: unknown },
    told: NonNullable<CarryingOut["told"]>,
  ): Promise<void> {
    const { store } = this.#options;
    const admit: Admit = async (before, after) => {
      if (hashOf({ ...spec.object, before, after, how: spec.how }) !== spec.hash)
        throw new OrreryError(
          "access/changed",
          `${spec.object.kind} ${spec.object.name} has changed since it was asked for: look at it, and ask again`,
        );
      await this.#options.checkChange(wish.who as Identity, kind, before, after);
    };
    const author = AUTHORED[kind.kind];
    const { fieldManager, apply, force, subresource, propagationPolicy, preconditions } = spec.how ?? {};
    const admitted = { admit: told(kind, admit), ...(author !== undefined && { author: { user: spec.by.name, of: author } }) };
    if (spec.verb === "delete") {
      const how = {
        ...(propagationPolicy !== undefined && { propagationPolicy }),
        ...(preconditions !== undefined && { preconditions: { ...preconditions } as { uid?: string; resourceVersion?: string } }),
      };
      if ((await store.delete(kind, keyOf(spec.object), { ...admitted, ...how })) === undefined)
        throw new OrreryError("access/changed", `${spec.object.kind} ${spec.object.name} is gone`);
      return;
    }
    const options = {
      ...admitted,
      ...(fieldManager !== undefined && { fieldManager }),
      ...(subresource !== undefined && { through: subresource }),
    };
    if (apply === true && wish.applied !== undefined)
      await store.patch(
        kind,
        keyOf(spec.object),
        { type: "apply", body: withoutVersion(wish.applied as ObjectInput), ...(force === true && { force }) },
        options,
      );
    else if (spec.verb === "create") await store.create(kind, inputOf(wish.after as StoredObject, true), options);
    else await store.update(kind, inputOf(wish.after as StoredObject, false), options);
  }
}

const AUTHORED: Readonly<Record<string, "object" | "spec">> = { Update: "object", Microservice: "spec" };

/** Which version it was asked for was looked at then; that nothing but statuses has come between, the hash says. */
function withoutVersion(body: ObjectInput): ObjectInput {
  const { resourceVersion: _, ...metadata } = body.metadata;
  return { ...body, metadata };
}

/** The draft of an object as it was to be. */
function inputOf({ apiVersion, kind, metadata, spec }: StoredObject, isNew: boolean): ObjectInput {
  const { name, namespace, uid, labels, annotations, finalizers, ownerReferences } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(!isNew && { uid }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(finalizers !== undefined && { finalizers }),
      ...(ownerReferences !== undefined && { ownerReferences }),
    },
    spec,
  };
}

export function keyOf({ name, namespace }: Approval["spec"]["object"]): ObjectKey {
  return { name, ...(namespace !== undefined && { namespace }) };
}
