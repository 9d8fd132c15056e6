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
