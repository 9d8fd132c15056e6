import { ACTIONS, type Action, type Kind } from "#/model/index.ts";
import type { RoleSpec } from "./built-in-roles.ts";
import { coversScope, type LabelScope, scopeOf } from "./label-scope.ts";

/** One thing that somebody may do with objects, and by which role. */
export interface RulePower {
  readonly role: string;
  /** `*`: any. */
  readonly verbs: ReadonlySet<string>;
  /** By their plurals: `microservices`, `instances/log`, `*`, `*\/status`. */
  readonly kinds: ReadonlySet<string>;
  /** Absent: any. */
  readonly names: ReadonlySet<string> | undefined;
  readonly scope: LabelScope;
}

export interface ActionPower {
  readonly role: string;
  readonly actions: ReadonlySet<Action>;
  readonly scope: LabelScope;
}

export interface PathPower {
  readonly role: string;
  readonly verbs: ReadonlySet<string>;
  readonly paths: readonly string[];
}

/** All that somebody may do. */
export interface Powers {
  readonly rules: readonly RulePower[];
  readonly actions: readonly ActionPower[];
  readonly paths: readonly PathPower[];
}

export const NO_POWERS: Powers = Object.freeze({ rules: [], actions: [], paths: [] });

/** A role that somebody has, for the objects of `scope`. */
export interface HeldRole {
  readonly name: string;
  readonly spec: RoleSpec;
  readonly scope: LabelScope;
  /** By which group; absent: it was given to the user. */
  readonly group?: string;
}

/** What `roles` give together, where `kinds` are all that there are. A path is of no object: a role that is held for some objects alone gives none but those that are shown filtered. */
export function powersOf(roles: readonly HeldRole[], kinds: readonly NamedKind[]): Powers {
  return {
    rules: roles.flatMap(({ name, spec, scope }) =>
      spec.rules.map((rule) => ({
        role: name,
        verbs: new Set<string>(rule.verbs),
        kinds: new Set(rule.kinds.map((kind) => canonical(kind, kinds))),
        names: rule.names === undefined ? undefined : new Set(rule.names),
        scope: scopeOf(rule.labels, ...(scope ?? [])),
      })),
    ),
    actions: roles.flatMap(({ name, spec, scope }) =>
      spec.actions.length === 0 ? [] : [{ role: name, actions: new Set(spec.actions.flatMap(spelt)), scope }],
    ),
    paths: roles.flatMap(({ name, spec, scope }) =>
      spec.paths.flatMap((rule) => {
        const paths = scope === undefined ? rule.paths : rule.paths.flatMap(filteredOnes);
        const verbs = new Set<string>(
          scope === undefined ? rule.verbs : rule.verbs.map((verb) => (verb === "*" ? "get" : verb)).filter((verb) => verb === "get"),
        );
        return paths.length === 0 || verbs.size === 0 ? [] : [{ role: name, verbs, paths }];
      }),
    ),
  };
}

/** Answered with what one may see alone. */
const FILTERED: readonly string[] = ["/live", "/live/*", "/logs", "/logs/search"];

function filteredOnes(path: string): readonly string[] {
  if (path === "*" || path === "/*") return FILTERED;
  return path === "/logs" || path === "/logs/search" || path === "/live" || path.startsWith("/live/") ? [path] : [];
}

/** `escalate` is said, never meant. */
function spelt(action: Action | "*"): readonly Action[] {
  return action === "*" ? ACTIONS.filter((one) => one !== "escalate") : [action];
}

export type NamedKind = Pick<Kind, "group" | "kind" | "plural" | "singular" | "shortNames">;

/** `Microservice/log` as `microservices/log`. One that is not known here stays as it is, and means nothing. */
function canonical(text: string, kinds: readonly NamedKind[]): string {
  const [name = "", below] = text.toLowerCase().split("/");
  const found = kinds.find((kind) => [kind.kind.toLowerCase(), kind.plural, kind.singular, ...(kind.shortNames ?? [])].includes(name));
  return `${found?.plural ?? name}${below === undefined ? "" : `/${below}`}`;
}

