import assert from "node:assert/strict";
import { test } from "node:test";
import { type Instance, type Microservice, microservice, type Revision } from "#/model/index.ts";
import type { GenerationMap, SiteState } from "#/traffic/update/core/index.ts";
import { type InstancePlanInput, mayCarryOut, planInstances } from "./instance-plan.ts";

const meta = (name: string) => ({
  name,
  namespace: "default",
  uid: `uid-${name}`,
  resourceVersion: "1",
  generation: 1,
  creationTimestamp: "2026-01-01T00:00:00Z",
});

function makeService(more: Record<string, unknown> = {}): Microservice {
  const spec = microservice.spec.parse({ replicas: 2, template: { version: "v1", run: { command: ["node"] } }, ...more });
  return { apiVersion: "orrery.dev/v1", kind: "Microservice", metadata: meta("auth"), spec } as Microservice;
}

function makeRevision(name: string, service: Microservice): Revision {
  return {
    apiVersion: "orrery.dev/v1",
    kind: "Revision",
    metadata: meta(name),
    spec: { service: "auth", hash: "x", template: service.spec.template },
  } as Revision;
}

const siteWith = (stamped: number, ...generations: [number, "Preparing" | "Distributing" | "Active" | "Draining"][]): SiteState => ({
  history: "h",
  epoch: 1,
  counter: 9,
  generations: generations.map(([number, phase]) => ({ number, phase, since: "2026-01-01T00:00:00Z" })),
  stamp: { generation: stamped },
  refused: [],
  fenced: [],
  moves: [],
  exclusive: [],
});

function plan(more: Partial<InstancePlanInput> = {}): ReturnType<typeof planInstances> {
  const service = more.service ?? makeService();
  const maps = new Map<number, GenerationMap>([
    [1, { auth: "auth-v1" }],
    [2, { auth: "auth-v2" }],
  ]);
  return planInstances({
    service,
    site: siteWith(1, [1, "Active"]),
    mapOf: (number) => maps.get(number),
    revisionOf: (name) => makeRevision(name, service),
    instances: [],
    hosts: [{ name: "a", load: 0 }],
    minReady: "2s",
    ...more,
  });
}

function asInstances(result: ReturnType<typeof plan>): Instance[] {
  return result.create.map((one) => ({ ...one, metadata: { ...meta(one.metadata.name ?? ""), ...one.metadata } }) as unknown as Instance);
}

test("each slot of a served revision gets one instance, and planning again changes nothing", () => {
  const first = plan();
  assert.deepEqual(
    first.create.map((one) => one.metadata.name),
    ["auth-v1-0", "auth-v1-1"],
  );
  const second = plan({ instances: asInstances(first) });
  assert.deepEqual(second, { create: [], createVolumes: [], change: [], remove: [], unplaced: 0 });
});

test("a revision that is prepared is passive, then active, and the old one drains until no open generation maps to it", () => {
  const running = asInstances(plan());
  const preparing = plan({ instances: running, site: siteWith(1, [1, "Active"], [2, "Preparing"]) });
  assert.deepEqual(
    preparing.create.map((one) => (one.spec as Instance["spec"]).duty),
    ["passive", "passive"],
  );
  assert.deepEqual(preparing.remove, []);
  const both = [...running, ...asInstances(preparing)];
  const switched = plan({ instances: both, site: siteWith(2, [1, "Draining"], [2, "Active"]) });
  assert.deepEqual(
    switched.change.map((one) => `${one.instance.metadata.name} ${one.duty}`),
    ["auth-v1-0 draining", "auth-v1-1 draining", "auth-v2-0 active", "auth-v2-1 active"],
  );
  const closed = plan({ instances: both, site: siteWith(2, [2, "Active"]) });
  assert.deepEqual(
    closed.remove.map((one) => one.metadata.name),
    ["auth-v1-0", "auth-v1-1"],
  );
});

test("fewer replicas remove the highest slots; a suspended service removes all", () => {
  const running = asInstances(plan());
  assert.deepEqual(
    plan({ instances: running, service: makeService({ replicas: 1 }) }).remove.map((one) => one.metadata.name),
    ["auth-v1-1"],
  );
  assert.equal(plan({ instances: running, service: makeService({ suspended: true }) }).remove.length, 2);
});

test("instances spread over hosts; without room they are counted as unplaced", () => {
  const spread = plan({
    hosts: [
      { name: "a", load: 1 },
      { name: "b", load: 0 },
    ],
  });
  assert.deepEqual(
    spread.create.map((one) => (one.spec as Instance["spec"]).host),
    ["b", "a"],
  );
  assert.equal(plan({ hosts: [] }).unplaced, 2);
  assert.equal(plan({ hosts: [{ name: "a", load: 4, instancesMax: 5 }] }).unplaced, 1);
});

