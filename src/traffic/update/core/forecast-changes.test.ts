import assert from "node:assert/strict";
import { test } from "node:test";
import { type Microservice, template } from "#/model/index.ts";
import { forecastApplied, forecastScales, forecastUpdate } from "./forecast-changes.ts";
import type { SeenSite } from "./forecast-input.ts";

const SINCE = "2030-01-01T00:00:00Z";
const meta = (name: string) => ({ name, uid: name, resourceVersion: "1", generation: 1, creationTimestamp: SINCE });

function service(name: string, version: string, more: object = {}): Microservice {
  const spec = { replicas: 2, suspended: false, template: template.parse({ version, run: { command: ["node"] } }), ...more };
  return {
    apiVersion: "orrery.dev/v1",
    kind: "Microservice",
    metadata: meta(name),
    spec,
    status: { revision: `${name}-v1` },
  } as unknown as Microservice;
}

const seen = (microservices: readonly Microservice[]): SeenSite =>
  ({
    site: {
      metadata: meta("site"),
      spec: { hold: "5s", maxOpen: 64, linger: "500ms", maxTransaction: "10m", readyWithin: "2m" },
      status: { history: "h", epoch: 1, counter: 1, stamp: { generation: 1 }, generations: [{ number: 1, phase: "Active", since: SINCE }] },
    },
    generations: [{ metadata: meta("g1"), spec: { number: 1, map: { auth: "auth-v1", portal: "portal-v1" } } }],
    instances: [0, 1].map((slot) => ({
      metadata: meta(`auth-${slot}`),
      spec: { service: "auth", revision: "auth-v1", host: "a", slot },
      status: { ready: true },
    })),
    microservices,
    revisions: [],
    routes: [],
    resources: [],
    hosts: [{ metadata: meta("a"), spec: { cordoned: false }, status: { conditions: [{ type: "Ready", status: "True" }] } }],
    gateways: [],
    updates: [],
  }) as unknown as SeenSite;

test("templates that are changed together are one update; those that want to come in another way are another", () => {
  const before = [service("auth", "v1"), service("portal", "v1")];
  const change = (index: number, version: string, more?: object) => ({
    before: before[index] as Microservice,
    after: service((before[index] as Microservice).metadata.name, version, more),
  });
  assert.deepEqual(forecastApplied([change(0, "v1"), change(1, "v1")], seen(before), 0), []);
  const [both, none] = forecastApplied([change(0, "v2"), change(1, "v2")], seen(before), 0);
  assert.deepEqual([both?.changes.map((one) => `${one.service} ${one.toVersion}`), none], [["auth v2", "portal v2"], undefined]);
  const apart = forecastApplied([change(0, "v2"), change(1, "v2", { update: { strategy: "recreate" } })], seen(before), 0);
  assert.deepEqual(
    apart.map((one) => [one.strategy, one.changes.map(({ service: name }) => name)]),
    [
      ["consistent", ["auth"]],
      ["recreate", ["portal"]],
    ],
  );
});

test("a service that is scaled, stopped or restarted tells how many instances start and stop; one whose wish stays tells nothing", () => {
  const before = service("auth", "v1");
  const told = (more: object) => forecastScales([{ before, after: service("auth", "v1", more) }], seen([before]));
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ replicas: 5 }), [{ service: "auth", from: 2, to: 5, starts: 3, stops: 0 }]);
  assert.deepEqual(told({ replicas: 1 }), [{ service: "auth", from: 2, to: 1, starts: 0, stops: 1 }]);
  assert.deepEqual(told({ suspended: true }), [{ service: "auth", from: 2, to: 0, starts: 0, stops: 2 }]);
  assert.deepEqual(told({ restartedAt: SINCE }), [{ service: "auth", from: 2, to: 2, starts: 0, stops: 0, restarts: true }]);
  assert.deepEqual(forecastScales([{ after: before }], seen([])), []);
  // The update of another template brings them.
  assert.deepEqual(forecastScales([{ before, after: service("auth", "v2", { replicas: 5 }) }], seen([before])), []);
});

test("an Update whose services want to come in different ways is told so", () => {
  const both = [service("auth", "v1"), service("portal", "v1", { update: { strategy: "recreate" } })];
  const told = forecastUpdate(
    {
      spec: {
        services: [
          { name: "auth", to: "v2" },
          { name: "portal", to: "v2" },
        ],
      },
    } as never,
    [],
    seen(both),
    0,
  );
  assert.match(told.problem ?? "", /in one way/);
});