/** Whether a power over `kinds` is one over `resource`, or what is below it. A status is written by whoever may write `…/status`, and by nobody else; what is a view of the object itself is read and written as the object is. */
export function matchesKind(kinds: ReadonlySet<string>, resource: string, subresource: string | undefined, verb: string): boolean {
  if (kinds.has("*") && (subresource !== "status" || isReadVerb(verb))) return true;
  if (subresource === undefined || subresource === "" || subresource === "scale" || (subresource === "status" && isReadVerb(verb)))
    return kinds.has(resource);
  return kinds.has(`*/${subresource}`) || kinds.has(`${resource}/${subresource}`);
}

function isReadVerb(verb: string): boolean {
  return verb === "get" || verb === "list" || verb === "watch";
}

export function hasVerb(verbs: ReadonlySet<string>, verb: string): boolean {
  return verbs.has("*") || verbs.has(verb);
}

/** `*` is every path but those of the audit, which are named. */
export function matchesPath(paths: readonly string[], path: string): boolean {
  return paths.some((one) => {
    if (one === "*" || one === "/*") return path !== "/audit" && !path.startsWith("/audit/");
    return one === path || (one.endsWith("*") && path.startsWith(one.slice(0, -1)));
  });
}

/** What of `wanted` is not in `held`, piece by piece in words, the same words for the same piece. Empty: all of it is held. What cannot be told counts as missing. */
export function findMissing(held: Powers, wanted: Powers): readonly string[] {
  const missing: string[] = [];
  for (const rule of wanted.rules)
    for (const verb of rule.verbs)
      for (const kind of rule.kinds) {
        const fitting = held.rules.filter(
          (one) => hasVerb(one.verbs, verb) && coversKind(one.kinds, kind, verb) && coversScope(one.scope, rule.scope),
        );
        if (fitting.some((one) => one.names === undefined)) continue;
        const told = `${verb} ${kind}`;
        if (rule.names === undefined) missing.push(`${told}${within(rule.scope)}`);
        for (const name of rule.names ?? [])
          if (!fitting.some((one) => one.names?.has(name) === true)) missing.push(`${told} ${name}${within(rule.scope)}`);
      }
  for (const { actions, scope } of wanted.actions)
    for (const action of actions)
      if (!held.actions.some((one) => one.actions.has(action) && coversScope(one.scope, scope))) missing.push(`the action ${action}${within(scope)}`);
  for (const { verbs, paths } of wanted.paths)
    for (const verb of verbs)
      for (const path of paths)
        if (!held.paths.some((one) => hasVerb(one.verbs, verb) && coversPath(one.paths, path))) missing.push(`${verb} ${path}`);
  return [...new Set(missing)];
}

function coversKind(kinds: ReadonlySet<string>, kind: string, verb: string): boolean {
  const [name = "", below] = kind.split("/");
  return kinds.has(kind) || (kind !== "*" && matchesKind(kinds, name, below, verb));
}

function coversPath(paths: readonly string[], path: string): boolean {
  if (paths.includes(path)) return true;
  if (path === "*" || path === "/*") return paths.includes("*") || paths.includes("/*");
  const bare = path.endsWith("*") ? path.slice(0, -1) : path;
  // What begins with less than /audit may mean the audit, too.
  const isAudit = "/audit".startsWith(bare) || bare.startsWith("/audit");
  return paths.some((one) =>
    one === "*" || one === "/*" ? !(isAudit && (path.endsWith("*") || matchesAudit(bare))) : one.endsWith("*") && bare.startsWith(one.slice(0, -1)),
  );
}

function matchesAudit(path: string): boolean {
  return path === "/audit" || path.startsWith("/audit/");
}

function within(scope: LabelScope): string {
  return scope === undefined ? "" : ` where ${[...scope].join(",")}`;
}
