import assert from "node:assert/strict";
import { it } from "node:test";
import { systemClock } from "#/base/index.ts";
import { type Run, run } from "#/face/cli/rig.ts";
import { microservice, role, user } from "#/model/index.ts";
import { openApiSite } from "./api-site.ts";

it("user, role and can-i add people, give roles, and tell what one may", async (t) => {
  const site = await openApiSite(t, { hasPeople: true });
  await site.store.create(role, {
    metadata: { name: "night" },
    spec: { description: "By night.", actions: ["stop"], groups: [{ name: "shift", where: "team=a" }] },
  });
  await site.store.create(microservice, {
    metadata: { name: "auth", labels: { team: "a" } },
    spec: { template: { version: "v1", run: { command: ["node"] } } },
  });
  const as =
    (who: string) =>
    (...args: string[]): Promise<Run> =>
      run(args, { client: () => site.client(who), clock: systemClock });
  const admin = as("admin");
  assert.match((await admin("user", "list")).note, /no users: .*orrery user add/);
  assert.match((await admin("user", "add", "ann")).note, /give ann a role or a group/);
  assert.match((await admin("user", "add", "ann", "--role", "oprator")).note, /there is no role oprator/);
  assert.match(
    (await admin("user", "add", "ann", "--role", "operator", "--where", "team=a", "--group", "shift", "--display", "Ann 安")).out,
    /^user ann is added; .*orrery login-link ann\n$/,
  );
  assert.deepEqual((await site.store.get(user, { name: "ann" }))?.spec.roles, [{ role: "operator", where: "team=a" }]);
  assert.match((await admin("user", "list")).out, /ann +Ann 安 +operator where team=a; group shift/);
  assert.match((await admin("user", "grant", "ann", "--role", "viewer")).out, /user ann has operator where team=a; viewer; group shift/);
  assert.match((await admin("user", "show", "ann")).out, /^User: +ann \(Ann 安\)\nMay: +operator where team=a; viewer; group shift\n/);
  assert.match((await admin("user", "show", "bob")).note, /there is no user called "bob"/);
  assert.match((await admin("role", "list")).out, /night +shift where team=a +stop +By night\./);
  assert.match((await admin("role", "show", "night")).out, /Actions: +stop\nGroups: +shift where team=a/);
  assert.match((await admin("role", "show", "day")).note, /there is no role called "day"; known: .*night/);
  const ann = as("ann");
  const may = async (...args: string[]): Promise<readonly unknown[]> => {
    const { status, out } = await ann("can-i", ...args);
    return [status, out];
  };
  assert.deepEqual(await may("scale", "microservice/auth"), [0, "yes\n"]);
  assert.deepEqual(await may("delete", "ms/auth"), [1, "no\n"]);
  assert.deepEqual(await may("get", "/audit"), [1, "no\n"]);
  assert.match((await ann("can-i", "delete", "ms/auth")).note, /user ann .* may not delete microservices\.orrery\.dev; .*engineer/);
  const listed = await ann("can-i", "--list");
  assert.match(listed.out, /microservices +scale/);
  assert.match(listed.note, /labels: team=a/);
  assert.match((await ann("user", "add", "eve", "--role", "viewer")).note, /may not create users/);
  assert.match((await admin("user", "disable", "ann")).out, /user ann is disabled: what they have open ends/);
  assert.match((await ann("can-i", "get", "ms")).out, /no/);
  assert.match((await admin("user", "enable", "ann")).out, /user ann is enabled/);
  assert.match((await admin("user", "remove", "ann")).out, /user ann is removed/);
  assert.equal((await site.store.list(user)).items.length, 0);
  assert.match((await admin("user", "frobnicate")).note, /Allowed choices|allowed/i);
});
