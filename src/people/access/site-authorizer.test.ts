import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { arbitraryOf } from "#/model/arbitrary.ts";
import { type Kind, microservice, type Role, type Route, role, route, type StoredObject, update, user } from "#/model/index.ts";
import { BUILT_IN_ROLES } from "./built-in-roles.ts";
import type { Identity } from "./contract.ts";
import type { EffectContext } from "./effects.ts";
import { fixedRoles } from "./fixed-roles.ts";
import { SiteAuthorizer } from "./site-authorizer.ts";

const TEMPLATE = { version: "v1", run: { command: ["/bin/true"] } };

function object<K extends Kind>(kind: K, name: string, spec: unknown, labels: Readonly<Record<string, string>> = {}): K["$object"] {
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: "1",
      generation: 1,
      creationTimestamp: "2030-01-01T00:00:00Z",
      labels,
      namespace: "default",
    },
    spec: kind.spec.parse(spec),
  } as K["$object"];
}

const service = (name: string, more: object = {}, labels: Readonly<Record<string, string>> = {}) =>
  object(microservice, name, { template: TEMPLATE, ...more }, labels);

interface Site {
  readonly users?: Readonly<Record<string, object>>;
  readonly roles?: Readonly<Record<string, object>>;
  readonly services?: readonly StoredObject[];
  /** That objects are given. */
  readonly owners?: NonNullable<EffectContext["owners"]>;
}

function open({ users = {}, roles = {}, services = [], owners = [] }: Site) {
  let told = (): void => {};
  const present = new Map(Object.entries(users).map(([name, spec]) => [name, object(user, name, spec)]));
  const authorizer = new SiteAuthorizer({
    copies: {
      findUser: (name) => present.get(name),
      roles: () => Object.entries(roles).map(([name, spec]) => object(role, name, spec) as Role),
      findLabels: (kind, name) => services.find((one) => one.kind === kind && one.metadata.name === name)?.metadata.labels,
      onChange: (listener) => {
        told = listener;
        return () => {};
      },
    },
    kinds,
    machine: fixedRoles([]),
    context: (kind, _, after) => ({
      wasServed: (_, to) => to === "auth-v1-0",
      ...(after?.metadata.ownerReferences !== undefined && { owners }),
      ...(kind === route && { ledTo: services.find((one) => one.metadata.name === (after as Route | undefined)?.spec.service) }),
    }),
  });
  return { authorizer, present, change: () => told() };
}

const person = (name: string, more: Partial<Identity> = {}): Identity => ({ name, uid: `uid-${name}`, groups: [], via: "session", ...more });

