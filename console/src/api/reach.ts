/** How far somebody sees: an empty list is no proof that nothing is there, where one sees a part alone. Pure. */
import type { Rules } from "./session.ts";

export interface Reach {
  /** Every object of the kind is seen: what is not shown is not there. */
  readonly isWhole: boolean;
  /** Else: labels or names of what is seen, each once; none: nothing of it is. */
  readonly parts: readonly string[];
}

const GROUP = "orrery.dev";
const has = (list: readonly string[], one: string): boolean => list.includes("*") || list.includes(one);

/** How far `rules` let somebody see objects of `resource`; absent: of every kind. Rules that are not known are taken for whole: the API decides what comes. */
export function reachOf(rules: Rules | undefined, resource?: string): Reach {
  if (rules === undefined) return { isWhole: true, parts: [] };
  const found = rules.resources.filter(
    (rule) =>
      has(rule.verbs, "list") &&
      has(rule.groups, GROUP) &&
      (resource === undefined ? rule.resources.some((one) => !one.includes("/")) : has(rule.resources, resource)),
  );
  const isWhole = found.some(
    ({ resources, names, where }) => names === undefined && where === undefined && (resource !== undefined || resources.includes("*")),
  );
  const parts = found.flatMap(({ names, where, resources }) => (where !== undefined ? [where] : (names ?? resources)));
  return { isWhole, parts: isWhole ? [] : [...new Set(parts)].sort() };
}
