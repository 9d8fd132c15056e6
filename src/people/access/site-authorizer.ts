import { OrreryError } from "#/base/index.ts";
import {
  type Action,
  API_GROUP,
  approval,
  type Kind,
  microservice,
  type Role,
  type Route,
  role,
  route,
  type StoredObject,
  type User,
  update,
  user,
} from "#/model/index.ts";
import { type FindLabels, judgedLabels } from "./belonging.ts";
import { BUILT_IN_ROLES, type RoleSpec } from "./built-in-roles.ts";
import type { Authorizer, Identity, Reading, ResourceRule, RoleGrant, Rules, Verdict, VisibleKind, Wish } from "./contract.ts";
import { actionsOfDoor, isActionAlone, KNOWN_PATHS, reachesOfActions } from "./doors.ts";
import { type EffectContext, effects } from "./effects.ts";
import { anyOf, formatScope, type LabelScope, type Labels, scopeOf } from "./label-scope.ts";
import { findMissing, type HeldRole, hasVerb, matchesKind, matchesPath, type NamedKind, NO_POWERS, type Powers, powersOf } from "./powers.ts";

/** The Users and Roles of the site, as somebody keeps them at hand. */
export interface AccessCopies {
  findUser(name: string): User | undefined;
  /** Those that people have made. */
  roles(): Iterable<Role>;
  findLabels: FindLabels;
  /** Calls `listener` after a User, a Role, or labels of what others belong to have changed. Returns what takes it away. */
  onChange(listener: () => void): () => void;
}

export interface SiteAuthorizerOptions {
  readonly copies: AccessCopies;
  /** All that is served. */
  readonly kinds: readonly Kind[];
  /** Decides about the tokens of the data folder: people's Roles do not change what they may. */
  readonly machine: Authorizer;
  /** For the change of one object. */
  readonly context?: (kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined) => EffectContext | Promise<EffectContext>;
}

const OTHERS: readonly NamedKind[] = [
  { group: "", kind: "Event", plural: "events", singular: "event", shortNames: ["ev"] },
  { group: "", kind: "Namespace", plural: "namespaces", singular: "namespace", shortNames: ["ns"] },
];
const OWN_GROUP = /^(?:orrery|system):/;
const MACHINE_ADMINS = "orrery:admins";
const ADMIN = BUILT_IN_ROLES.get("admin");
const REVIEW_GROUPS: readonly string[] = ["authorization.k8s.io", "authentication.k8s.io"];

type Test = (object: StoredObject) => boolean;
/** What somebody may do. A token that is limited must be allowed by both: what its owner has, and what it is limited to. */
interface Compiled {
  readonly powers: readonly Powers[];
  readonly tests: Map<string, Test | undefined>;
}

