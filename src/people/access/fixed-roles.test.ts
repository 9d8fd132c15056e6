import assert from "node:assert/strict";
import { test } from "node:test";
import { users } from "#/pki/index.ts";
import type { Wish } from "./contract.ts";
import { fixedRoles } from "./fixed-roles.ts";
import { machineIdentity } from "./machine.ts";

const roles = fixedRoles(
  [
    { who: "agents", verbs: ["update", "patch"], resources: ["instances", "instances/status"] },
    { who: "agents", verbs: ["create", "update", "patch"], resources: ["hosts", "hosts/status"] },
    { who: "gateways", verbs: ["create", "update", "patch"], resources: ["gateways", "gateways/status"] },
  ],
  [{ method: "POST", path: "/notes/count" }],
);

const resource = (verb: string, name: string, subresource?: string, group = "orrery.dev"): Wish => ({
  verb,
  group,
  resource: name,
  ...(subresource !== undefined && { subresource }),
});
const wishes: Readonly<Record<string, Wish>> = {
  "list resources": resource("list", "resources"),
  "delete microservices": resource("delete", "microservices"),
  "patch instances/status": resource("patch", "instances", "status"),
  "patch instances": resource("patch", "instances"),
  "create instances": resource("create", "instances"),
  "create hosts": resource("create", "hosts"),
  "delete hosts": resource("delete", "hosts"),
  "update gateways/status": resource("update", "gateways", "status"),
  "create events": resource("create", "events", undefined, ""),
  "get instances/log": resource("get", "instances", "log"),
  "create instances/scripts": resource("create", "instances", "scripts"),
  "review myself": resource("create", "selfsubjectreviews", undefined, "authentication.k8s.io"),
  "get /live/host": { verb: "get", path: "/live/host" },
  "post /link": { verb: "post", path: "/link" },
  "post /notes/count": { verb: "post", path: "/notes/count" },
};
const reads = ["list resources", "get instances/log", "review myself", "get /live/host"];
const allowed: Readonly<Record<string, readonly string[]>> = {
  admin: Object.keys(wishes).filter((wish) => wish !== "post /link"),
  viewer: reads,
  agent: [...reads, "patch instances/status", "patch instances", "create hosts", "create events", "post /link"],
  gateway: [...reads, "update gateways/status", "create events", "post /link"],
};

for (const user of users) {
  test(`${user.name} may do exactly what its role says`, () => {
    const may = Object.entries(wishes).filter(([, wish]) => roles.decide(machineIdentity(user), wish).allowed);
    assert.deepEqual(new Set(may.map(([name]) => name)), new Set(allowed[user.name]));
  });
}

test("a refusal names the user, the verb and what was asked for", () => {
  const verdict = roles.decide({ name: "eve", groups: [], via: "token" }, resource("patch", "instances", "status"));
  assert.deepEqual(verdict, { allowed: false, reason: "user eve (no groups) may not patch instances/status.orrery.dev" });
});
