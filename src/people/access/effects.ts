import { CHANGED_BY_ANNOTATION, type Job, type Kind, type Microservice, type Site, type StoredObject, type Update } from "#/model/index.ts";
import type { Effect } from "./contract.ts";

/** Where `kubectl apply` keeps what it applied last: it follows from the change, and is none. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** What the decision needs beside the objects. */
export interface EffectContext {
  /** Whether `revision` of `service` has been served before: an Update to such ones alone goes back. Absent: nothing is known to have been. */
  readonly wasServed?: (service: string, revision: string) => boolean;
  /** Owners that the object shall have and has not had, where they are there. */
  readonly owners?: readonly { readonly kind: Kind; readonly object: StoredObject }[];
  /** The service that a Route shall lead to; absent: there is none of that name. */
  readonly ledTo?: StoredObject | undefined;
}

/** What a change of an object does, in the words of a control room: every action in it, `edit` for all that no action names, and `status` where that alone is written. `before` absent: it is created; `after` absent: it is deleted. None: nothing that anybody has to be allowed.
 *  The same whatever the way of the change: patch, replacement, apply or a subresource. */
export function effects(
  kind: Kind,
  before: StoredObject | undefined,
  after: StoredObject | undefined,
  context: EffectContext = {},
): readonly Effect[] {
  const object = before ?? after;
  if (object === undefined) return [];
  return [...new Set(actionsOf(kind, before, after, context))].map((action) => ({ action, object }));
}

type Name = Effect["action"];

function actionsOf(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined, context: EffectContext): readonly Name[] {
  if (before !== undefined && after !== undefined && isStatusAlone(before, after)) return ["status"];
  const special = SPECIAL[kind.kind];
  const own =
    special !== undefined && kind.group === "orrery.dev" ? special(before, after, context) : isEdited(before, after, []) ? (["edit"] as const) : [];
  return [...own, ...byOwners(kind, before, after, context)];
}

/** What is owned goes when its owner does, at once where there is none of that uid; and keeps an owner from going. So who gives an object an owner does what a deletion does, and edits what it is made with; and nobody holds an object back from being deleted (finalizers) by making it. */
function byOwners(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined, context: EffectContext): readonly Name[] {
  if (after === undefined) return [];
  const ownersOf = (object: StoredObject | undefined) => object?.metadata.ownerReferences ?? [];
  if (before === undefined) return ownersOf(after).length > 0 || (after.metadata.finalizers ?? []).length > 0 ? ["edit"] : [];
  const had = new Set(ownersOf(before).map((one) => JSON.stringify(one)));
  const isGiven = ownersOf(after).some((one) => !had.has(JSON.stringify(one)));
  return isGiven ? actionsOf(kind, before, undefined, context) : [];
}

type Special = (before: StoredObject | undefined, after: StoredObject | undefined, context: EffectContext) => readonly Name[];

const SPECIAL: Readonly<Record<string, Special>> = {
  User: (before, after) => (isEdited(before, after, []) ? ["manage-users"] : []),
  Role: (before, after) => (isEdited(before, after, []) ? ["manage-users"] : []),
  Microservice: ofService as Special,
  Job: ofJob as Special,
  JobRun: ofJobRun,
  Instance: (before, after) => (after === undefined ? ["stop", "start"] : isEdited(before, after, []) ? ["edit"] : []),
  Gateway: (before, after) => (after === undefined ? ["forget-gateway"] : isEdited(before, after, []) ? ["edit"] : []),
  Site: ofSite as Special,
  AlarmChannel: ofChannel,
  Update: ofUpdate as Special,
};

/** Whoever makes or removes a service starts and stops it: else somebody who may not stop one deletes it, and who may not update one makes it anew. */
function ofService(before: Microservice | undefined, after: Microservice | undefined): readonly Name[] {
  if (before === undefined) return ["edit", "update", "scale", ...(after?.spec.suspended === true ? [] : (["start"] as const))];
  if (after === undefined) return ["edit", "stop"];
  const [was, is] = [before.spec, after.spec];
  return [
    ...(isSame(was.template, is.template) ? [] : (["edit", "update"] as const)),
    ...(was.replicas === is.replicas ? [] : (["scale"] as const)),
    ...suspension(was.suspended, is.suspended),
    ...(was.restartedAt === is.restartedAt ? [] : (["stop", "start"] as const)),
    ...(isEdited(before, after, ["replicas", "suspended", "restartedAt", "template"]) ? (["edit"] as const) : []),
  ];
}

function ofJob(before: Job | undefined, after: Job | undefined): readonly Name[] {
  if (before === undefined) return ["edit", "update", ...(after?.spec.suspended === true ? [] : (["start"] as const))];
  if (after === undefined) return ["edit", "stop"];
  return [
    ...(isSame(before.spec.template, after.spec.template) ? [] : (["edit", "update"] as const)),
    ...suspension(before.spec.suspended, after.spec.suspended),
    ...(isEdited(before, after, ["suspended", "template"]) ? (["edit"] as const) : []),
  ];
}

