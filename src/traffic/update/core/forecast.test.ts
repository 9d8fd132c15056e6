import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Gateway,
  type Generation,
  type Host,
  type Instance,
  type Microservice,
  microservice,
  type Resource,
  type Revision,
  type Route,
  route,
  type Site,
  site,
  type Template,
  template,
  timestamp,
  type Update,
  update,
} from "#/model/index.ts";
import { type Forecast, forecast } from "./forecast.ts";
import { type ForecastInput, forecastInput } from "./forecast-input.ts";

const NOW = Date.parse("2030-01-01T00:01:00Z");
const SINCE = "2030-01-01T00:00:00Z";

const meta = (name: string) => ({ name, uid: name, resourceVersion: "1", generation: 1, creationTimestamp: SINCE });
const object = <T>(kind: string, name: string, spec: unknown, status?: unknown): T =>
  ({ apiVersion: "orrery.dev/v1", kind, metadata: meta(name), spec, status }) as T;
const templateOf = (version: string, more: object = {}): Template => template.parse({ version, run: { command: ["node"] }, ...more });

/** A site of portal → auth, proc, and of an antenna that nobody calls, in generation 5, which everything serves with two instances. */
class Seen {
  calls: Record<string, readonly string[] | undefined> = { portal: ["auth", "proc"], proc: ["auth"], auth: [], antenna: [] };
  siteSpec: object = {};
  siteStatus: Partial<NonNullable<Site["status"]>> = {};
  serviceSpecs: Record<string, object> = {};
  serviceConditions: Record<string, readonly object[]> = {};
  targets: { service: string; revision?: string; template: Template }[] = [
    { service: "auth", revision: "auth-v2", template: templateOf("v2", { calls: [] }) },
  ];
  asked: object = {};
  by: ForecastInput["by"] = "update";
  older: Record<number, Record<string, string>> = {};
  resources: Resource[] = [];
  updates: Update[] = [];
  extraInstances: Instance[] = [];
  gatewayReason = "Ready";
  gatewayStatus: object = {};
  hosts: Host[] = [this.host("a")];

  host(name: string, { isReady = true, ...spec }: { isReady?: boolean; instancesMax?: number; cordoned?: boolean } = {}): Host {
    return object("Host", name, { cordoned: false, ...spec }, { conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] });
  }

  instance(service: string, version: string, slot: number, hostName = "a"): Instance {
    const revision = `${service}-${version}`;
    return object("Instance", `${revision}-${slot}`, { service, revision, host: hostName }, { ready: true });
  }

  forecast(): Forecast {
    const names = Object.keys(this.calls);
    const map = Object.fromEntries(names.map((name) => [name, `${name}-v1`]));
    const generations: NonNullable<Site["status"]>["generations"] = [{ number: 5, phase: "Active", since: SINCE }];
    const status = { history: "h", epoch: 1, counter: 5, stamp: { generation: 5 }, generations, ...this.siteStatus };
    const seen = {
      site: object<Site>("Site", "site", site.spec.parse(this.siteSpec), status),
      microservices: names.map((name) =>
        object<Microservice>(
          "Microservice",
          name,
          microservice.spec.parse({ replicas: 2, template: templateOf("v1", { calls: this.calls[name] }), ...this.serviceSpecs[name] }),
          { revision: `${name}-v1`, servedRevision: `${name}-v1`, conditions: this.serviceConditions[name] ?? [] },
        ),
      ),
      revisions: names.map((name) =>
        object<Revision>("Revision", `${name}-v1`, { service: name, template: templateOf("v1", { calls: this.calls[name] }) }),
      ),
      generations: Object.entries({ 5: map, ...this.older }).map(([number, one]) =>
        object<Generation>("Generation", `g${number}`, { number: Number(number), map: { ...map, ...one } }),
      ),
      instances: [...names.flatMap((name) => [this.instance(name, "v1", 0), this.instance(name, "v1", 1)]), ...this.extraInstances],
      routes: [
        object<Route>("Route", "site", route.spec.parse({ path: { prefix: "/" }, service: "portal" })),
        object<Route>("Route", "dish", route.spec.parse({ path: { prefix: "/dish" }, service: "antenna" })),
      ],
      resources: this.resources,
      hosts: this.hosts,
      gateways: [
        object<Gateway>(
          "Gateway",
          "main",
          { host: "a", roles: ["edge", "host"] },
          { conditions: [{ type: "Ready", reason: this.gatewayReason }], ...this.gatewayStatus },
        ),
      ],
      updates: this.updates,
    };
    const asked = update.spec.parse({ services: this.targets.map((one) => ({ name: one.service, to: one.template.version })), ...this.asked });
    return forecast(forecastInput({ by: this.by, asked, targets: this.targets }, seen), NOW);
  }
}