test("an instance that is being deleted keeps its slot until it is gone", () => {
  const [zero, one] = asInstances(plan()) as [Instance, Instance];
  const leaving = { ...zero, metadata: { ...zero.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  assert.deepEqual(plan({ instances: [leaving, one] }).create, []);
  assert.deepEqual(
    plan({ instances: [one] }).create.map((made) => made.metadata.name),
    ["auth-v1-0"],
  );
});

test("while the map of an open generation, or a revision of it, is not seen, no instance is removed", () => {
  const running = asInstances(plan());
  const unseen = plan({ instances: running, site: siteWith(2, [2, "Active"]), mapOf: () => undefined });
  assert.deepEqual(unseen.remove, []);
  assert.deepEqual(plan({ instances: running, site: undefined }).remove, []);
  const withoutRevision = plan({ instances: running, revisionOf: () => undefined });
  assert.deepEqual(withoutRevision, { create: [], createVolumes: [], change: [], remove: [], unplaced: 0 });
});

const generations = (...list: readonly [number, "Preparing" | "Active" | "Draining", readonly string[]][]): SiteState => ({
  ...siteWith(1),
  generations: list.map(([number, phase, changes]) => ({ number, phase, since: "2026-01-01T00:00:00Z", changes: [...changes] })),
});

test("a generation that changes a service to a revision claims the instances that are there; one that leaves it alone does not", () => {
  const running = asInstances(plan());
  assert.deepEqual(
    running.map((one) => one.spec.neededBy),
    [1, 1],
  );
  const mapOf = (): GenerationMap => ({ auth: "auth-v1" });
  const claimed = plan({
    instances: running,
    mapOf,
    site: { ...generations([1, "Draining", ["auth"]], [3, "Preparing", ["auth"]]), stamp: { generation: 2 } },
  });
  assert.deepEqual(
    claimed.change.map((one) => one.neededBy),
    [3, 3],
  );
  const untouched = plan({ instances: running, mapOf, site: generations([1, "Active", ["auth"]], [3, "Preparing", ["other"]]) });
  assert.deepEqual(untouched.change, []);
});

test("while a map is not seen nothing is removed, but what is suspended", () => {
  const old = asInstances(plan({ site: siteWith(1, [1, "Active"]) }));
  const site = siteWith(2, [2, "Active"]);
  assert.equal(plan({ instances: old, site }).remove.length, 2);
  const mapOf = (): undefined => undefined;
  assert.deepEqual(plan({ instances: old, site, mapOf }).remove, []);
  assert.equal(plan({ instances: old, site, mapOf, service: makeService({ suspended: true }) }).remove.length, 2);
});

const MOVE = { service: "auth", before: 2, from: "auth-v1", to: "auth-v2" };

/** A plan's instances as they are when their processes are ready. */
function ready(instances: readonly Instance[]): Instance[] {
  return instances.map((one) => ({ ...one, status: { ...one.status, ready: true, available: true } }));
}

function names(list: readonly { readonly metadata: { readonly name?: string | undefined } }[]): (string | undefined)[] {
  return list.map((one) => one.metadata.name);
}

test("rolling: one more than are ready, and one of the old ones less for each", () => {
  const site: SiteState = { ...siteWith(1, [1, "Active"], [2, "Preparing"]), moves: [{ ...MOVE, isPartial: true }] };
  const old = ready(asInstances(plan()));
  const first = plan({ instances: old, site });
  assert.deepEqual(names(first.create), ["auth-v2-0"]);
  assert.deepEqual(first.remove, []);
  const fresh = asInstances(first);
  assert.deepEqual(names(plan({ instances: [...old, ...fresh], site }).create), []);
  const young = ready(fresh).map((one) => ({ ...one, status: { ready: true } }));
  const none = plan({ instances: [...old, ...young], site });
  assert.deepEqual([names(none.create), names(none.remove)], [[], []], "one that has not stayed ready yet still starts");
  const second = plan({ instances: [...old, ...ready(fresh)], site });
  assert.deepEqual([names(second.create), names(second.remove)], [["auth-v2-1"], ["auth-v1-1"]]);
  const all = ready([...fresh, ...asInstances(second)]);
  const last = plan({ instances: [...old.slice(0, 1), ...all], site });
  assert.deepEqual([names(last.create), names(last.remove)], [[], ["auth-v1-0"]]);
});

test("rolling keeps what only gives no answer to its checks, of both revisions, until as many new ones are ready", () => {
  const unanswered = (instances: readonly Instance[]): Instance[] =>
    instances.map((one) => ({ ...one, status: { ...one.status, ready: false, unanswered: true } }));
  const site: SiteState = { ...siteWith(1, [1, "Active"], [2, "Preparing"]), moves: [{ ...MOVE, isPartial: true }] };
  const old = asInstances(plan());
  const fresh = asInstances(plan({ instances: ready(old), site }));
  const busy = plan({ instances: unanswered([...old, ...fresh]), site });
  assert.deepEqual([names(busy.create), names(busy.remove)], [["auth-v2-1"], []]);
  // Going back: all that is there of the former revision may still be called.
  const back: SiteState = {
    ...siteWith(1, [1, "Active"]),
    counter: 3,
    moves: [MOVE, { service: "auth", before: 3, from: "auth-v2", to: "auth-v1", isPartial: true }],
  };
  assert.deepEqual(names(plan({ instances: unanswered([...old, ...fresh]), site: back }).remove), []);
});

test("rolling keeps the instances that serve, whatever their slot; moving back begins with those that are still there", () => {
  const site: SiteState = {
    ...siteWith(1, [1, "Active"]),
    counter: 3,
    moves: [MOVE, { service: "auth", before: 3, from: "auth-v2", to: "auth-v1", isPartial: true }],
  };
  const [first, second] = asInstances(plan());
  assert.ok(first && second);
  // Slot 0 is on its way out, slot 1 serves.
  const leaving = { ...first, metadata: { ...first.metadata, deletionTimestamp: "2026-01-01T00:00:01Z" } };
  const back = plan({ instances: [leaving, ...ready([second])], site });
  assert.deepEqual(names(back.remove), []);
  // It does not count as one that has taken over before this move has claimed it.
  assert.deepEqual(
    back.change.map((one) => `${one.instance.metadata.name} ${one.neededBy}`),
    ["auth-v1-1 3"],
  );
});

test("recreate: the old ones stop first, and the new ones come when they are gone", () => {
  const generations = [1, 2].map((number) => ({
    number,
    phase: number === 1 ? ("Active" as const) : ("Preparing" as const),
    since: "2026-01-01T00:00:00Z",
  }));
  const site: SiteState = {
    ...siteWith(1),
    generations: generations.map((one) => (one.number === 2 ? { ...one, strategy: "recreate" as const } : one)),
    moves: [MOVE],
  };
  const old = asInstances(plan());
  const first = plan({ instances: old, site });
  assert.deepEqual([names(first.create), names(first.remove)], [[], ["auth-v1-0", "auth-v1-1"]]);
  const stopping = old.map((one) => ({ ...one, metadata: { ...one.metadata, deletionTimestamp: "2026-01-01T00:00:01Z" } }));
  assert.deepEqual(plan({ instances: stopping, site }).create, []);
  assert.deepEqual(names(plan({ instances: [], site }).create), ["auth-v2-0", "auth-v2-1"]);
});

test("what was moved is not needed any more, although an older generation still maps to it", () => {
  const site: SiteState = { ...siteWith(2, [1, "Draining"], [2, "Active"]), moves: [MOVE] };
  assert.deepEqual(names(plan({ instances: asInstances(plan()), site }).remove), ["auth-v1-0", "auth-v1-1"]);
});

test("while new transactions are held, the old revision drains and the new one stays passive", () => {
  const hold = { to: 2, services: ["auth"], since: "2026-01-01T00:00:00Z" };
  const preparing = siteWith(1, [1, "Active"], [2, "Preparing"]);
  const both = [...asInstances(plan()), ...asInstances(plan({ site: preparing })).filter((one) => one.spec.revision === "auth-v2")];
  const site: SiteState = {
    ...preparing,
    generations: preparing.generations.map((one) => (one.number === 2 ? { ...one, phase: "Holding" } : one)),
    stamp: { generation: 1, hold },
  };
  const { change } = plan({ instances: both, site });
  assert.deepEqual(
    change.map((one) => `${one.instance.metadata.name} ${one.duty}`),
    ["auth-v1-0 draining", "auth-v1-1 draining"],
  );
});

test("an exclusive revision is told to be active when the Site has given it the thing", () => {
  const service = makeService({ exclusive: true });
  const given = (revision: string): SiteState => ({
    ...siteWith(2, [2, "Active"]),
    exclusive: [{ service: "auth", revision, since: "2026-01-01T00:00:00Z" }],
  });
  const made = asInstances(plan({ service }));
  // Whoever makes one late, knowing only what was, gives it nothing.
  assert.equal(made[0]?.spec.duty, "passive");
  const old = made.map((one) => ({ ...one, spec: { ...one.spec, duty: "draining" as const } }));
  const fresh = asInstances(plan({ service, site: siteWith(1, [1, "Active"], [2, "Preparing"]) })).filter((one) => one.spec.revision === "auth-v2");
  assert.equal(fresh[0]?.spec.duty, "passive");
  assert.deepEqual(plan({ service, site: siteWith(2, [2, "Active"]), instances: fresh }).change, []);
  assert.deepEqual(plan({ service, site: given("auth-v1"), instances: [...old, ...fresh] }).change, []);
  const granted = plan({ service, site: given("auth-v2"), instances: fresh });
  assert.deepEqual(
    granted.change.map((one) => one.duty),
    ["active", "active"],
  );
});

test("a plan is carried out by who leads, and while the same revision may use an exclusive thing", () => {
  const site = (epoch: number, revision: string): SiteState => ({
    ...siteWith(2, [2, "Active"]),
    epoch,
    exclusive: [{ service: "auth", revision, since: "2026-01-01T00:00:00Z" }],
  });
  assert.equal(mayCarryOut("auth", 1, site(1, "auth-v1"), site(1, "auth-v1")), true);
  assert.equal(mayCarryOut("auth", 1, site(1, "auth-v1"), site(1, "auth-v2")), false);
  assert.equal(mayCarryOut("portal", 1, site(1, "auth-v1"), site(1, "auth-v2")), true);
  // Whose Site is as new as can be, and who leads no longer.
  assert.equal(mayCarryOut("auth", 1, site(2, "auth-v1"), site(2, "auth-v1")), false);
  assert.equal(mayCarryOut("auth", 1, undefined, undefined), false);
});

test("a service that an older generation has left is not kept for it", () => {
  const site = siteWith(2, [1, "Draining"], [2, "Active"]);
  const left: SiteState = { ...site, generations: site.generations.map((one) => (one.number === 1 ? { ...one, left: ["auth"] } : one)) };
  const old = asInstances(plan());
  assert.deepEqual(names(plan({ instances: old, site }).remove), []);
  assert.deepEqual(names(plan({ instances: old, site: left }).remove), ["auth-v1-0", "auth-v1-1"]);
});

test("an instance that has used an exclusive thing is never told to be passive: it lets go by its end alone", () => {
  const service = makeService({ exclusive: true });
  const old = asInstances(plan({ service })).map((one) => ({ ...one, spec: { ...one.spec, duty: "draining" as const } }));
  const both = siteWith(2, [2, "Active"], [3, "Preparing"]);
  const maps = new Map<number, GenerationMap>([
    [2, { auth: "auth-v2" }],
    [3, { auth: "auth-v1" }],
  ]);
  const { change } = plan({ service, site: both, mapOf: (number) => maps.get(number), instances: old });
  assert.deepEqual(
    change.map((one) => one.duty),
    ["draining", "draining"],
  );
});

test("an instance goes to the host of its volumes in each revision; a restart makes no second one without data; a host that is away is named", () => {
  const service = makeService({
    replicas: 1,
    template: { version: "v1", run: { command: ["pg"] }, volumes: [{ name: "data" }] },
    restartedAt: "2026-01-01T00:00:00Z",
  });
  const hosts = [
    { name: "a", load: 9 },
    { name: "b", load: 0 },
  ];
  const first = plan({ service, hosts });
  assert.deepEqual(
    first.createVolumes.map((one) => one.spec),
    [{ service: "auth", volume: "data", slot: 0, host: "b" }],
  );
  assert.deepEqual(
    first.create.map(({ spec }) => (spec as Instance["spec"]).volumes),
    [[{ name: "data", backup: true }]],
  );
  const volumes = [
    { metadata: { ...meta("auth.data.0") }, spec: { service: "auth", volume: "data", slot: 0, host: "a" } },
  ] as unknown as InstancePlanInput["volumes"] & {};
  const next = plan({ service, hosts, volumes, site: siteWith(1, [1, "Active"], [2, "Preparing"]) });
  assert.deepEqual([next.create.map(({ spec }) => (spec as Instance["spec"]).host), next.createVolumes], [["a", "a"], []]);
  const present = asInstances(next)
    .filter((one) => one.spec.revision === "auth-v1")
    .map((one) => ({ ...one, spec: { ...one.spec, restart: undefined }, status: { ready: true } }) as unknown as Instance);
  const restarted = plan({ service, hosts, volumes, instances: present });
  assert.deepEqual([restarted.create, restarted.change.map((one) => one.restart)], [[], ["2026-01-01T00:00:00Z"]]);
  const away = plan({ service, hosts: hosts.slice(1), volumes });
  assert.deepEqual([away.create, away.unplaced], [[], 1]);
  assert.match(away.unplacedWhy ?? "", /host a/);
});
