import { ACTIONS, API_GROUP } from "#/model/index.ts";
import type { PartPath, PeerRight } from "#/state/reconcile/index.ts";
import type { Authorizer, PathRule, ResourceRule, Rules, Wish } from "./contract.ts";
import { matchesPath } from "./powers.ts";

const READ = ["get", "list", "watch"];
const READ_ALL: ResourceRule = { verbs: READ, groups: ["*"], resources: ["*"] };
const READ_PATHS: PathRule = { verbs: ["get"], paths: ["*"] };
/** `*` is not the audit. */
const READ_AUDIT: PathRule = { verbs: ["get"], paths: ["/audit", "/audit/*"] };
const LINK: PathRule = { verbs: ["post"], paths: ["/link"] };
/** Everybody who is known may ask what they are and may. */
const REVIEWS: ResourceRule = {
  verbs: ["create"],
  groups: ["authorization.k8s.io", "authentication.k8s.io"],
  resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"],
};
const EVENTS: ResourceRule = { verbs: ["create"], groups: [""], resources: ["events"] };

/** The fixed roles: admins all, viewers read, agents and gateways read, and write what the parts of this centre let them (`rights`). Paths that are posted to are for admins. */
export function fixedRoles(rights: readonly PeerRight[], paths: readonly Pick<PartPath, "method" | "path">[] = []): Authorizer {
  const posted = paths.filter(({ method }) => method === "POST").map(({ path }) => path);
  const peer = (who: PeerRight["who"]): Rules => ({
    resources: [READ_ALL, REVIEWS, EVENTS, ...rights.filter((right) => right.who === who).map(ruleOf)],
    paths: [READ_PATHS, LINK],
    actions: [],
  });
  const roles: Readonly<Record<string, Rules>> = {
    "orrery:admins": {
      resources: [{ verbs: ["*"], groups: ["*"], resources: ["*"] }],
      paths: [READ_PATHS, READ_AUDIT, { verbs: ["post"], paths: ["/backup", "/audit/prune", "/approvals/*", ...posted] }],
      actions: [{ actions: ACTIONS }],
    },
    "orrery:viewers": { resources: [READ_ALL, REVIEWS], paths: [READ_PATHS], actions: [] },
    "orrery:agents": peer("agents"),
    "orrery:gateways": peer("gateways"),
  };
  return {
    decide(user, wish) {
      const role = user.groups.find((group) => {
        const rules = roles[group];
        return rules !== undefined && isAllowed(rules, wish);
      });
      if (role !== undefined) return { allowed: true, reason: `group ${role}` };
      const what =
        "path" in wish
          ? wish.path
          : `${wish.resource}${wish.subresource === undefined ? "" : `/${wish.subresource}`}${wish.group === "" ? "" : `.${wish.group}`}`;
      return { allowed: false, reason: `user ${user.name} (${user.groups.join(", ") || "no groups"}) may not ${wish.verb} ${what}` };
    },
    rules(user) {
      const held = user.groups.flatMap((group) => roles[group] ?? []);
      return {
        resources: held.flatMap((rules) => rules.resources),
        paths: held.flatMap((rules) => rules.paths),
        actions: held.flatMap((rules) => rules.actions),
      };
    },
    visible: () => undefined,
    checkChange() {},
    checkAction() {},
    checkManages() {},
    isFree: () => true,
    onChange: () => () => {},
  };
}

function ruleOf({ verbs, resources }: PeerRight): ResourceRule {
  return { verbs, groups: [API_GROUP], resources };
}

function isAllowed(rules: Rules, wish: Wish): boolean {
  const has = (list: readonly string[], word: string): boolean => list.includes("*") || list.includes(word);
  if ("path" in wish) return rules.paths.some(({ verbs, paths }) => has(verbs, wish.verb) && matchesPath(paths, wish.path));
  // Who reads everything reads no secret by that.
  if (wish.subresource === "secrets" && !rules.actions.some(({ actions }) => actions.includes("see-secrets"))) return false;
  const resource = wish.subresource === undefined || wish.subresource === "" ? wish.resource : `${wish.resource}/${wish.subresource}`;
  return rules.resources.some(({ verbs, groups, resources }) => has(verbs, wish.verb) && has(groups, wish.group) && has(resources, resource));
}