function ofJobRun(before: StoredObject | undefined, after: StoredObject | undefined): readonly Name[] {
  if (before === undefined) return ["start"];
  if (after === undefined) return ["edit", "stop"];
  const stopped = (object: StoredObject): unknown => (object.spec as { readonly stopped?: unknown }).stopped === true;
  return [
    ...(stopped(before) === stopped(after) ? [] : ([stopped(after) === true ? "stop" : "start"] as const)),
    ...(isEdited(before, after, ["stopped"]) ? (["edit"] as const) : []),
  ];
}

/** Who says what needs two people, and how people log in, decides about users; who names the provider that says who somebody is, and in which groups, could be anybody. */
function ofSite(before: Site | undefined, after: Site | undefined): readonly Name[] {
  const guarded = (object: Site | undefined): readonly unknown[] => {
    const { fourEyes, login, audit } = object?.spec ?? {};
    // Who decides when the audit goes decides what can be known of people.
    return [fourEyes, login, audit?.keep];
  };
  const provider = (object: Site | undefined): unknown => object?.spec.login?.provider;
  return [
    ...(isSame(guarded(before), guarded(after)) ? [] : (["manage-users"] as const)),
    ...(isSame(provider(before), provider(after)) ? [] : (["escalate"] as const)),
    ...(isEdited(before, after, ["fourEyes", "login"]) ? (["edit"] as const) : []),
  ];
}

/** Who names a program that the centre itself runs can do all that the centre can. */
function ofChannel(before: StoredObject | undefined, after: StoredObject | undefined): readonly Name[] {
  const command = (object: StoredObject | undefined): unknown => (object?.spec as { readonly command?: unknown } | undefined)?.command;
  const isRun = after !== undefined && command(after) !== undefined && !isSame(command(before), command(after));
  return isEdited(before, after, []) ? ["edit", ...(isRun ? (["escalate"] as const) : [])] : [];
}

function ofUpdate(before: Update | undefined, after: Update | undefined, { wasServed = () => false }: EffectContext): readonly Name[] {
  if (after === undefined) return ["edit"];
  const { spec } = after;
  const promoted = spec.promoted && before?.spec.promoted !== true ? (["promote"] as const) : [];
  if (before === undefined) return [spec.services.every(({ name, to }) => wasServed(name, to)) ? "rollback" : "update", ...promoted];
  return [
    ...promoted,
    ...(before.spec.promoted && !spec.promoted ? (["promote"] as const) : []),
    ...(before.spec.paused === spec.paused || (promoted.length > 0 && !spec.paused) ? [] : (["pause"] as const)),
    ...(before.spec.aborted === spec.aborted ? [] : (["abort"] as const)),
    ...(before.spec.message === spec.message ? [] : (["update"] as const)),
    ...(isEdited(before, after, ["promoted", "paused", "aborted", "message"]) ? (["edit"] as const) : []),
  ];
}

function suspension(was: boolean, is: boolean): readonly Name[] {
  return was === is ? [] : [is ? "stop" : "start"];
}

function isStatusAlone(before: StoredObject, after: StoredObject): boolean {
  return !isSame(before.status, after.status) && !isEdited(before, after, []);
}

/** Whether anything but the `named` fields of the spec is another: also labels, owners and finalizers. */
function isEdited(before: StoredObject | undefined, after: StoredObject | undefined, named: readonly string[]): boolean {
  if (before === undefined || after === undefined) return before !== after;
  return !isSame(rest(before, named), rest(after, named));
}

/** What of an object somebody wishes: all but its status, its version and what follows from a change. */
export function contentOf(object: StoredObject | undefined): unknown {
  return rest(object, []);
}

function rest(object: StoredObject | undefined, named: readonly string[]): unknown {
  if (object === undefined) return undefined;
  const { labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = object.metadata;
  const { [LAST_APPLIED]: _, [CHANGED_BY_ANNOTATION]: __, ...others } = annotations;
  const spec = Object.fromEntries(Object.entries((object.spec ?? {}) as object).filter(([field]) => !named.includes(field)));
  return { labels, annotations: others, finalizers, ownerReferences, spec };
}

/** Objects are plain data; whatever the order of their fields. */
function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other))
    return Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((item, index) => isSame(item, other[index]));
  const [a, b] = [one as Readonly<Record<string, unknown>>, other as Readonly<Record<string, unknown>>];
  const keys = Object.keys(a).filter((key) => a[key] !== undefined);
  return keys.length === Object.keys(b).filter((key) => b[key] !== undefined).length && keys.every((key) => isSame(a[key], b[key]));
}