/** Decides by the Users and Roles of the site. Deny by default. */
export class SiteAuthorizer implements Authorizer {
  readonly #options: SiteAuthorizerOptions;
  readonly #kinds: readonly NamedKind[];
  /** By who it is; emptied when rights change. Bounded: whoever is known has an entry, and identities are made by us. */
  #compiled = new Map<string, Compiled>();
  /** By the roles that are held: who has the same ones has the same powers and the same tests, so that what is decided or kept for one of them serves all. */
  #byRoles = new Map<string, Compiled>();
  #roles: ReadonlyMap<string, RoleSpec> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(options: SiteAuthorizerOptions) {
    this.#options = options;
    this.#kinds = [...options.kinds, ...OTHERS];
    options.copies.onChange(() => {
      this.#compiled = new Map();
      this.#byRoles = new Map();
      this.#roles = undefined;
      for (const listener of this.#listeners) listener();
    });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Also the machine's own admin leaves built-in roles as they are, and one admin. */
  isFree(who: Identity, kind: Kind): boolean {
    return who.via === "machine" && kind !== role && kind !== user && kind !== approval;
  }

  decide(who: Identity, wish: Wish): Verdict {
    if (who.via === "machine") return this.#options.machine.decide(who, wish);
    const by = this.#of(who).powers.map((powers) => ("path" in wish ? this.#allowsPath(who, powers, wish) : this.#allowsObjects(who, powers, wish)));
    if (!by.includes(undefined)) return { allowed: true, reason: by.join(", and within ") };
    return { allowed: false, reason: `${nameOf(who)} may not ${wish.verb} ${formatWish(wish)}${this.#whoMay(wish)}` };
  }

  rules(who: Identity): Rules {
    if (who.via === "machine") return this.#options.machine.rules(who);
    const powers = this.#of(who).powers.at(-1) ?? NO_POWERS;
    const resources = powers.rules.map(
      ({ verbs, kinds, names, scope }): ResourceRule => ({
        verbs: [...verbs],
        groups: ["*"],
        resources: [...kinds],
        ...(names !== undefined && { names: [...names] }),
        ...(scope !== undefined && { where: formatScope(scope) ?? "" }),
      }),
    );
    return {
      roles: (this.#heldLists(who).at(-1) ?? []).map(({ name, scope, group }) => ({
        role: name,
        ...(scope !== undefined && { where: formatScope(scope) ?? "" }),
        ...(group !== undefined && { group }),
      })),
      resources: [...resources, ...reachesOfActions(powers.actions)],
      paths: [{ verbs: ["get"], paths: [...KNOWN_PATHS] }, ...powers.paths.map(({ verbs, paths }) => ({ verbs: [...verbs], paths: [...paths] }))],
      actions: powers.actions.map(({ actions, scope }) => ({
        actions: [...actions],
        ...(scope !== undefined && { where: formatScope(scope) ?? "" }),
      })),
    };
  }

  visible(who: Identity, kind: VisibleKind, { verb = "list", subresource }: Reading = {}): Test | undefined {
    if (who.via === "machine") return undefined;
    const { powers, tests } = this.#of(who);
    const key = `${kind.group}/${kind.plural}/${subresource ?? ""} ${verb}`;
    if (tests.has(key)) return tests.get(key);
    const test = powers.map((one) => this.#testOf(one, kind.plural, subresource, verb)).reduce(both);
    tests.set(key, test);
    return test;
  }

  async checkChange(
    who: Identity,
    kind: Kind,
    before: StoredObject | undefined,
    after: StoredObject | undefined,
    { isDryRun = false }: { readonly isDryRun?: boolean } = {},
  ): Promise<void> {
    refuseBuiltIn(kind, before, after);
    this.#checkRolesKnown(kind, before, after);
    if (who.via === "machine") return;
    const context = (await this.#options.context?.(kind, before, after)) ?? {};
    const object = before ?? after;
    if (object === undefined) return;
    const judged = [before, after].flatMap((one) => (one === undefined ? [] : judgedLabels(one, this.#options.copies.findLabels)));
    for (const { action } of effects(kind, before, after, context))
      for (const powers of this.#of(who).powers) {
        const missing =
          action === "edit" || action === "status"
            ? this.#missingEdit(powers, kind, before, after, action)
            : this.#missingAction(powers, action, judged);
        if (missing !== undefined)
          throw forbidden(`${nameOf(who)} may not ${missing} ${kind.kind} ${object.metadata.name}`, this.#rolesThatGive(action, kind, before, after));
      }
    for (const { kind: ownerKind, object: owner } of context.owners ?? [])
      for (const powers of this.#of(who).powers)
        if (this.#missingEdit(powers, ownerKind, owner, owner, "edit") !== undefined)
          throw forbidden(
            `${nameOf(who)} may not make ${ownerKind.kind} ${owner.metadata.name} the owner of ${kind.kind} ${object.metadata.name}: that takes the right to edit it`,
            this.#rolesThatGive("edit", ownerKind, owner, owner),
          );
    for (const powers of this.#of(who).powers) {
      this.#checkGiving(who, powers, kind, before, after);
      if (kind === route) this.#checkLeadsTo(who, powers, [before as Route | undefined, after as Route | undefined], context.ledTo, isDryRun);
    }
  }

  /** A Route opens its service to whoever reaches the edge: who edits Routes with some labels alone leads them to services that they see, and learns nothing of others. A trial may name one that is written together with it.
   *  @throws api/forbidden */
  #checkLeadsTo(
    who: Identity,
    powers: Powers,
    [before, after]: readonly [Route | undefined, Route | undefined],
    ledTo: StoredObject | undefined,
    isDryRun: boolean,
  ): void {
    if (after === undefined || after.spec.service === before?.spec.service) return;
    const verbs = before === undefined ? ["create"] : ["update", "patch"];
    const isEverywhere = powers.rules.some(
      ({ verbs: held, kinds, scope }) =>
        scope === undefined && verbs.some((verb) => hasVerb(held, verb)) && matchesKind(kinds, route.plural, undefined, "update"),
    );
    const test = this.#testOf(powers, microservice.plural, undefined, "get");
    if (isEverywhere || test === undefined || (ledTo === undefined ? isDryRun : test(ledTo))) return;
    throw new OrreryError(
      "api/forbidden",
      `forbidden: ${nameOf(who)} may not lead Route ${after.metadata.name} to service ${after.spec.service}: they see none of that name; make it first, or ask who manages users`,
    );
  }

  checkAction(who: Identity, action: Action, object: StoredObject): void {
    if (who.via === "machine") return;
    const judged = judgedLabels(object, this.#options.copies.findLabels);
    for (const powers of this.#of(who).powers) {
      const missing = this.#missingAction(powers, action, judged);
      if (missing !== undefined)
        throw forbidden(`${nameOf(who)} may not ${missing} ${object.kind} ${object.metadata.name}`, this.#rolesThatGive(action));
    }
  }

  checkManages(who: Identity, given: StoredObject): void {
    if (who.via === "machine") return;
    this.checkAction(who, "manage-users", given);
    for (const powers of this.#of(who).powers) {
      const missing = has(powers, "escalate") ? [] : findMissing(powers, this.#powersOfUser(given as User));
      if (missing.length > 0)
        throw forbidden(`${nameOf(who)} may not act for ${given.metadata.name}, who may do more: ${few(missing)}`, this.#rolesThatGive("escalate"));
    }
  }

  /** Whether `who` has the role, by a grant or by a group, for objects with these labels. The machine's own admin has admin. */
  holdsRole(who: Identity, name: string, judged: readonly Labels[]): boolean {
    if (who.via === "machine") return name === "admin" && who.groups.includes("orrery:admins");
    const covers = ({ scope }: { readonly scope: LabelScope }): boolean => judged.every((labels) => holds(scope, labels));
    const isWithin = who.scope === undefined || who.scope.some((one) => one.role === name && covers({ scope: scopeOf(one.where) }));
    return isWithin && this.#heldBy(who).some((one) => one.name === name && covers(one));
  }

  /** Roles of a User, by a grant or a group. */
  rolesOfUser({ spec }: User): readonly string[] {
    return spec.disabled ? [] : this.#rolesOf(spec.groups, spec.roles, this.#allRoles()).map(({ name }) => name);
  }

  /** Whether this User decides who may do what, of the whole site; with `change`, as a role would be then (`spec` absent: gone). */
  isAdmin(given: User, change?: { readonly role: string; readonly spec: RoleSpec | undefined }): boolean {
    const roles = new Map(this.#allRoles());
    const own = change === undefined ? undefined : BUILT_IN_ROLES.get(change.role);
    if (change?.spec !== undefined) roles.set(change.role, own === undefined ? change.spec : { ...own, groups: change.spec.groups });
    else if (change !== undefined && own === undefined) roles.delete(change.role);
    const powers = this.#powersOfUser(given, roles);
    return has(powers, "manage-users") && has(powers, "escalate");
  }

  #of(who: Identity): Compiled {
    const key = `${who.uid ?? ""} ${who.name} ${JSON.stringify([who.groups, who.scope])}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const compiled = this.#compile(this.#heldLists(who));
    if (this.#compiled.size >= COMPILED_MAX) this.#compiled.clear();
    this.#compiled.set(key, compiled);
    return compiled;
  }

  /** What their user has; and, of what is limited, what it is limited to. */
  #heldLists(who: Identity): readonly (readonly HeldRole[])[] {
    return [this.#heldBy(who), ...(who.scope === undefined ? [] : [this.#rolesOf([], who.scope, this.#allRoles())])];
  }

  #compile(held: readonly (readonly HeldRole[])[]): Compiled {
    const key = JSON.stringify(held.map((roles) => roles.map(({ name, scope }) => [name, formatScope(scope)])));
    const known = this.#byRoles.get(key);
    if (known !== undefined) return known;
    const compiled = { powers: held.map((roles) => powersOf(roles, this.#kinds)), tests: new Map() };
    if (this.#byRoles.size >= COMPILED_MAX) this.#byRoles.clear();
    this.#byRoles.set(key, compiled);
    return compiled;
  }

  #heldBy(who: Identity): readonly HeldRole[] {
    if (who.via === "anonymous") return [];
    const present = who.uid === undefined ? undefined : this.#options.copies.findUser(who.name);
    // The same name may be another's by now.
    if (who.uid !== undefined && (present === undefined || present.metadata.uid !== who.uid || !mayAct(present))) return [];
    // Who has logged in with a link of the machine is its admin, before there is any User. No User and no provider gives this group.
    if (who.uid === undefined && who.groups.includes(MACHINE_ADMINS))
      return ADMIN === undefined ? [] : [{ name: "admin", spec: ADMIN, scope: undefined }];
    return this.#rolesOf([...who.groups, ...(present?.spec.groups ?? [])], present?.spec.roles ?? [], this.#allRoles());
  }

  #powersOfUser({ spec }: User, roles = this.#allRoles()): Powers {
    return spec.disabled ? NO_POWERS : powersOf(this.#rolesOf(spec.groups, spec.roles, roles), this.#kinds);
  }

  #rolesOf(groups: readonly string[], grants: readonly RoleGrant[], roles: ReadonlyMap<string, RoleSpec>): readonly HeldRole[] {
    const own = new Set(groups.filter((group) => !OWN_GROUP.test(group)));
    return [...roles].flatMap(([name, spec]) => [
      ...grants.filter((grant) => grant.role === name).map(({ where }) => ({ name, spec, scope: scopeOf(where) })),
      ...spec.groups.filter((group) => own.has(group.name)).map((group) => ({ name, spec, scope: scopeOf(group.where), group: group.name })),
    ]);
  }

  /** What is built in is as the program has it, whatever the object says; its groups are the site's. */
  #allRoles(): ReadonlyMap<string, RoleSpec> {
    if (this.#roles !== undefined) return this.#roles;
    const roles = new Map(BUILT_IN_ROLES);
    for (const { metadata, spec } of this.#options.copies.roles()) {
      const own = BUILT_IN_ROLES.get(metadata.name);
      if (metadata.deletionTimestamp === undefined) roles.set(metadata.name, own === undefined ? spec : { ...own, groups: spec.groups });
    }
    this.#roles = roles;
    return roles;
  }

  #allowsPath(who: Identity, powers: Powers, { verb, path }: Extract<Wish, { path: string }>): string | undefined {
    if (who.via === "anonymous" || path === "/link") return undefined;
    if (path === "/backup") return has(powers, "backup") ? "the action backup" : undefined;
    if (matchesPath(KNOWN_PATHS, path)) return "whoever is known may";
    const by = powers.paths.find((one) => hasVerb(one.verbs, verb) && matchesPath(one.paths, path));
    return by === undefined ? undefined : `role ${by.role}`;
  }

  #allowsObjects(who: Identity, powers: Powers, wish: Exclude<Wish, { path: string }>): string | undefined {
    const { verb, group, resource, subresource, name } = wish;
    if (REVIEW_GROUPS.includes(group)) return who.via === "anonymous" ? undefined : "whoever is known may";
    const by = powers.rules.find(
      (rule) =>
        hasVerb(rule.verbs, verb) &&
        matchesKind(rule.kinds, resource, subresource, verb) &&
        (rule.names === undefined || name === undefined ? true : rule.names.has(name)) &&
        // Nobody creates what is known by a name that was not yet given.
        !(verb === "create" && rule.names !== undefined && (subresource ?? "") === "" && name !== undefined && !rule.names.has(name)),
    );
    if (by !== undefined && !isActionAlone(verb, resource, subresource))
      return `role ${by.role}${by.scope === undefined ? "" : `, where ${formatScope(by.scope)}`}`;
    if (group !== API_GROUP && group !== "") return undefined;
    const action = actionsOfDoor(verb, resource, subresource).find((one) => powers.actions.some(({ actions }) => actions.has(one)));
    return action === undefined ? undefined : `the action ${action}`;
  }

  #testOf(powers: Powers, resource: string, subresource: string | undefined, verb: string): Test | undefined {
    const fitting = powers.rules.filter((rule) => hasVerb(rule.verbs, verb) && matchesKind(rule.kinds, resource, subresource, verb));
    const labels = anyOf(fitting.filter(({ names }) => names === undefined).map(({ scope }) => scope));
    if (labels === undefined) return undefined;
    const named = fitting.flatMap(({ names, scope }) => (names === undefined ? [] : [{ names, test: anyOf([scope]) }]));
    const { findLabels } = this.#options.copies;
    return (object) => {
      const judged = judgedLabels(object, findLabels);
      // It names all of its services: who does not see one of them is not told its name.
      if (isOfUpdate(object))
        return judged.every(labels) || named.some(({ names, test }) => names.has(object.metadata.name) && (test === undefined || judged.every(test)));
      return judged.some(labels) || named.some(({ names, test }) => names.has(object.metadata.name) && (test === undefined || judged.some(test)));
    };
  }

  /** What is missing to edit it, in words: it must be within reach as it was, and as it will be. */
  #missingEdit(
    powers: Powers,
    kind: Kind,
    before: StoredObject | undefined,
    after: StoredObject | undefined,
    what: "edit" | "status",
  ): string | undefined {
    const verbs = before === undefined ? ["create"] : after === undefined ? ["delete", "deletecollection"] : ["update", "patch"];
    const subresource = what === "status" ? "status" : undefined;
    for (const [object, when] of [
      [before, "is"],
      [after, "would be"],
    ] as const) {
      if (object === undefined) continue;
      const judged = judgedLabels(object, this.#options.copies.findLabels);
      const isHeld = powers.rules.some(
        (rule) =>
          verbs.some((verb) => hasVerb(rule.verbs, verb)) &&
          matchesKind(rule.kinds, kind.plural, subresource, verbs[0] ?? "") &&
          rule.names?.has(object.metadata.name) !== false &&
          (kind.isSiteWide !== true || rule.scope === undefined) &&
          judged.every((labels) => holds(rule.scope, labels)),
      );
      if (!isHeld) {
        const isElsewhere = powers.rules.some(
          (rule) => verbs.some((verb) => hasVerb(rule.verbs, verb)) && matchesKind(rule.kinds, kind.plural, subresource, verbs[0] ?? ""),
        );
        const verb = what === "status" ? "write the status of" : before === undefined ? "create" : after === undefined ? "delete" : "edit";
        if (isElsewhere && kind.isSiteWide === true) return `${verb}, as they have a role for a part of the site and it reaches all of it,`;
        return isElsewhere ? `${verb}, with the labels and the name that it ${when === "is" ? "has" : "would have"},` : verb;
      }
    }
    return undefined;
  }

  #missingAction(powers: Powers, action: Action, judged: readonly Labels[]): string | undefined {
    const held = powers.actions.filter(({ actions }) => actions.has(action));
    if (held.length > 0 && judged.every((labels) => held.some(({ scope }) => holds(scope, labels)))) return undefined;
    return held.length === 0 ? `${action}` : `${action}, with the labels that it has or would have,`;
  }

  /** Nobody gives more than they have, to whomever: what a User or Role may do after the change, and not before, its writer must have. */
  #checkGiving(who: Identity, powers: Powers, kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined): void {
    if (after === undefined || kind.group !== API_GROUP || has(powers, "escalate")) return;
    this.#checkTaking(who, powers, kind, before, after);
    const given =
      kind.kind === "User"
        ? [{ had: this.#hadByUser(before as User | undefined, after as User), wanted: this.#powersOfUser(after as User) }]
        : kind.kind === "Role"
          ? this.#givenByRole(before as Role | undefined, after as Role)
          : [];
    for (const { had, wanted } of given) {
      const fresh = new Set(findMissing(had, wanted));
      const missing = findMissing(powers, wanted).filter((one) => fresh.has(one));
      if (missing.length > 0)
        throw forbidden(
          `${nameOf(who)} may not give by ${kind.kind} ${after.metadata.name} what they do not have themselves: ${few(missing)}`,
          this.#rolesThatGive("escalate"),
        );
    }
  }

  /** Who a User is, is decided by those alone who have all that it may: else somebody would take an admin's identity of the provider away, and give it to another. */
  #checkTaking(who: Identity, powers: Powers, kind: Kind, before: StoredObject | undefined, after: StoredObject): void {
    if (kind.kind !== "User" || before === undefined) return;
    const [was, is] = [before as User, after as User];
    const told = ({ spec }: User): string =>
      JSON.stringify([spec.person, spec.identities.map(({ issuer, subject }) => `${issuer} ${subject}`).sort()]);
    if (told(was) === told(is)) return;
    const missing = findMissing(powers, this.#powersOfUser({ ...was, spec: { ...was.spec, disabled: false } }));
    if (missing.length > 0)
      throw forbidden(
        `${nameOf(who)} may not say who ${was.metadata.name} is (identities, person), who may do more: ${few(missing)}`,
        this.#rolesThatGive("escalate"),
      );
  }

  /** Another identity of the provider's may be another person: all is given anew. */
  #hadByUser(before: User | undefined, after: User): Powers {
    if (before === undefined) return NO_POWERS;
    const known = new Set(before.spec.identities.map(({ issuer, subject }) => `${issuer} ${subject}`));
    return after.spec.identities.every(({ issuer, subject }) => known.has(`${issuer} ${subject}`)) ? this.#powersOfUser(before) : NO_POWERS;
  }

  /** What a Role gives: to those who have it, also while nobody has; and to each group that has it newly, or for other objects. */
  #givenByRole(before: Role | undefined, after: Role): readonly { readonly had: Powers; readonly wanted: Powers }[] {
    const { name } = after.metadata;
    const spec = BUILT_IN_ROLES.get(name) ?? after.spec;
    const alone = (one: RoleSpec | undefined, where?: string): Powers =>
      one === undefined ? NO_POWERS : powersOf([{ name, spec: one, scope: scopeOf(where) }], this.#kinds);
    const known = new Set(before?.spec.groups.map((group) => JSON.stringify([group.name, group.where])));
    const fresh = after.spec.groups.filter((group) => !known.has(JSON.stringify([group.name, group.where])));
    return [
      ...(BUILT_IN_ROLES.has(name) ? [] : [{ had: alone(before?.spec), wanted: alone(spec) }]),
      ...fresh.map(({ where }) => ({ had: NO_POWERS, wanted: alone(spec, where) })),
    ];
  }

  /** @throws store/invalid: a role is given that there is not; it would be given by whoever makes one of that name */
  #checkRolesKnown(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined): void {
    if (kind.kind !== "User" || kind.group !== API_GROUP || after === undefined) return;
    const roles = this.#allRoles();
    const had = new Set((before as User | undefined)?.spec.roles.map((one) => one.role));
    const causes = (after as User).spec.roles.flatMap(({ role }, index) =>
      roles.has(role) || had.has(role)
        ? []
        : [{ field: `spec.roles[${index}].role`, message: `there is no role ${role}; known: ${[...roles.keys()].sort().join(", ")}` }],
    );
    if (causes.length > 0)
      throw new OrreryError("store/invalid", `User ${after.metadata.name} is not valid: ${causes.map(({ message }) => message).join("; ")}`, {
        details: { causes },
      });
  }

  #whoMay(wish: Wish): string {
    const roles = [...this.#allRoles()].filter(([name, spec]) => {
      const powers = powersOf([{ name, spec, scope: undefined }], this.#kinds);
      const someone: Identity = { name: "", groups: [], via: "token" };
      return ("path" in wish ? this.#allowsPath(someone, powers, wish) : this.#allowsObjects(someone, powers, wish)) !== undefined;
    });
    return tellRoles(roles.map(([name]) => name));
  }

  #rolesThatGive(action: Action | "edit" | "status", kind?: Kind, before?: StoredObject, after?: StoredObject): readonly string[] {
    return [...this.#allRoles()]
      .filter(([name, spec]) => {
        const powers = powersOf([{ name, spec, scope: undefined }], this.#kinds);
        if (action !== "edit" && action !== "status") return has(powers, action);
        return kind !== undefined && this.#missingEdit(powers, kind, before, after, action) === undefined;
      })
      .map(([name]) => name);
  }
}

/** An Update, or what waits of one. */
function isOfUpdate({ kind, spec }: StoredObject): boolean {
  return kind === update.kind || (kind === approval.kind && (spec as { readonly object?: { readonly kind?: string } }).object?.kind === update.kind);
}

/** Of people who are known at one time; more are computed again. */
const COMPILED_MAX = 10_000;

function both(one: Test | undefined, other: Test | undefined): Test | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return (object) => one(object) && other(object);
}

function has(powers: Powers, action: Action): boolean {
  return powers.actions.some((one) => one.scope === undefined && one.actions.has(action));
}

const tests = new WeakMap<ReadonlySet<string>, (labels: Labels) => boolean>();

function holds(scope: LabelScope, labels: Labels): boolean {
  if (scope === undefined) return true;
  const test = tests.get(scope) ?? anyOf([scope]) ?? (() => true);
  tests.set(scope, test);
  return test(labels);
}

function mayAct({ metadata, spec }: User): boolean {
  return !spec.disabled && metadata.deletionTimestamp === undefined;
}

function nameOf({ name, groups }: Identity): string {
  return `user ${name} (${groups.join(", ") || "no groups"})`;
}

function formatWish(wish: Wish): string {
  if ("path" in wish) return wish.path;
  const { group, resource, subresource = "" } = wish;
  return `${resource}${subresource === "" ? "" : `/${subresource}`}${group === "" ? "" : `.${group}`}`;
}

function forbidden(what: string, roles: readonly string[]): OrreryError {
  return new OrreryError("api/forbidden", `forbidden: ${what.replace(/,$/, "")}${tellRoles(roles)}`);
}

function tellRoles(roles: readonly string[]): string {
  return roles.length === 0
    ? "; no role gives that"
    : `; ${roles.length === 1 ? "the role" : "one of the roles"} ${roles.slice(0, 6).join(", ")} would do: ask who manages users`;
}

function few(items: readonly string[]): string {
  return items.length > 5 ? `${items.slice(0, 5).join("; ")}; and ${items.length - 5} more` : items.join("; ");
}

/** @throws store/immutable; api/forbidden: an Approval is decided, never written */
function refuseBuiltIn(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined): void {
  if (kind === approval)
    throw new OrreryError(
      "api/forbidden",
      "forbidden: Approvals are made and kept by the centre, and decided with: orrery approval approve|refuse|withdraw NAME",
    );
  const name = (before ?? after)?.metadata.name ?? "";
  if (kind.kind !== "Role" || kind.group !== API_GROUP || !BUILT_IN_ROLES.has(name)) return;
  const { groups: _, ...built } = BUILT_IN_ROLES.get(name) as RoleSpec;
  const { groups: __ = [], ...wished } = ((after as Role | undefined)?.spec ?? {}) as Partial<RoleSpec>;
  if (after === undefined || JSON.stringify(sorted(built)) !== JSON.stringify(sorted(wished)))
    throw new OrreryError(
      "store/immutable",
      `Role ${name} is built in: nobody removes it, and only its groups change; for another one, make a Role of another name: orrery get role ${name} -o yaml`,
      { details: { kind: "Role", name, causes: [{ field: "spec", message: `the role ${name} is built in: only spec.groups may change` }] } },
    );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
