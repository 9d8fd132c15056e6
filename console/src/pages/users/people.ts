/** Users and roles as the API has them, and what somebody has by which of them. Pure. */

export interface Grant {
  readonly role: string;
  readonly where?: string;
}

export interface UserObject {
  readonly metadata: { readonly name: string; readonly uid?: string; readonly resourceVersion?: string; readonly creationTimestamp: string };
  readonly spec: {
    readonly displayName?: string;
    readonly groups?: readonly string[];
    readonly roles?: readonly Grant[];
    readonly person?: string;
    readonly disabled?: boolean;
    readonly language?: string;
    readonly identities?: readonly { readonly issuer: string; readonly subject: string }[];
  };
  readonly status?: { readonly lastSeen?: string };
}

export interface Rule {
  readonly verbs: readonly string[];
  readonly kinds: readonly string[];
  readonly names?: readonly string[];
  readonly labels?: string;
}

export interface RoleSpec {
  readonly description?: string;
  readonly rules?: readonly Rule[];
  readonly paths?: readonly { readonly verbs: readonly string[]; readonly paths: readonly string[] }[];
  readonly actions?: readonly string[];
  readonly groups?: readonly { readonly name: string; readonly where?: string }[];
}

export interface RoleObject {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string; readonly creationTimestamp: string };
  readonly spec: RoleSpec;
}

/** The roles that every site has, by what they may: the least first. */
export const BUILT_IN = ["viewer", "operator", "engineer", "admin"] as const;

export function isBuiltIn(name: string): boolean {
  return BUILT_IN.some((one) => one === name);
}

/** Names of all roles, those that every site has first. */
export function roleNames(roles: readonly Pick<RoleObject, "metadata">[]): readonly string[] {
  const own = roles.map(({ metadata }) => metadata.name).filter((name) => !isBuiltIn(name));
  return [...BUILT_IN, ...own.sort()];
}

export interface Held extends Grant {
  /** By this group; absent: it was given to the user. */
  readonly group?: string;
}

/** Which roles a user has, for which objects, and by what. */
export function rolesOf(user: UserObject, roles: readonly RoleObject[]): readonly Held[] {
  const groups = new Set(user.spec.groups ?? []);
  const byGroup = roles.flatMap(({ metadata, spec }) =>
    (spec.groups ?? [])
      .filter(({ name }) => groups.has(name))
      .map(({ name, where }) => ({ role: metadata.name, group: name, ...(where !== undefined && { where }) })),
  );
  return [...(user.spec.roles ?? []), ...byGroup];
}

/** `viewer`, `operator where team=flight`. */
export function grantText({ role, where }: Grant): string {
  return where === undefined ? role : `${role} (${where})`;
}

/** Words of a list that somebody has typed. */
export function wordsOf(text: string): readonly string[] {
  return [...new Set(text.split(/[\s,，、]+/).filter((word) => word !== ""))];
}

/** As the kinds User and Role take it. */
export function isName(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

/** Actions beside editing; the order is that of the kind Role. */
export const ACTIONS = [
  "update",
  "pause",
  "promote",
  "abort",
  "rollback",
  "scale",
  "start",
  "stop",
  "run-script",
  "log-level",
  "acknowledge",
  "shelve",
  "close",
  "forget-gateway",
  "backup",
  "restore",
  "see-secrets",
  "manage-users",
  "escalate",
] as const;
export const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] as const;
const SEE: readonly string[] = ["get", "list", "watch"];

/** `see`: reads; `edit`: everything; `own`: the verbs that are named. */
export type May = "see" | "edit" | "own";

/** A rule as somebody writes it: lists are texts, with commas. */
export interface RuleDraft {
  readonly may: May;
  readonly verbs: readonly string[];
  readonly kinds: string;
  readonly names: string;
  readonly labels: string;
}

export const NEW_RULE: RuleDraft = { may: "see", verbs: SEE, kinds: "", names: "", labels: "" };

export function draftOf({ verbs, kinds, names = [], labels = "" }: Rule): RuleDraft {
  const isSee = verbs.length === SEE.length && SEE.every((verb) => verbs.includes(verb));
  return { may: verbs.includes("*") ? "edit" : isSee ? "see" : "own", verbs, kinds: kinds.join(", "), names: names.join(", "), labels };
}

/** Of a draft without kinds or verbs there is no rule yet. */
export function ruleOf({ may, verbs, kinds, names, labels }: RuleDraft): Rule | undefined {
  const chosen = may === "edit" ? ["*"] : may === "see" ? SEE : verbs;
  if (wordsOf(kinds).length === 0 || chosen.length === 0) return undefined;
  return {
    verbs: chosen,
    kinds: wordsOf(kinds),
    ...(wordsOf(names).length > 0 && { names: wordsOf(names) }),
    ...(labels.trim() !== "" && { labels: labels.trim() }),
  };
}

/** Who decides who may do what, for the whole site: without the last of them nobody could be let in again. */
export function adminsOf(users: readonly UserObject[], roles: readonly RoleObject[]): readonly string[] {
  const decides = (name: string): boolean => {
    const actions = roles.find(({ metadata }) => metadata.name === name)?.spec.actions ?? [];
    return name === "admin" || ((actions.includes("manage-users") || actions.includes("*")) && actions.includes("escalate"));
  };
  return users
    .filter((user) => user.spec.disabled !== true && rolesOf(user, roles).some(({ role, where }) => where === undefined && decides(role)))
    .map(({ metadata }) => metadata.name)
    .sort();
}