const reasons = (made: Forecast): string[] => made.waits.map((one) => `${one.blocks} ${one.reason}`);
const stops = (made: Forecast): string[] => made.stops.map((one) => `${one.instances} of ${one.revision} ${one.when}`);

test("consistent: the new instances start beside the old ones, which stop after the drain with linger; nobody is held", () => {
  const made = new Seen().forecast();
  assert.equal(made.outcome, "begins");
  assert.equal(made.fromGeneration, 5);
  assert.deepEqual(made.changes, [{ service: "auth", from: "auth-v1", fromVersion: "v1", to: "auth-v2", toVersion: "v2" }]);
  assert.deepEqual(made.starts, [{ service: "auth", version: "v2", revision: "auth-v2", instances: 2, running: 0, readyWithin: "2m" }]);
  assert.deepEqual(stops(made), ["2 of auth-v1 AfterDrain"]);
  assert.match(made.stops[0]?.message ?? "", /generation 5 is over \(at most 10m; streams are ended after 1h\), and 500ms after it/);
  assert.deepEqual([made.held, made.ramp, made.waits, made.notPromised, made.refusals], [undefined, undefined, [], [], []]);
});

test("where the update says how streams end, that is foretold, not what the template of the old revision says", () => {
  for (const [drain, text] of [
    [{ terminateAfter: "30s" }, "streams are ended after 30s"],
    [{ streams: "terminateAfter" }, "streams are ended after 1h"],
    [{ streams: "wait" }, "streams are waited for"],
  ] as const) {
    const seen = new Seen();
    seen.asked = { drain };
    assert.ok(seen.forecast().stops[0]?.message.includes(text), text);
  }
});

test("streams end with their instance under rolling, after as long as is said, and at once under recreate, unless the update says otherwise", () => {
  for (const [strategy, drain, text] of [
    ["rolling", undefined, "one by one, each when a new one is ready; streams are ended after 1h"],
    ["rolling", { terminateAfter: "30s" }, "; streams are ended after 30s"],
    ["recreate", undefined, "; streams are ended at once"],
    ["recreate", { terminateAfter: "30s" }, "; streams are ended after 30s"],
    ["recreate", { streams: "wait" }, "; streams are waited for"],
  ] as const) {
    const seen = new Seen();
    seen.asked = { strategy, ...(drain === undefined ? {} : { drain }) };
    const message = seen.forecast().stops[0]?.message ?? "";
    assert.ok(message.endsWith(text), message);
  }
});

test("instances of the new revision that run already are not started again", () => {
  const seen = new Seen();
  seen.extraInstances = [seen.instance("auth", "v2", 0)];
  assert.deepEqual(
    seen.forecast().starts.map(({ instances, running }) => [instances, running]),
    [[1, 1]],
  );
});

