import { role } from "#/model/index.ts";

/** What a role gives, with the defaults of the schema. */
export type RoleSpec = (typeof role)["$spec"];

const READ: readonly RoleSpec["rules"][number]["verbs"][number][] = ["get", "list", "watch"];
const READS = { rules: [{ verbs: READ, kinds: ["*"] }], paths: [{ verbs: ["get"], paths: ["*"] }] };
const STEERING = [
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
];

/** The roles that every site has. Nobody edits them, so that a site always has them as they are described; which groups have one is the site's own. */
export const BUILT_IN_ROLES: ReadonlyMap<string, RoleSpec> = new Map(
  Object.entries({
    viewer: { description: "Sees everything but secrets and the audit, and changes nothing.", ...READS },
    operator: {
      description:
        "Runs what is there: updates to versions on offer, scales, starts, stops, runs scripts, sets levels of logs, answers alarms. Edits no manifest.",
      ...READS,
      actions: STEERING,
    },
    engineer: {
      description: "Changes what runs: edits every manifest. Sees the audit. Neither sees secrets nor decides who may do what.",
      rules: [{ verbs: ["*"], kinds: ["*"] }],
      paths: [{ verbs: ["get"], paths: ["*", "/audit", "/audit/*"] }],
      actions: [...STEERING, "forget-gateway", "backup"],
    },
    admin: {
      description: "May do everything, and decides who may do what.",
      rules: [{ verbs: ["*"], kinds: ["*", "*/status"] }],
      paths: [{ verbs: ["*"], paths: ["*", "/audit", "/audit/*"] }],
      actions: ["*", "escalate"],
    },
  }).map(([name, given]) => [name, Object.freeze(role.spec.parse(given) as RoleSpec)]),
);
