import { type Action, SECRET_KINDS } from "#/model/index.ts";
import type { ResourceRule } from "./contract.ts";
import type { ActionPower } from "./powers.ts";

/** By which requests an action may be done. Who has the action alone gets through the door; what the request then changes must be nothing but that. */
const DOORS: Readonly<Record<Action, readonly { readonly verbs: readonly string[]; readonly resources: readonly string[] }[]>> = {
  update: [{ verbs: ["create", "update", "patch"], resources: ["updates"] }],
  pause: [{ verbs: ["update", "patch"], resources: ["updates"] }],
  promote: [{ verbs: ["update", "patch"], resources: ["updates"] }],
  abort: [{ verbs: ["update", "patch"], resources: ["updates"] }],
  rollback: [{ verbs: ["create", "patch"], resources: ["updates"] }],
  scale: [{ verbs: ["update", "patch"], resources: ["microservices", "microservices/scale"] }],
  start: [
    { verbs: ["update", "patch"], resources: ["microservices", "jobs"] },
    { verbs: ["create"], resources: ["jobruns"] },
  ],
  stop: [
    { verbs: ["update", "patch"], resources: ["microservices", "jobs", "jobruns"] },
    { verbs: ["delete", "deletecollection"], resources: ["instances"] },
  ],
  "run-script": [{ verbs: ["create"], resources: ["instances/scripts", "microservices/scripts"] }],
  // Asked of the service that is named to /logs/level.
  "log-level": [],
  // Asked of each alarm that is named to /alarms/operate.
  acknowledge: [],
  shelve: [],
  close: [],
  "forget-gateway": [{ verbs: ["delete", "deletecollection"], resources: ["gateways"] }],
  backup: [],
  restore: [],
  "see-secrets": [{ verbs: ["get"], resources: SECRET_KINDS.map((plural) => `${plural}/secrets`) }],
  "manage-users": [
    { verbs: ["create", "update", "patch", "delete", "deletecollection"], resources: ["users", "roles"] },
    { verbs: ["update", "patch"], resources: ["sites"] },
  ],
  escalate: [],
};

/** What an action is asked about, as in `kubectl auth can-i scale microservices/auth`: the verb is the action's own name. `update` is the verb of a replacement for everybody else, so it is asked as `create updates`. */
const ASKED: Readonly<Partial<Record<Action, readonly string[]>>> = {
  pause: ["updates"],
  promote: ["updates"],
  abort: ["updates"],
  rollback: ["updates"],
  scale: ["microservices"],
  start: ["microservices", "jobs"],
  stop: ["microservices", "jobs", "jobruns", "instances"],
  "run-script": ["instances", "microservices"],
  "log-level": ["microservices"],
  acknowledge: ["alarms"],
  shelve: ["alarms"],
  close: ["alarms"],
  "forget-gateway": ["gateways"],
  "see-secrets": SECRET_KINDS,
  "manage-users": ["users", "roles"],
  escalate: ["users", "roles"],
};

/** Answered to everybody who is known: who one is, what there is to ask for, and what is filtered or checked where it is served. */
export const KNOWN_PATHS: readonly string[] = [
  "/",
  "/api",
  "/api/*",
  "/apis",
  "/apis/*",
  "/openapi/*",
  "/version",
  "/healthz",
  "/livez",
  "/readyz",
  "/me",
  "/me/*",
  "/login",
  "/logout",
  "/sessions",
  "/sessions/*",
  "/tokens",
  "/tokens/*",
  "/users/*",
  "/login-links",
  "/views",
  "/approvals/*",
  "/alarms/operate",
  "/logs/level",
  "/calls",
  "/calls/tree",
];

const doors = new Map<string, readonly Action[]>();
for (const [action, ways] of Object.entries(DOORS) as [Action, (typeof DOORS)[Action]][])
  for (const { verbs, resources } of ways)
    for (const verb of verbs)
      for (const resource of resources) doors.set(`${verb} ${resource}`, [...(doors.get(`${verb} ${resource}`) ?? []), action]);
for (const [action, resources = []] of Object.entries(ASKED) as [Action, readonly string[]][])
  for (const resource of resources) doors.set(`${action} ${resource}`, [action]);

/** Whether such a request does nothing but actions, so that the right to edit the kind does not open it. */
export function isActionAlone(verb: string, resource: string, subresource: string | undefined): boolean {
  if (subresource === "scripts" || subresource === "secrets") return true;
  if (subresource !== undefined && subresource !== "") return false;
  return ALONE[resource]?.(verb) === true;
}

const isWrite = (verb: string): boolean => !["get", "list", "watch"].includes(verb);
const isDeletion = (verb: string): boolean => verb === "delete" || verb === "deletecollection";
const isCreation = (verb: string): boolean => verb === "create";
const ALONE: Readonly<Record<string, (verb: string) => boolean>> = {
  users: isWrite,
  roles: isWrite,
  gateways: isDeletion,
  instances: isDeletion,
  updates: isCreation,
  jobruns: isCreation,
};

/** The actions that such a request may be for. */
export function actionsOfDoor(verb: string, resource: string, subresource: string | undefined): readonly Action[] {
  const place = subresource === undefined || subresource === "" ? resource : `${resource}/${subresource}`;
  return doors.get(`${verb} ${place}`) ?? doors.get(`${verb} *`) ?? [];
}

/** What those may ask for who have `actions`, as rules of objects: each request that gets through, and each action by its name. */
export function reachesOfActions(powers: readonly ActionPower[]): readonly ResourceRule[] {
  return powers.flatMap(({ actions, scope }) => {
    const where = scope === undefined ? {} : { where: [...scope].sort().join(",") };
    return [...actions].flatMap((action) => [
      ...DOORS[action].map(({ verbs, resources }) => ({ verbs, groups: ["orrery.dev"], resources, ...where })),
      ...(ASKED[action] === undefined ? [] : [{ verbs: [action], groups: ["orrery.dev"], resources: ASKED[action] ?? [], ...where }]),
    ]);
  });
}