test("each strategy stops the old instances at its own time, and says what it does not promise", () => {
  const at = (strategy: string): [string[], string[]] => {
    const seen = new Seen();
    seen.asked = { strategy };
    const made = seen.forecast();
    return [stops(made), made.notPromised.map((one) => one.reason)];
  };
  assert.deepEqual(at("rolling"), [["2 of auth-v1 OneByOne"], ["StrategyMixes"]]);
  assert.deepEqual(at("recreate"), [["2 of auth-v1 AtOnce"], ["StrategyMixes", "NotAvailable"]]);
  assert.deepEqual(at("blueGreen"), [["2 of auth-v1 AtSwitch"], ["StrategyMixes"]]);
  assert.deepEqual(at("quiescence"), [["2 of auth-v1 AfterHold"], []]);
});

test("quiescence holds the routes that can reach the service by declared calls, up to the site's hold, and no other", () => {
  const seen = new Seen();
  seen.asked = { strategy: "quiescence" };
  seen.siteSpec = { hold: "3s" };
  assert.deepEqual(seen.forecast().held, {
    services: ["auth"],
    upTo: "3s",
    routes: [{ route: "site", path: ["portal", "auth"], isDeclared: true }],
    otherRoutes: ["dish"],
  });
});

test("a service on the way that declares no calls may call anything: its routes are held", () => {
  const seen = new Seen();
  seen.asked = { strategy: "quiescence" };
  seen.calls["antenna"] = undefined;
  assert.deepEqual(seen.forecast().held?.routes[1], { route: "dish", path: ["antenna"], isDeclared: false });
});

test("an exclusive service is held and handed over, a compatible one is not held but may mix", () => {
  const seen = new Seen();
  seen.serviceSpecs = { antenna: { exclusive: true } };
  seen.targets = [{ service: "antenna", revision: "antenna-v2", template: templateOf("v2", { calls: [] }) }];
  const held = seen.forecast();
  assert.deepEqual([held.held?.services, held.held?.routes.map((one) => one.route), held.held?.otherRoutes], [["antenna"], ["dish"], ["site"]]);
  assert.deepEqual(stops(held), ["2 of antenna-v1 AfterHold"]);
  seen.targets = [{ service: "antenna", template: templateOf("v2", { calls: [], handover: "compatible" }) }];
  const compatible = seen.forecast();
  assert.equal(compatible.held, undefined);
  assert.deepEqual(stops(compatible), ["2 of antenna-v1 AtSwitch"]);
  assert.deepEqual(
    compatible.notPromised.map((one) => one.reason),
    ["CompatibleHandover"],
  );
});

test("gates without a ramp, and a service that does not pass the trace context on, are said beforehand", () => {
  const seen = new Seen();
  assert.deepEqual(seen.forecast().notPromised, []);
  seen.asked = { gates: {} };
  const untraced = { type: "PropagatesTrace", status: "False" as const, reason: "CallsUnlabelled", message: "3 calls without a context" };
  seen.serviceConditions = { portal: [untraced] };
  const { outcome, notPromised } = seen.forecast();
  assert.deepEqual([outcome, notPromised.map((one) => one.reason)], ["begins", ["GatesUnused", "CallsUnlabelled"]]);
  assert.match(notPromised[1]?.message ?? "", /^portal: 3 calls without a context/);
  seen.asked = { gates: {}, ramp: { steps: [{ share: 0.1, hold: "30s" }] } };
  assert.deepEqual(
    seen.forecast().notPromised.map((one) => one.reason),
    ["CallsUnlabelled"],
  );
});

test("what does not go together is said and changes nothing", () => {
  const seen = new Seen();
  seen.serviceSpecs = { auth: { exclusive: true } };
  for (const [asked, problem] of [
    [{ strategy: "rolling", ramp: {} }, /a ramp goes with strategy consistent only/],
    [{ ramp: {} }, /auth is exclusive: .* no ramp/],
    [{ strategy: "blueGreen" }, /auth is exclusive: .* which blueGreen does not keep to/],
  ] as const) {
    seen.asked = asked;
    const made = seen.forecast();
    assert.equal(made.outcome, "unfit");
    assert.match(made.problem ?? "", problem);
  }
});