async function refusal(does: () => void | Promise<void>): Promise<string | undefined> {
  try {
    await does();
    return undefined;
  } catch (error) {
    if (isOrreryError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

const wish = (verb: string, resource: string, more: object = {}) => ({ verb, group: "orrery.dev", resource, ...more });

describe("nobody may do anything that no role gives", () => {
  const { authorizer } = open({
    users: {
      out: {},
      gone: { roles: [{ role: "admin" }], disabled: true },
      ghost: { roles: [{ role: "admin" }] },
      typo: { roles: [{ role: "nothing" }] },
    },
  });
  for (const who of [person("out"), person("gone"), person("unknown"), person("ghost", { uid: "another" }), person("typo"), person("g", { uid: "" })])
    test(`${who.name} (${who.uid})`, async () => {
      for (const verb of ["get", "list", "watch", "create", "update", "patch", "delete"])
        for (const kind of kinds) assert.equal(authorizer.decide(who, wish(verb, kind.plural)).allowed, false, `${verb} ${kind.plural}`);
      for (const path of ["/metrics", "/live/hosts", "/backup", "/audit", "/link"])
        assert.equal(authorizer.decide(who, { verb: "get", path }).allowed, false);
      assert.equal(authorizer.visible(who, microservice)?.(service("auth")), false);
      assert.match((await refusal(() => authorizer.checkChange(who, microservice, undefined, service("auth")))) ?? "", /^api\/forbidden/);
      assert.equal(authorizer.decide(who, { verb: "get", path: "/me" }).allowed, true);
    });
});

describe("an operator scales, stops and starts by any way, and edits by none", () => {
  const { authorizer } = open({ users: { op: { roles: [{ role: "operator" }] } } });
  const who = person("op");
  const before = service("auth", { replicas: 1 });
  const cases: readonly [string, StoredObject | undefined, boolean][] = [
    ["more instances", service("auth", { replicas: 3 }), true],
    ["stopped", service("auth", { replicas: 1, suspended: true }), true],
    ["restarted", service("auth", { replicas: 1, restartedAt: "2030-01-01T00:00:00Z" }), true],
    ["another template", service("auth", { replicas: 1, template: { ...TEMPLATE, version: "v2" } }), false],
    ["another template, and scaled", service("auth", { replicas: 2, template: { ...TEMPLATE, version: "v2" } }), false],
    ["a label", service("auth", { replicas: 1 }, { team: "a" }), false],
    ["deleted", undefined, false],
  ];
  for (const [what, after, isAllowed] of cases)
    test(what, async () => {
      const said = await refusal(() => authorizer.checkChange(who, microservice, before, after));
      assert.equal(said === undefined, isAllowed, said ?? what);
      if (said !== undefined) assert.match(said, /may not .*; one of the roles .*engineer/);
    });
  test("creates no service, and gets through the doors that lead to what it may", async () => {
    assert.match((await refusal(() => authorizer.checkChange(who, microservice, undefined, before))) ?? "", /may not create/);
    for (const [verb, resource, subresource] of [
      ["patch", "microservices", undefined],
      ["update", "microservices", "scale"],
      ["create", "updates", undefined],
      ["create", "instances", "scripts"],
      ["scale", "microservices", undefined],
    ] as const)
      assert.equal(
        authorizer.decide(who, wish(verb, resource, subresource === undefined ? {} : { subresource })).allowed,
        true,
        `${verb} ${resource}`,
      );
    for (const [verb, resource, subresource] of [
      ["create", "microservices", undefined],
      ["delete", "microservices", undefined],
      ["patch", "routes", undefined],
      ["patch", "microservices", "status"],
      ["create", "instances", "exec"],
      ["create", "users", undefined],
      ["escalate", "roles", undefined],
    ] as const)
      assert.equal(
        authorizer.decide(who, wish(verb, resource, subresource === undefined ? {} : { subresource })).allowed,
        false,
        `${verb} ${resource}`,
      );
  });
  test("steers updates, makes them, goes back, and changes nothing else of them", async () => {
    const one = object(update, "u", { services: [{ name: "auth", to: "v2" }] });
    const as = (spec: object): StoredObject => object(update, "u", { services: [{ name: "auth", to: "v2" }], ...spec });
    for (const spec of [{ paused: true }, { promoted: true }, { aborted: true }, { message: "why" }])
      assert.equal(await refusal(() => authorizer.checkChange(who, update, one, as(spec))), undefined, JSON.stringify(spec));
    assert.equal(await refusal(() => authorizer.checkChange(who, update, undefined, one)), undefined);
    assert.match((await refusal(() => authorizer.checkChange(who, update, one, undefined))) ?? "", /may not delete/);
  });
});

describe("who gives an object an owner", () => {
  const owner = { apiVersion: "orrery.dev/v1", kind: "Microservice", name: "pay", uid: "uid-pay" };
  const owned = <T extends StoredObject>(one: T, more: object = { ownerReferences: [owner] }): T => ({
    ...one,
    metadata: { ...one.metadata, ...more },
  });
  const pay = service("pay", {}, { team: "b" });
  const edits = {
    rules: [{ verbs: ["get", "list", "watch", "create", "update", "patch"], kinds: ["Microservice", "Update"] }],
    actions: ["update", "scale", "start"],
  };
  const site = open({
    users: {
      op: { roles: [{ role: "operator" }] },
      eng: { roles: [{ role: "engineer" }] },
      keeps: { roles: [{ role: "keeps" }] },
      ann: { roles: [{ role: "engineer", where: "team=a" }] },
    },
    roles: { keeps: edits },
    services: [pay],
    owners: [{ kind: microservice, object: pay }],
  });
  const auth = service("auth", {}, { team: "a" });
  const one = object(update, "u", { services: [{ name: "auth", to: "v2" }] });
  const told = (name: string, kind: Kind, before: StoredObject | undefined, after: StoredObject): Promise<string | undefined> =>
    refusal(() => site.authorizer.checkChange(person(name), kind, before, after));
  test("edits it, also while it is made; so does who holds it back from being deleted", async () => {
    assert.equal(await told("op", update, undefined, one), undefined);
    for (const more of [{ ownerReferences: [owner] }, { finalizers: ["example.org/held"] }])
      assert.match((await told("op", update, undefined, owned(one, more))) ?? "", /op .*may not create Update u/, JSON.stringify(more));
    assert.equal(await told("eng", update, undefined, owned(one)), undefined);
  });
  test("does what its deletion does: it goes with the owner", async () => {
    assert.match((await told("keeps", microservice, auth, owned(auth))) ?? "", /keeps .*may not (delete|stop)/);
    assert.equal(await told("keeps", microservice, owned(auth), owned(auth, { ownerReferences: [owner], annotations: { a: "b" } })), undefined);
    assert.equal(await told("eng", microservice, auth, owned(auth)), undefined);
  });
  test("edits the owner, too, which may wait for it", async () => {
    assert.match((await told("ann", microservice, auth, owned(auth))) ?? "", /ann .*may not make Microservice pay the owner of Microservice auth/);
  });
});

test("who may only go back makes no update to what was never served", async () => {
  const { authorizer } = open({ users: { night: { roles: [{ role: "back" }] } }, roles: { back: { actions: ["rollback"] } } });
  const make = (to: string) =>
    refusal(() => authorizer.checkChange(person("night"), update, undefined, object(update, "u", { services: [{ name: "auth", to }] })));
  assert.equal(await make("auth-v1-0"), undefined);
  assert.match((await make("v3")) ?? "", /may not update/);
});

describe("a role for objects with a label", () => {
  const services = [service("auth", {}, { team: "a" }), service("pay", {}, { team: "b" })];
  const site = open({ users: { ann: { roles: [{ role: "engineer", where: "team=a" }] } }, services });
  const { authorizer } = site;
  const who = person("ann");
  const mine = service("auth", {}, { team: "a" });
  test("shows these, and what belongs to them", () => {
    const shows = authorizer.visible(who, microservice);
    assert.deepEqual(
      services.map((one) => shows?.(one)),
      [true, false],
    );
    const instances = kinds.find((kind) => kind.kind === "Instance") as Kind;
    const instance = (of: string, labels = {}): StoredObject => ({
      ...mine,
      kind: "Instance",
      metadata: { ...mine.metadata, labels },
      spec: { service: of },
    });
    assert.deepEqual(
      [instance("auth"), instance("pay"), instance("pay", { team: "a" })].map((one) => authorizer.visible(who, instances)?.(one)),
      [true, false, false],
    );
    assert.equal(authorizer.visible(who, microservice), shows);
  });
  test("shows no Update, and nothing that waits of one, that also names what is not theirs", () => {
    const changing = (...names: readonly string[]): StoredObject => object(update, "u", { services: names.map((name) => ({ name, to: "v2" })) });
    const shows = (one: StoredObject): unknown => authorizer.visible(who, update)?.(one);
    assert.deepEqual([shows(changing("auth")), shows(changing("auth", "pay")), shows(changing("pay"))], [true, false, false]);
    const waiting = {
      ...changing("auth"),
      kind: "Approval",
      spec: { object: { kind: "Update", name: "u" }, labels: [{ team: "a" }, { team: "b" }] },
    };
    assert.equal(authorizer.visible(who, kinds.find(({ kind }) => kind === "Approval") as Kind)?.(waiting), false);
  });
  test("are decided by the same test for all who have the same roles, and by another for others", () => {
    const roles = [{ role: "engineer", where: "team=a" }];
    const many = open({ users: { ann: { roles }, ben: { roles }, eve: { roles: [{ role: "engineer", where: "team=b" }] } }, services });
    const test = (name: string, more: Partial<Identity> = {}): unknown => many.authorizer.visible(person(name, more), microservice);
    assert.equal(test("ann"), test("ben"));
    assert.notEqual(test("ann"), test("eve"));
    assert.notEqual(
      test("ann"),
      test("ann", { scope: [{ role: "viewer", where: "team=a" }] }),
      "a limited token is shown less, or as much by other rules",
    );
    const before = test("ann");
    many.change();
    assert.notEqual(test("ann"), before, "what was decided before a change counts no more");
  });
  test("lets nobody take an object into their reach, or out of it", async () => {
    for (const [before, after] of [
      [service("pay", {}, { team: "b" }), service("pay", {}, { team: "a" })],
      [mine, service("auth", {}, { team: "b" })],
      [mine, service("auth")],
      [undefined, service("new")],
      [service("pay", {}, { team: "b" }), undefined],
      [service("pay", { replicas: 1 }, { team: "b" }), service("pay", { replicas: 2 }, { team: "b" })],
    ] as const)
      assert.match((await refusal(() => authorizer.checkChange(who, microservice, before, after))) ?? "", /^api\/forbidden/);
    for (const [before, after] of [
      [mine, service("auth", { replicas: 5, timeout: "1s" }, { team: "a" })],
      [undefined, service("new", {}, { team: "a" })],
      [mine, undefined],
    ] as const)
      assert.equal(await refusal(() => authorizer.checkChange(who, microservice, before, after)), undefined);
  });
  test("reaches an Update that names its services alone", async () => {
    const of = (...names: string[]): StoredObject => object(update, "u", { services: names.map((name) => ({ name, to: "v2" })) });
    assert.equal(await refusal(() => authorizer.checkChange(who, update, undefined, of("auth"))), undefined);
    assert.match((await refusal(() => authorizer.checkChange(who, update, undefined, of("auth", "pay")))) ?? "", /may not update/);
  });
  test("leads requests from outside to these alone", async () => {
    const editors = open({
      users: {
        ann: { roles: [{ role: "engineer", where: "team=a" }] },
        edge: { roles: [{ role: "viewer" }, { role: "routes", where: "team=a" }] },
        all: { roles: [{ role: "routes" }] },
        blind: { roles: [{ role: "routes", where: "team=a" }] },
      },
      roles: { routes: { rules: [{ verbs: ["*"], kinds: ["Route"] }] } },
      services,
    });
    const to = (of: string, more: object = {}): StoredObject => object(route, "r", { service: of, path: { prefix: "/" }, ...more }, { team: "a" });
    const leads = async (name: string, before: StoredObject | undefined, after: StoredObject | undefined, isDryRun = false): Promise<string> =>
      (await refusal(() => editors.authorizer.checkChange(person(name), route, before, after, { isDryRun }))) ?? "";
    for (const before of [undefined, to("auth")]) {
      for (const other of ["pay", "missing"]) {
        // That there is one, and that there is none, is told by the same words.
        assert.equal((await leads("ann", before, to(other))).replaceAll(other, "X"), (await leads("ann", before, to("pay"))).replaceAll("pay", "X"));
        assert.match(await leads("ann", before, to(other)), /^api\/forbidden: .*may not lead Route r to service/);
        assert.match(await leads("blind", before, to(other)), /^api\/forbidden/);
        for (const name of ["all", "edge"].slice(0, other === "pay" ? 2 : 1)) assert.equal(await leads(name, before, to(other)), "", name);
      }
      assert.equal(await leads("ann", before, to("auth", { timeout: "1s" })), "");
      assert.equal(await leads("ann", before, to("missing"), true), "", "a trial, of what is written together with its service");
      assert.match(await leads("ann", before, to("pay"), true), /^api\/forbidden/);
    }
    assert.equal(await leads("ann", to("pay"), to("pay", { timeout: "1s" })), "", "what an admin has led there is edited as any other");
    assert.equal(await leads("ann", to("pay"), undefined), "");
  });
  test("writes nothing that reaches all of the site, whatever its labels", async () => {
    const editors = open({
      users: { ann: { roles: [{ role: "engineer", where: "team=a" }] }, edo: { roles: [{ role: "engineer" }] } },
      roles: {},
      services,
    });
    const wide = kinds.filter((kind) => kind.isSiteWide === true);
    assert.ok(wide.length > 0);
    for (const kind of wide) {
      const [spec] = fc.sample(arbitraryOf(kind.spec), { numRuns: 1, seed: 7 }) as readonly object[];
      const [one, other] = ["1", "2"].map((round) => object(kind, "one", spec, { team: "a", round })) as [StoredObject, StoredObject];
      for (const [before, after] of [
        [undefined, one],
        [one, other],
        [one, undefined],
      ]) {
        const change = (name: string): Promise<string | undefined> =>
          refusal(() => editors.authorizer.checkChange(person(name), kind, before, after));
        assert.match((await change("ann")) ?? "", /^api\/forbidden: .*part of the site/, kind.kind);
        assert.doesNotMatch((await change("edo")) ?? "", /part of the site/, kind.kind);
      }
    }
  });
  test("gives the paths that are filtered, and no other", () => {
    const may = (path: string, verb = "get"): boolean => authorizer.decide(who, { verb, path }).allowed;
    assert.deepEqual(
      ["/live", "/live/hosts", "/logs", "/metrics", "/audit", "/notes"].map((path) => may(path)),
      [true, true, true, false, false, false],
    );
    assert.equal(may("/backup", "post"), false);
  });
});

describe("nobody gives more than they have", () => {
  const managing = {
    actions: ["manage-users", "scale"],
    rules: [{ verbs: ["get", "list", "watch"], kinds: ["*"] }],
    paths: [{ verbs: ["get"], paths: ["*"] }],
  };
  const { authorizer } = open({
    users: { boss: { roles: [{ role: "clerk" }] }, top: { roles: [{ role: "admin" }] }, low: { roles: [{ role: "viewer" }] } },
    roles: { clerk: managing, small: { actions: ["scale"] }, scoped: { actions: ["stop"] } },
  });
  const boss = person("boss");
  const made = (spec: object) => () => authorizer.checkChange(boss, user, undefined, object(user, "new", spec));
  const roleMade = (name: string, spec: object, before?: object) => () =>
    authorizer.checkChange(boss, role, before === undefined ? undefined : object(role, name, before), object(role, name, spec));
  const allowed: readonly [string, () => void | Promise<void>][] = [
    ["a viewer", made({ roles: [{ role: "viewer" }] })],
    ["what they have, for less", made({ roles: [{ role: "small", where: "team=a" }] })],
    ["nothing", made({})],
    [
      "less than before",
      () =>
        authorizer.checkChange(
          boss,
          user,
          object(user, "x", { roles: [{ role: "admin" }, { role: "viewer" }] }),
          object(user, "x", { roles: [{ role: "viewer" }] }),
        ),
    ],
    [
      "a role of what they have",
      roleMade("r", { actions: ["scale"], rules: [{ verbs: ["get"], kinds: ["Instance/log", "Microservice/status", "ms"] }] }),
    ],
    ["the viewer to a group", roleMade("viewer", { ...viewerSpec(), groups: [{ name: "shift" }] }, viewerSpec())],
  ];
  const refused: readonly [string, () => void | Promise<void>][] = [
    ["an admin", made({ roles: [{ role: "admin" }] })],
    ["an operator", made({ roles: [{ role: "operator" }] })],
    ["an action that they lack, for some objects", made({ roles: [{ role: "scoped", where: "team=a" }] })],
    [
      "to themselves",
      () =>
        authorizer.checkChange(
          boss,
          user,
          object(user, "boss", { roles: [{ role: "clerk" }] }),
          object(user, "boss", { roles: [{ role: "clerk" }, { role: "admin" }] }),
        ),
    ],
    ["by a role that they widen", roleMade("small", { actions: ["scale", "backup"] }, { actions: ["scale"] })],
    [
      "by a role of names",
      roleMade(
        "small",
        { actions: ["scale"], rules: [{ verbs: ["delete"], kinds: ["Route"], names: ["a", "b"] }] },
        { actions: ["scale"], rules: [{ verbs: ["delete"], kinds: ["Route"], names: ["a"] }] },
      ),
    ],
    ["escalate", roleMade("r", { actions: ["escalate"] })],
    ["everything", roleMade("r", { rules: [{ verbs: ["*"], kinds: ["*"] }] })],
    ["the writing of a status", roleMade("r", { rules: [{ verbs: ["patch"], kinds: ["Site/status"] }] })],
    ["the audit", roleMade("r", { paths: [{ verbs: ["get"], paths: ["/a*"] }] })],
    ["posting", roleMade("r", { paths: [{ verbs: ["post"], paths: ["/notes"] }] })],
    [
      "by enabling an admin",
      () =>
        authorizer.checkChange(
          boss,
          user,
          object(user, "x", { roles: [{ role: "admin" }], disabled: true }),
          object(user, "x", { roles: [{ role: "admin" }] }),
        ),
    ],
    [
      "by another identity for an admin",
      () =>
        authorizer.checkChange(
          boss,
          user,
          object(user, "top", { roles: [{ role: "admin" }] }),
          object(user, "top", { roles: [{ role: "admin" }], identities: [{ issuer: "https://a", subject: "1" }] }),
        ),
    ],
    [
      "by taking an admin's identity away, to give it to another",
      () =>
        authorizer.checkChange(
          boss,
          user,
          object(user, "top", { roles: [{ role: "admin" }], identities: [{ issuer: "https://a", subject: "1" }] }),
          object(user, "top", { roles: [{ role: "admin" }] }),
        ),
    ],
    [
      "by saying that an admin who is switched off is another person",
      () =>
        authorizer.checkChange(
          boss,
          user,
          object(user, "top", { roles: [{ role: "admin" }], disabled: true, person: "a" }),
          object(user, "top", { roles: [{ role: "admin" }], disabled: true, person: "b" }),
        ),
    ],
    ["the engineer to a group", roleMade("engineer", { ...engineerSpec(), groups: [{ name: "shift" }] }, engineerSpec())],
  ];
  for (const [what, does] of allowed) test(`gives ${what}`, async () => assert.equal(await refusal(does), undefined));
  for (const [what, does] of refused)
    test(`does not give ${what}`, async () =>
      assert.match((await refusal(does)) ?? "allowed", /^api\/forbidden: .*(do not have themselves|may not)/));
  test("an admin gives everything", async () => {
    assert.equal(
      await refusal(() => authorizer.checkChange(person("top"), user, undefined, object(user, "new", { roles: [{ role: "admin" }] }))),
      undefined,
    );
    assert.equal(
      await refusal(() => authorizer.checkChange(person("top"), role, undefined, object(role, "r", { actions: ["*", "escalate"] }))),
      undefined,
    );
  });
  test("acts for nobody who may do more", async () => {
    assert.equal(await refusal(() => authorizer.checkManages(boss, object(user, "low", { roles: [{ role: "viewer" }] }))), undefined);
    assert.match((await refusal(() => authorizer.checkManages(boss, object(user, "top", { roles: [{ role: "admin" }] })))) ?? "", /may do more/);
    assert.match((await refusal(() => authorizer.checkManages(person("low"), object(user, "low", {})))) ?? "", /manage-users/);
  });
  test("gives no role that there is not", async () =>
    assert.match((await refusal(made({ roles: [{ role: "opreator" }] }))) ?? "", /^store\/invalid: .*no role opreator; known: admin, clerk/));
});

describe("what is built in", () => {
  const { authorizer } = open({ roles: { viewer: { actions: ["*", "escalate"], groups: [{ name: "shift" }] } } });
  const machine: Identity = { name: "admin", groups: ["orrery:admins"], via: "machine" };
  test("stays as it is, whatever the object says, but for its groups", () => {
    const who: Identity = { name: "x", groups: ["shift"], via: "session" };
    assert.equal(authorizer.decide(who, wish("list", "microservices")).allowed, true);
    assert.equal(authorizer.decide(who, wish("scale", "microservices")).allowed, false);
  });
  test("is neither edited nor removed, also by the machine's admin", async () => {
    const was = object(role, "admin", {});
    for (const after of [undefined, object(role, "admin", { actions: ["scale"] })])
      assert.match((await refusal(() => authorizer.checkChange(machine, role, was, after))) ?? "", /^store\/immutable: Role admin is built in/);
    assert.equal(
      await refusal(() =>
        authorizer.checkChange(
          machine,
          role,
          object(role, "viewer", viewerSpec()),
          object(role, "viewer", { ...viewerSpec(), groups: [{ name: "g" }] }),
        ),
      ),
      undefined,
    );
  });
});

describe("a token that is limited", () => {
  const { authorizer } = open({
    users: { top: { roles: [{ role: "admin" }] }, low: { roles: [{ role: "viewer" }] } },
    services: [service("auth", {}, { team: "a" })],
  });
  test("may what both its scope and its owner may", async () => {
    const reads = person("top", { via: "token", scope: [{ role: "viewer" }] });
    assert.deepEqual(
      [wish("list", "routes"), wish("delete", "routes"), wish("scale", "microservices")].map((one) => authorizer.decide(reads, one).allowed),
      [true, false, false],
    );
    const more = person("low", { via: "token", scope: [{ role: "admin" }] });
    assert.deepEqual(
      [wish("list", "routes"), wish("delete", "routes"), wish("scale", "microservices")].map((one) => authorizer.decide(more, one).allowed),
      [true, false, false],
    );
    const part = person("top", { via: "token", scope: [{ role: "operator", where: "team=a" }] });
    const scaled = (team: string) =>
      refusal(() => authorizer.checkChange(part, microservice, service("x", { replicas: 1 }, { team }), service("x", { replicas: 2 }, { team })));
    assert.equal(await scaled("a"), undefined);
    assert.match((await scaled("b")) ?? "", /may not scale/);
  });
});

test("what somebody may is told with the roles that give it, whether they are shown their own User or not", () => {
  const { authorizer } = open({
    users: { ann: { roles: [{ role: "operator", where: "team=a" }], groups: ["night"] } },
    roles: { safety: { actions: ["stop"], groups: [{ name: "night", where: "place=hall" }, { name: "told" }] } },
  });
  const byGroup = { role: "safety", where: "place=hall", group: "night" };
  assert.deepEqual(authorizer.rules(person("ann")).roles, [{ role: "operator", where: "team=a" }, byGroup]);
  assert.deepEqual(authorizer.rules(person("ann", { groups: ["told"] })).roles?.at(-1), { role: "safety", group: "told" }, "also by a provider");
  assert.deepEqual(authorizer.rules(person("ann", { via: "token", scope: [{ role: "viewer" }] })).roles, [{ role: "viewer" }]);
  assert.deepEqual(authorizer.rules(person("nobody")).roles, []);
});

test("a user that was removed and made again is another", () => {
  const { authorizer } = open({ users: { ann: { roles: [{ role: "admin" }] } } });
  assert.equal(authorizer.decide(person("ann"), wish("list", "routes")).allowed, true);
  assert.equal(authorizer.decide(person("ann", { uid: "uid-of-the-former" }), wish("list", "routes")).allowed, false);
});

test("rights hold at once after a change, and listeners are told", () => {
  const site = open({ users: { ann: { roles: [{ role: "viewer" }] } } });
  const { authorizer } = site;
  let count = 0;
  authorizer.onChange(() => count++);
  assert.equal(authorizer.decide(person("ann"), wish("list", "routes")).allowed, true);
  site.present.set("ann", object(user, "ann", { roles: [{ role: "viewer" }], disabled: true }));
  site.change();
  assert.equal(authorizer.decide(person("ann"), wish("list", "routes")).allowed, false);
  assert.equal(count, 1);
});

function viewerSpec(): object {
  return {
    description: "Sees everything but secrets and the audit, and changes nothing.",
    rules: [{ verbs: ["get", "list", "watch"], kinds: ["*"] }],
    paths: [{ verbs: ["get"], paths: ["*"] }],
  };
}

function engineerSpec(): object {
  return (BUILT_IN_ROLES.get("engineer") ?? {}) as object;
}
