/** What the person may do with objects, so that nothing else is offered. The API decides all the same. */
import { type Me, session } from "./session.ts";

type ResourceRule = NonNullable<Me["rules"]>["resources"][number];

const GROUP = "orrery.dev";
const has = (list: readonly string[], one: string): boolean => list.includes("*") || list.includes(one);

/** Whether some objects of the kind may be changed by hand, as far as the console knows; what it does not know it offers. */
export function mayEdit(resource: string, verb = "patch"): boolean {
  const rules: readonly ResourceRule[] | undefined = session.me?.rules?.resources;
  return rules === undefined || rules.some((rule) => has(rule.verbs, verb) && has(rule.groups, GROUP) && has(rule.resources, resource));
}

/** Whether a path that is no object may be read, as far as the console knows: what may not is not asked for. */
export function mayGet(path: string): boolean {
  const rules = session.me?.rules?.paths;
  const isMeant = (one: string): boolean => one === "*" || one === path || (one.endsWith("*") && path.startsWith(one.slice(0, -1)));
  return rules === undefined || rules.some(({ verbs, paths }) => has(verbs, "get") && paths.some(isMeant));
}