test("what is served already changes nothing", () => {
  const seen = new Seen();
  seen.targets = [{ service: "auth", revision: "auth-v1", template: templateOf("v1") }];
  const made = seen.forecast();
  assert.deepEqual([made.outcome, made.changes, made.starts, made.stops], ["nothing", [], [], []]);
});

test("a refused revision is refused by its template, with the reason; who asks for it by hand has it tried again", () => {
  const seen = new Seen();
  const refusal = { service: "auth", revision: "auth-v2", reason: "a gate failed", at: SINCE };
  seen.siteStatus = { refused: [refusal] };
  assert.equal(seen.forecast().outcome, "begins");
  seen.by = "template";
  const made = seen.forecast();
  assert.deepEqual([made.outcome, made.refusals, made.changes], ["refused", [refusal], []]);
});

test("a ramp comes with its times", () => {
  const seen = new Seen();
  seen.asked = {
    ramp: {
      steps: [
        { share: 0.1, hold: "30s" },
        { share: 0.5, hold: "1m" },
      ],
      key: "client",
    },
    gates: {},
  };
  assert.deepEqual(seen.forecast().ramp, {
    steps: [
      { share: 0.1, hold: "30s", afterMs: 0 },
      { share: 0.5, hold: "1m", afterMs: 30_000 },
    ],
    key: "client",
    allAfterMs: 90_000,
    gateRequests: 50,
  });
});

test("an Update waits for its turn; a changed template takes back what is on its way, but waits for a ramp", () => {
  const seen = new Seen();
  const pending = (phase: "Preparing" | "Ramping") => ({
    generations: [
      { number: 5, phase: "Active" as const, since: SINCE },
      { number: 6, phase, since: SINCE, changes: ["proc"], update: "u" },
    ],
  });
  seen.siteStatus = pending("Preparing");
  const other = object<Update>("Update", "u", { services: [{ name: "proc", to: "v2" }] }, { phase: "Preparing" });
  const next = object<Update>("Update", "w", { services: [{ name: "portal", to: "v2" }] }, { phase: "Pending" });
  const done = object<Update>("Update", "x", { services: [{ name: "portal", to: "v1" }] }, { phase: "Complete" });
  seen.updates = [other, next, done];
  const made = seen.forecast();
  assert.equal(made.outcome, "waits");
  assert.deepEqual(
    made.waits.map((one) => `${one.blocks} ${one.reason} ${one.object}`),
    ["begin OtherUpdateFirst generation/g6", "begin OtherUpdateFirst update/w"],
  );
  seen.by = "template";
  assert.deepEqual(seen.forecast().replaces, { generation: 6, services: ["proc"] });
  assert.deepEqual(reasons(seen.forecast()), []);
  seen.siteStatus = pending("Ramping");
  assert.deepEqual(reasons(seen.forecast()), ["begin RampRunning"]);
});

test("a rolling update that was given up has to be moved back first", () => {
  const seen = new Seen();
  const moved = { service: "auth", before: 6 };
  seen.siteStatus = {
    counter: 6,
    moves: [
      { ...moved, from: "auth-v1", to: "auth-v2" },
      { ...moved, from: "auth-v2", to: "auth-v1", isPartial: true, since: SINCE },
    ],
  };
  assert.deepEqual(
    seen.forecast().waits.map((one) => `${one.blocks} ${one.reason} ${one.object}`),
    ["begin MovingBack revision/auth-v1"],
  );
});

