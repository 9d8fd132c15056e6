import { type Clock, type Log, OrreryError, type Random } from "#/base/index.ts";
import {
  type Approval,
  job,
  type Kind,
  microservice,
  type Route,
  resource,
  role,
  route,
  SITE_NAME,
  type StoredObject,
  site,
  type User,
  update,
  user,
} from "#/model/index.ts";
import { objectKey, Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { Approvals } from "./approvals.ts";
import type { CarryingOut } from "./carrying-out.ts";
import type { Authorizer } from "./contract.ts";
import type { EffectContext } from "./effects.ts";
import type { Labels } from "./label-scope.ts";
import { LastAdmin } from "./last-admin.ts";
import { type AccessCopies, SiteAuthorizer } from "./site-authorizer.ts";

export interface AccessOptions {
  readonly store: Store;
  /** All that is served. */
  readonly kinds: readonly Kind[];
  /** Decides about the tokens of the data folder. */
  readonly machine: Authorizer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Id of the store's history: approvals of another one have lapsed. Absent: there is but one. */
  readonly history?: string;
  /** Of what a former centre was approved to do: by whom the audit is told. */
  readonly resuming?: (one: Approval) => CarryingOut;
}

/** Who may do what, of whatever centre serves the API: it need not lead. */
export interface Access {
  readonly authorizer: Authorizer;
  /** What needs more than one person. */
  readonly approvals: Approvals;
  /** Resolves when all local copies have been filled once; until then nobody but the machine's tokens may do anything. */
  readonly ready: Promise<void>;
  /** Resolves when `signal` has aborted and nothing works any more. */
  readonly ended: Promise<void>;
}

/** Keeps local copies of Users, Roles and the labels that scopes look at, and decides by them. */
export function openAccess(options: AccessOptions): Access {
  const { store, kinds, machine, signal } = options;
  const keep = <K extends Kind>(kind: K): Reflector<K> => new Reflector({ ...options, kind });
  const users = keep(user);
  const roles = keep(role);
  const owners: Readonly<Record<string, Copy>> = {
    Microservice: keep(microservice) as unknown as Copy,
    Job: keep(job) as unknown as Copy,
    Resource: keep(resource) as unknown as Copy,
  };
  const sites = keep(site);
  const changes = new Changes();
  // That a person was seen again changes nothing of what anybody may.
  for (const copy of [users, roles] as unknown as readonly Copy[])
    copy.listen((before, after) => {
      if (before === undefined || after === undefined || isOther(before, after)) changes.tell();
    });
  const missed = new Missed();
  for (const [kind, copy] of Object.entries(owners))
    copy.listen((before, after) => {
      // What comes later belongs to it from the start, but for what was seen before it.
      const isOtherwise =
        before === undefined
          ? after !== undefined && missed.take(kind, objectKey(after))
          : !sameLabels(before.metadata.labels, after?.metadata.labels);
      if (isOtherwise) changes.tell();
    });
  const copies: AccessCopies = {
    findUser: (name) => users.get(name),
    roles: () => roles.values(),
    findLabels: (kind, name, namespace) => {
      const key = objectKey({ metadata: { name, ...(namespace !== undefined && { namespace }) } });
      const found = owners[kind]?.get(key);
      if (found === undefined) missed.add(kind, key);
      return found === undefined ? undefined : (found.metadata.labels ?? {});
    },
    onChange: (listener) => changes.listen(listener),
  };
  const decides = new SiteAuthorizer({ copies, kinds, machine, context: (...given) => contextOf(store, kinds, ...given) });
  const lastAdmin = new LastAdmin({ store, clock: options.clock, isAdmin: (...given) => decides.isAdmin(...given) });
  const checkChange: Authorizer["checkChange"] = async (who, kind, before, after, { isDryRun = false } = {}) => {
    await decides.checkChange(who, kind, before, after, { isDryRun });
    if (kind === user) await checkIdentities(store, before as User | undefined, after as User | undefined);
    if (kind === user || kind === role) await lastAdmin.check(kind, before, after, isDryRun);
  };
  const approvals = new Approvals({
    ...options,
    decides,
    checkChange: async (...given) => await checkChange(...given),
    rules: () => [...sites.values()].find((one) => one.metadata.name === SITE_NAME)?.spec.fourEyes ?? [],
    findUser: copies.findUser,
    findLabels: copies.findLabels,
    context: (kind, before) => contextOf(store, kinds, kind, before),
  });
  const authorizer: Authorizer = {
    decide: (...given) => decides.decide(...given),
    rules: (who) => decides.rules(who),
    visible: (...given) => decides.visible(...given),
    checkAction: (...given) => decides.checkAction(...given),
    checkManages: (...given) => decides.checkManages(...given),
    isFree: (who, kind) => decides.isFree(who, kind),
    onChange: (listener) => decides.onChange(listener),
    checkChange,
  };
  const all = [users, roles, sites, ...Object.values(owners)];
  return {
    authorizer,
    approvals,
    ready: Promise.all(all.map((one) => one.synced)).then(() => approvals.resume()),
    ended: Promise.all(all.map((one) => one.run(signal))).then(() => {}),
  };
}

type Copy = Reflector<Kind>;

/** Owners that were looked for and not there: what belongs to them was judged without them. */
class Missed {
  readonly #keys = new Set<string>();

  add(kind: string, key: string): void {
    if (this.#keys.size < MISSED_MAX) this.#keys.add(`${kind}/${key}`);
  }

  /** Whether it was looked for; with too many of them, whether it could have been. */
  take(kind: string, key: string): boolean {
    if (this.#keys.size >= MISSED_MAX) return true;
    return this.#keys.delete(`${kind}/${key}`);
  }
}

const MISSED_MAX = 10_000;

/** Tells listeners once for all changes of a turn. */
class Changes {
  readonly #listeners = new Set<() => void>();

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** An identity of the provider's is one User's.
 *  @throws store/invalid: another one has it */
async function checkIdentities(store: Store, before: User | undefined, after: User | undefined): Promise<void> {
  const had = new Set(before?.spec.identities.map(keyOfIdentity));
  const fresh = (after?.spec.identities ?? []).map((one, index) => ({ key: keyOfIdentity(one), index })).filter(({ key }) => !had.has(key));
  if (after === undefined || fresh.length === 0) return;
  const others = (await store.list(user)).items.filter(({ metadata }) => metadata.name !== after.metadata.name);
  const causes = fresh.flatMap(({ key, index }) => {
    const holder = others.find(({ spec }) => spec.identities.some((one) => keyOfIdentity(one) === key));
    const message = `it is User ${holder?.metadata.name}'s; take it from there first, or give both accounts the same person`;
    return holder === undefined ? [] : [{ field: `spec.identities[${index}]`, message }];
  });
  if (causes.length > 0)
    throw new OrreryError(
      "store/invalid",
      `User ${after.metadata.name} is not valid: ${causes.map((one) => `${one.field}: ${one.message}`).join("; ")}`,
      {
        details: { causes },
      },
    );
}

const keyOfIdentity = ({ issuer, subject }: User["spec"]["identities"][number]): string => `${issuer} ${subject}`;

/** Owners that \`after\` has and \`before\` does not, which are there with their uid. */
async function ownersOf(
  store: Store,
  kinds: readonly Kind[],
  before: StoredObject | undefined,
  after: StoredObject | undefined,
): Promise<EffectContext> {
  const had = new Set(before?.metadata.ownerReferences?.map((one) => JSON.stringify(one)));
  const fresh = (after?.metadata.ownerReferences ?? []).filter((one) => !had.has(JSON.stringify(one)));
  if (fresh.length === 0) return {};
  const owners: { readonly kind: Kind; readonly object: StoredObject }[] = [];
  for (const { apiVersion, kind: name, name: owner, uid } of fresh) {
    const kind = kinds.find((one) => one.kind === name && one.apiVersion === apiVersion);
    const namespace = kind?.scope === "Namespaced" ? after?.metadata.namespace : undefined;
    const object = kind === undefined ? undefined : await store.get(kind, { name: owner, ...(namespace !== undefined && { namespace }) });
    if (kind !== undefined && object !== undefined && object.metadata.uid === uid) owners.push({ kind, object });
  }
  return { owners };
}

/** What a decision needs to know beside the objects. */
async function contextOf(
  store: Store,
  kinds: readonly Kind[],
  kind: Kind,
  before: StoredObject | undefined,
  after?: StoredObject,
): Promise<EffectContext> {
  return { ...(await ownersOf(store, kinds, before, after)), ...(await ownContextOf(store, kind, before, after)) };
}

/** Where a Route shall lead; which revisions have been served before: those that an Update has come from. */
async function ownContextOf(store: Store, kind: Kind, before: StoredObject | undefined, after?: StoredObject): Promise<EffectContext> {
  const { service } = (kind === route ? (after as Route | undefined)?.spec : undefined) ?? {};
  if (service !== undefined && service !== (before as Route | undefined)?.spec.service)
    return {
      ledTo: await store.get(microservice, {
        name: service,
        ...(after?.metadata.namespace !== undefined && { namespace: after.metadata.namespace }),
      }),
    };
  if (kind !== update || before !== undefined) return {};
  const { items } = await store.list(update);
  const served = new Set(
    items.flatMap(({ status }) => (status?.revisions ?? []).flatMap(({ service, from }) => (from === undefined ? [] : [`${service}/${from}`]))),
  );
  return { wasServed: (service, revision) => served.has(`${service}/${revision}`) };
}

function isOther({ metadata: one }: StoredObject, { metadata: other }: StoredObject): boolean {
  return one.generation !== other.generation || one.uid !== other.uid || one.deletionTimestamp !== other.deletionTimestamp;
}

function sameLabels(one: Labels = {}, other: Labels = {}): boolean {
  if (one === other) return true;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