test("an interlock that is true, or not known, holds it before the switch, or, where old instances stop first, before it begins", () => {
  const seen = new Seen();
  seen.serviceSpecs = { auth: { notDuring: [{ resource: "dish", condition: "passing" }] } };
  assert.deepEqual(reasons(seen.forecast()), ["switch InterlockUnknown"]);
  const dish = (value: boolean) => object<Resource>("Resource", "dish", {}, { observed: { passing: value } });
  seen.resources = [dish(true)];
  assert.deepEqual(reasons(seen.forecast()), ["switch Interlocked"]);
  seen.asked = { strategy: "recreate" };
  assert.deepEqual(reasons(seen.forecast()), ["begin Interlocked"]);
  seen.resources = [dish(false)];
  assert.deepEqual(reasons(seen.forecast()), []);
});

test("a generation that still drains keeps old instances, and has to be over before anything is held", () => {
  const seen = new Seen();
  seen.older = { 4: { auth: "auth-v0" } };
  seen.siteStatus = {
    generations: [
      { number: 4, phase: "Draining", since: SINCE },
      { number: 5, phase: "Active", since: SINCE },
    ],
  };
  assert.deepEqual([seen.forecast().outcome, reasons(seen.forecast())], ["begins", ["end OlderGenerations"]]);
  seen.asked = { strategy: "quiescence" };
  assert.deepEqual([seen.forecast().outcome, reasons(seen.forecast())], ["waits", ["switch OlderGenerations"]]);
});

test("too many generations or revisions, and too little room, are said beforehand", () => {
  const seen = new Seen();
  seen.older = { 2: { auth: "auth-w" }, 3: { auth: "auth-x" }, 4: { auth: "auth-y" } };
  seen.siteStatus = {
    generations: [
      ...[2, 3, 4].map((number) => ({ number, phase: "Draining" as const, since: SINCE })),
      { number: 5, phase: "Active" as const, since: SINCE },
    ],
  };
  assert.equal(reasons(seen.forecast())[0], "begin TooManyRevisions");
  seen.siteSpec = { maxOpen: 4 };
  assert.equal(reasons(seen.forecast())[0], "begin TooManyOpenGenerations");
  const crammed = new Seen();
  crammed.hosts = [crammed.host("a", { instancesMax: 9 }), crammed.host("b", { cordoned: true })];
  assert.deepEqual(reasons(crammed.forecast()), ["switch Unplaced"]);
});

test("a lost gateway blocks the switch where its host cannot be done without, else it keeps old instances; lost hosts and restarted gateways are told", () => {
  const seen = new Seen();
  seen.gatewayReason = "NotConnected";
  assert.deepEqual(reasons(seen.forecast()), ["switch TooFewReady"]);
  seen.hosts = [seen.host("a"), seen.host("b")];
  seen.extraInstances = Object.keys(seen.calls).map((name) => seen.instance(name, "v1", 2, "b"));
  assert.deepEqual(reasons(seen.forecast()), ["end GatewayLost"]);
  seen.gatewayReason = "Ready";
  seen.hosts = [seen.host("a"), seen.host("b", { isReady: false })];
  const [lost] = seen.forecast().waits;
  assert.equal(lost?.reason, "HostLost");
  assert.match(lost?.message ?? "", /1 of the old instances cannot be stopped/);
  const restarted = new Seen();
  restarted.gatewayStatus = { incarnation: 2, incarnationSince: SINCE, unknownUntil: timestamp(Date.parse(SINCE) + 600_000), incarnationCounter: 5 };
  assert.deepEqual(reasons(restarted.forecast()), ["end FormerIncarnation"]);
});

test("in a site that serves nothing yet nothing stops and nobody is held, whatever the strategy", () => {
  const seen = new Seen();
  seen.asked = { strategy: "quiescence" };
  seen.serviceSpecs = { auth: { notDuring: [{ resource: "dish", condition: "passing" }] } };
  seen.siteStatus = { generations: [] };
  const stampless = seen.siteStatus as { stamp?: unknown };
  stampless.stamp = undefined;
  const made = seen.forecast();
  assert.deepEqual([made.outcome, made.strategy, made.stops, made.held, made.waits], ["begins", "consistent", [], undefined, []]);
});
