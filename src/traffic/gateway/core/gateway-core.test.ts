import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { seededRandom } from "#/base/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { formatGenerationHeader, formatTraceparent, makeSpanId, makeTraceId, parseTraceKey } from "#/traffic/trace/index.ts";
import { sketchTable, type TableSketch } from "../feed/table-sketch.ts";
import { type Call, GatewayCore, type Inlet, LiveTable, type Refusal, RequestHead, rampPoint } from "./index.ts";

const key = parseTraceKey("00112233445566778899aabbccddeeff");
const SERVICES = ["portal", "auth", "proc"] as const;

/** A site in which any service may be at any of three revisions in any of four generations, with callers everywhere. */
const sketch: fc.Arbitrary<TableSketch> = fc
  .record({
    maps: fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
    stamped: fc.integer({ min: 0, max: 3 }),
    share: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    ready: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
    fences: fc.array(fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }), { minLength: 9, maxLength: 9 }),
    balancing: fc.constantFrom("roundRobin" as const, "leastTime" as const, "callFrequency" as const),
  })
  .map(({ maps, stamped, share, ready, fences, balancing }) => {
    const at = Math.min(stamped, maps.length - 1);
    return {
      generations: Object.fromEntries(
        maps.map((map, index) => [index + 1, Object.fromEntries(SERVICES.map((service, place) => [service, `${service}-v${map[place]}`]))]),
      ),
      stamp: { generation: at + 1, ...(share === undefined || at + 2 > maps.length ? {} : { ramp: { to: at + 2, share } }) },
      revisions: Object.fromEntries(
        SERVICES.flatMap((service, place) =>
          [1, 2, 3].map((version) => {
            const index = place * 3 + version - 1;
            const fence = fences[index];
            const common = { ready: ready[index] ?? true, ...(fence === undefined ? {} : { upTo: fence }) };
            return [
              `${service}-v${version}`,
              [0, 1].map((slot) => ({
                instance: `${service}-v${version}-${slot}`,
                port: 1000 + index * 2 + slot,
                caller: `127.20.${index}.${slot + 1}`,
                ...common,
              })),
            ] as const;
          }),
        ),
      ),
      services: Object.fromEntries(SERVICES.map((service, index) => [service, { port: 20_000 + index, balancing }])),
      routes: [{ service: "portal", path: { prefix: "/" } }],
    };
  });

function coreOf(table: TableSketch, seed: number): GatewayCore {
  const core = new GatewayCore({ name: "main", host: "h", roles: ["edge", "host"], incarnation: 1, random: seededRandom(seed) });
  assert.equal(core.update({ table: sketchTable(table) }), "applied");
  return core;
}

function proxyOf(address: string): Inlet {
  return { kind: "proxy", address, port: 3128 };
}

/** A call between services with the trace headers `carried`. */
function callHost(core: GatewayCore, from: string, service: string, carried: readonly string[], nowMs: number): Call | Refusal | "unknown" {
  const head = new RequestHead("GET", `http://${service}/x`, ["Host", service, ...carried]);
  const target = core.target(proxyOf(from), head);
  assert.equal(target.kind, "service");
  if (target.kind !== "service") throw new Error("unreachable");
  const decision = core.host(proxyOf(from), target, head, nowMs);
  if (decision.kind === "held" || decision.kind === "full") throw new Error(decision.kind);
  return decision.kind === "admitted" ? decision.call : decision.kind === "unknown-generation" ? "unknown" : decision;
}

function callEdge(core: GatewayCore, nowMs: number, more: readonly string[] = []): Call | Refusal {
  const decision = core.edge(new RequestHead("GET", "/", ["Host", "a", ...more]), "1.2.3.4", nowMs);
  if (decision.kind === "held" || decision.kind === "full") throw new Error(decision.kind);
  return decision.kind === "admitted" ? decision.call : decision;
}

function addressOf(instance: string): string {
  const match = /^(\w+)-v(\d)-(\d)$/.exec(instance);
  const index = SERVICES.indexOf(match?.[1] as (typeof SERVICES)[number]) * 3 + Number(match?.[2]) - 1;
  return `127.20.${index}.${Number(match?.[3]) + 1}`;
}

const reportOf = (core: GatewayCore): GatewayReport =>
  core.report({ position: { history: "", epoch: 0, version: 0 }, round: 0, nowMs: 0, listenFailures: [] });
const header = (call: Call, name: string): string => call.traceHeaders[call.traceHeaders.indexOf(name) + 1] ?? "";

test("every call of a transaction is served by its generation's revision, through every carrier, or not at all", () => {
  fc.assert(
    fc.property(
      sketch,
      fc.integer(),
      fc.array(fc.tuple(fc.constantFrom(...SERVICES), fc.constantFrom("traceparent", "b3", "multi", "second")), { maxLength: 6 }),
      (table, seed, path) => {
        const core = coreOf(table, seed);
        const root = callEdge(core, 0);
        if (root.kind === "refusal") {
          assert.ok(["gateway/no-instance"].includes(root.code), root.code);
          return;
        }
        const map = table.generations[root.generation];
        assert.equal(root.revision.name, map?.["portal"]);
        let caller = root;
        for (const [service, carrier] of path) {
          const carried =
            carrier === "traceparent"
              ? ["traceparent", header(caller, "traceparent")]
              : carrier === "b3"
                ? ["B3", header(caller, "b3")]
                : carrier === "multi"
                  ? ["x-b3-traceid", header(caller, "x-b3-traceid"), "x-b3-spanid", header(caller, "x-b3-spanid")]
                  : ["X-Orrery-Generation", header(caller, "x-orrery-generation")];
          const next = callHost(core, addressOf(caller.endpoint.instance), service, carried, 1);
          assert.notEqual(next, "unknown");
          if (next === "unknown") return;
          if (next.kind === "refusal") {
            assert.equal(next.code, "gateway/no-instance");
            return;
          }
          assert.equal(next.generation, root.generation);
          assert.equal(next.revision.name, map?.[service]);
          assert.equal(next.endpoint.revision, map?.[service]);
          assert.ok(next.endpoint.isReady);
          assert.ok(next.endpoint.upTo === undefined || next.endpoint.upTo >= next.generation);
          caller = next;
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a labelled call of a known caller is refused exactly if the caller's revision is not of the generation", () => {
  fc.assert(
    fc.property(
      sketch,
      fc.integer({ min: 0, max: 17 }),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(...SERVICES),
      fc.integer(),
      (table, who, generation, service, seed) => {
        const core = coreOf(table, seed);
        const instance = `${SERVICES[Math.floor(who / 6)]}-v${1 + (Math.floor(who / 2) % 3)}-${who % 2}`;
        const caller = instance.slice(0, instance.indexOf("-"));
        const random = seededRandom(seed);
        const traceparent = formatTraceparent({ traceId: makeTraceId(key, { generation, incarnation: 3 }, random), spanId: makeSpanId(random) });
        const result = callHost(core, addressOf(instance), service, ["traceparent", traceparent], 0);
        const map = table.generations[generation];
        if (map === undefined) assert.equal(result, "unknown");
        else if (map[caller] !== instance.slice(0, -2))
          assert.equal(result !== "unknown" && result.kind === "refusal" && result.code, "gateway/wrong-revision");
        else
          assert.ok(result !== "unknown" && (result.kind === "call" ? result.revision.name === map[service] : result.code === "gateway/no-instance"));
      },
    ),
    { numRuns: 300 },
  );
});

test("an unlabelled call gets a generation in service that has the caller's own revision, the newest but for the ramp, or none", () => {
  fc.assert(
    fc.property(sketch, fc.integer({ min: 0, max: 17 }), fc.constantFrom(...SERVICES), fc.integer(), (table, who, service, seed) => {
      const core = coreOf(table, seed);
      const instance = `${SERVICES[Math.floor(who / 6)]}-v${1 + (Math.floor(who / 2) % 3)}-${who % 2}`;
      const caller = instance.slice(0, instance.indexOf("-"));
      const { generation = 0, ramp } = table.stamp ?? {};
      const own = Object.entries(table.generations)
        .filter(([, map]) => map[caller] === instance.slice(0, -2))
        .map(([number]) => Number(number));
      const stamped = own.filter((number) => number <= generation);
      const allowed = new Set([
        ...(stamped.length > 0 ? [Math.max(...stamped)] : []),
        ...(ramp !== undefined && own.includes(ramp.to) && (ramp.share > 0 || stamped.length === 0) ? [ramp.to] : []),
      ]);
      const result = callHost(core, addressOf(instance), service, [], 0);
      assert.notEqual(result, "unknown");
      if (result === "unknown") return;
      if (result.kind === "call") assert.ok(allowed.has(result.generation), `${result.generation} of ${[...allowed]}`);
      else if (result.code === "gateway/no-generation") assert.equal(allowed.size, 0);
      else assert.ok(result.code === "gateway/no-instance" && allowed.has(result.generation ?? 0));
      assert.deepEqual(
        reportOf(core).unlabelled.map(({ service: name, calls }) => [name, calls]),
        [[caller, 1]],
      );
    }),
    { numRuns: 300 },
  );
});

test("an unlabelled call gets no generation to which its revision is only planned to be moved, if another one has it", () => {
  const planned = { before: 3, from: "proc-v2", to: "proc-v1", isIdle: true };
  const site = (maps: TableSketch["generations"]): TableSketch => ({
    generations: maps,
    stamp: { generation: 2 },
    revisions: Object.fromEntries(
      ["proc-v1", "proc-v2", "auth-v1"].map((name, index) => [name, [{ instance: `${name}-0`, port: 1000 + index, caller: `127.20.${index}.1` }]]),
    ),
    services: { auth: { port: 20_000 }, proc: { port: 20_001, moves: [{ before: 2, from: "proc-v1", to: "proc-v2" }, planned] } },
  });
  const [first, second] = [
    { proc: "proc-v1", auth: "auth-v1" },
    { proc: "proc-v2", auth: "auth-v1" },
  ];
  const given = (table: TableSketch): number | undefined => {
    const call = callHost(coreOf(table, 1), "127.20.0.1", "auth", [], 0);
    return call === "unknown" || call.kind !== "call" ? undefined : call.generation;
  };
  // What proc-v1 still does, it does for generation 1.
  assert.equal(given(site({ 1: first, 2: second, 3: first })), 1);
  // Without that it can only be a call that another gateway has moved already.
  assert.equal(given(site({ 2: second, 3: first })), 2);
});

test("what works for a generation that was gone back from goes on there, though an older one is stamped, and nothing else joins it", () => {
  const table = (returned: readonly number[] | undefined): TableSketch => ({
    generations: { 1: { proc: "proc-v1", auth: "auth-v1" }, 2: { proc: "proc-v2", auth: "auth-v1" } },
    stamp: { generation: 1, ...(returned === undefined ? {} : { returned }) },
    revisions: Object.fromEntries(
      ["proc-v1", "proc-v2", "auth-v1"].map((name, index) => [name, [{ instance: `${name}-0`, port: 1000 + index, caller: `127.20.${index}.1` }]]),
    ),
    services: { auth: { port: 20_000 }, proc: { port: 20_001, moves: [{ before: 3, from: "proc-v1", to: "proc-v2", isIdle: true }] } },
  });
  const given = (sketch: TableSketch, index: number): number | undefined => {
    const call = callHost(coreOf(sketch, 1), `127.20.${index}.1`, index === 2 ? "proc" : "auth", [], 0);
    return call === "unknown" || call.kind !== "call" ? undefined : call.generation;
  };
  assert.deepEqual(
    [0, 1, 2].map((index) => given(table([2]), index)),
    [1, 2, 1],
  );
  // While it is on its way, its instances have nothing to do yet.
  assert.equal(given(table(undefined), 1), 1);
});

test("what a move that was taken back has left over works for the generation that was moved, not for one that is planned to be", () => {
  const table: TableSketch = {
    generations: { 1: { proc: "proc-v1", auth: "auth-v1" }, 3: { proc: "proc-v3", auth: "auth-v1" } },
    revisions: { "proc-v2": [{ instance: "proc-v2-0", port: 1000, caller: "127.20.0.1" }], "auth-v1": [{ instance: "auth-v1-0", port: 1001 }] },
    services: {
      auth: { port: 20_000 },
      proc: {
        port: 20_001,
        moves: [
          { before: 2, from: "proc-v1", to: "proc-v2", isIdle: true },
          { before: 4, from: "proc-v3", to: "proc-v2", isIdle: true },
        ],
      },
    },
  };
  const call = callHost(coreOf(table, 1), "127.20.0.1", "auth", [], 0);
  assert.equal(call !== "unknown" && call.kind === "call" && call.generation, 1);
});

test("while new transactions are held, an unknown caller in the generation that comes waits for the switch before it reaches what they are held for", () => {
  const site = (stamped: number): TableSketch => ({
    generations: { 1: { portal: "portal-v1", auth: "auth-v1" }, 2: { portal: "portal-v1", auth: "auth-v2" } },
    stamp: { generation: stamped, hold: { to: 2, services: ["auth"], since: "2026-01-01T00:00:00Z" } },
    revisions: Object.fromEntries(
      ["portal-v1", "auth-v1", "auth-v2"].map((name, index) => [name, [{ instance: `${name}-0`, port: 1000 + index, caller: `127.20.${index}.1` }]]),
    ),
    services: { portal: { port: 20_000 }, auth: { port: 20_001 } },
  });
  const random = seededRandom(1);
  const label = (generation: number): readonly string[] => [
    "traceparent",
    formatTraceparent({ traceId: makeTraceId(key, { generation, incarnation: 1 }, random), spanId: makeSpanId(random) }),
  ];
  const told = (stamped: number, from: string, generation: number): string => {
    const head = new RequestHead("GET", "/", ["Host", "auth", ...label(generation)]);
    const decision = coreOf(site(stamped), 1).host(proxyOf(from), { kind: "service", service: "auth", host: "auth", path: "/" }, head, 0);
    return decision.kind === "admitted" ? decision.call.revision.name : decision.kind;
  };
  assert.equal(told(1, "127.0.0.1", 2), "held");
  assert.equal(told(1, "127.0.0.1", 1), "auth-v1");
  // The switch: this gateway has heard of it, or the caller's has and is bound by what it declares.
  assert.equal(told(2, "127.0.0.1", 2), "auth-v2");
  assert.equal(told(1, "127.20.0.1", 2), "auth-v2");
});

test("what a run of a job calls meets the generation of its start, whatever is stamped meanwhile, and nothing else", () => {
  const table = (numbers: readonly number[], stamp: number): TableSketch => ({
    generations: Object.fromEntries(numbers.map((number) => [number, { auth: `auth-v${number}`, proc: "proc-v1" }])),
    stamp: { generation: stamp },
    revisions: Object.fromEntries(
      ["auth-v1", "auth-v2", "auth-v3", "proc-v1"].map((name, index) => [name, [{ instance: `${name}-0`, port: 1000 + index }]]),
    ),
    callers: { "127.20.0.9": { instance: "nightly-1-0", service: "job/nightly", revision: "", generation: 2, calls: ["auth"] } },
    services: { auth: { port: 20_000 }, proc: { port: 20_001 } },
  });
  const call = (core: GatewayCore, service = "auth", carried: readonly string[] = []) => callHost(core, "127.20.0.9", service, carried, 0);
  for (const [numbers, stamp] of [
    [[1, 2], 2],
    [[2, 3], 3],
    [[1, 2, 3], 1],
  ] as const) {
    const core = coreOf(table(numbers, stamp), 1);
    const own = call(core);
    assert.ok(own !== "unknown" && own.kind === "call");
    assert.deepEqual([own.generation, own.revision.name, own.caller], [2, "auth-v2", "job/nightly"]);
    // It may carry its own on, and no other.
    const next = call(core, "auth", ["traceparent", header(own, "traceparent")]);
    assert.equal(next !== "unknown" && next.kind === "call" && next.generation, 2);
    const mark = { generation: numbers.find((one) => one !== 2) ?? 0, incarnation: 1 };
    const other = formatGenerationHeader(parseTraceKey("00112233445566778899aabbccddeeff"), mark);
    const refused = call(core, "auth", ["x-orrery-generation", other]);
    assert.equal(refused !== "unknown" && refused.kind === "refusal" && refused.code, "gateway/wrong-revision");
    const undeclared = call(core, "proc");
    assert.equal(undeclared !== "unknown" && undeclared.kind === "refusal" && undeclared.code, "gateway/not-declared");
  }
  const closed = call(coreOf(table([1, 3], 3), 1));
  assert.equal(closed !== "unknown" && closed.kind === "refusal" && closed.code, "gateway/no-generation");
});

interface Step {
  readonly what: "edge" | "host" | "retry" | "stream" | "end" | "table" | "report";
  readonly pick: number;
}
const steps = fc.array(
  fc.record(
    {
      what: fc.constantFrom(
        "edge" as const,
        "host" as const,
        "retry" as const,
        "stream" as const,
        "end" as const,
        "table" as const,
        "report" as const,
      ),
      pick: fc.nat(1000),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 80 },
);

test("counts by generation are those of the calls that are open, whatever happens in between, and windows lose no call", () => {
  fc.assert(
    fc.property(sketch, sketch, fc.integer(), steps, (first, second, seed, list: readonly Step[]) => {
      const core = coreOf(first, seed);
      const open: Call[] = [];
      let begun = 0;
      let ended = 0;
      let version = 1;
      let reported = 0;
      const tell = (): void => {
        for (const window of reportOf(core).windows) reported += window.calls;
        core.reported();
      };
      for (const [index, { what, pick }] of list.entries()) {
        const call = open[pick % Math.max(1, open.length)];
        if (what === "edge" || what === "host") {
          const made = what === "edge" ? callEdge(core, index) : callHost(core, `127.20.${pick % 9}.1`, SERVICES[pick % 3] ?? "auth", [], index);
          if (made !== "unknown" && made.kind === "call") {
            open.push(made);
            begun++;
          }
        } else if (what === "table") core.update({ table: sketchTable({ ...(pick % 2 === 0 ? first : second), version: ++version }) });
        else if (what === "report") tell();
        else if (call === undefined) continue;
        else if (what === "stream") core.stream(call);
        else if (what === "retry") {
          if (core.retry(call, { status: 0, wasSent: pick % 2 === 0 }, { method: "GET", isReplayable: true }, index) !== undefined) begun++;
        } else {
          core.end(call, pick % 3 === 0 ? 0 : 200, index);
          core.end(call, 200, index);
          open.splice(open.indexOf(call), 1);
        }
        ended = begun - open.length;
        const counts = new Map(reportOf(core).counts.map((one) => [one.generation, one]));
        for (const generation of new Set([...counts.keys(), ...open.map((one) => one.generation)])) {
          const own = open.filter((one) => one.generation === generation);
          const edge = own.filter((one) => one.role === "edge");
          const count = counts.get(generation);
          assert.deepEqual(
            [count?.edge ?? 0, count?.streams ?? 0, count?.outbound ?? 0, count?.inbound ?? 0],
            [edge.length, edge.filter((one) => one.isStream).length, own.length - edge.length, own.length],
          );
        }
        assert.equal(core.open, open.length * 2);
        const inFlight = reportOf(core).windows.reduce((sum, one) => sum + one.inFlight, 0);
        assert.equal(inFlight, open.length);
      }
      tell();
      assert.equal(reported, ended);
    }),
    { numRuns: 100 },
  );
});

test("an instance that leaves the table while it answers is still told in the windows until it has", () => {
  const table: TableSketch = {
    generations: { 1: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "p", port: 1 }] },
    services: { portal: { port: 2 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
  };
  const core = coreOf(table, 1);
  const call = callEdge(core, 0);
  assert.equal(call.kind, "call");
  if (call.kind !== "call") return;
  core.update({ table: sketchTable({ ...table, version: 2, revisions: { "portal-v1": [] } }) });
  core.reported();
  assert.deepEqual(
    reportOf(core).windows.map((one) => [one.instance, one.inFlight]),
    [["p", 1]],
  );
  assert.equal(call.endpoint.isGone, true);
  core.end(call, 200, 5);
  core.reported();
  assert.deepEqual(reportOf(core).windows, []);
});

test("a retry keeps generation and revision, prefers another instance, and never comes after a request that may have been seen and is not idempotent", () => {
  fc.assert(
    fc.property(
      sketch,
      fc.integer(),
      fc.constantFrom("GET", "POST", "PUT", "PATCH"),
      fc.boolean(),
      fc.boolean(),
      (table, seed, method, wasSent, isReplayable) => {
        const core = coreOf(table, seed);
        const call = callEdge(core, 0);
        if (call.kind === "refusal") return;
        const { generation, revision, endpoint } = call;
        const next = core.retry(call, { status: 0, wasSent }, { method, isReplayable }, 1);
        const isAllowed = isReplayable && (!wasSent || method === "GET" || method === "PUT");
        assert.equal(next !== undefined, isAllowed);
        if (next === undefined) return;
        assert.deepEqual([call.generation, call.revision.name, next.revision], [generation, revision.name, revision.name]);
        assert.notEqual(next, endpoint);
        assert.equal(core.retry(call, { status: 0, wasSent }, { method, isReplayable }, 2), undefined, "one retry by default");
      },
    ),
  );
});

test("an instance whose checks get no answer is called where none is ready, and nowhere else", () => {
  const generations = { 1: { portal: "portal-v1" } };
  const services = { portal: {} };
  const routes = [{ service: "portal", path: { prefix: "/" } }];
  const chosen = (...instances: readonly object[]): ReadonlySet<string> => {
    const revisions = { "portal-v1": instances.map((one, index) => ({ instance: `portal-v1-${index}`, port: 1000 + index, ...one })) };
    const core = coreOf({ generations, services, routes, revisions }, 1);
    const calls = Array.from({ length: 20 }, (_, nowMs) => callEdge(core, nowMs));
    return new Set(calls.map((one) => (one.kind === "call" ? one.endpoint.instance : one.code)));
  };
  const unanswered = { ready: false, isUnanswered: true };
  assert.deepEqual(chosen(unanswered, { ready: true }, { ready: false }), new Set(["portal-v1-1"]));
  assert.deepEqual(chosen(unanswered, { ready: false }, unanswered), new Set(["portal-v1-0", "portal-v1-2"]));
  assert.deepEqual(chosen({ ready: false }), new Set(["gateway/no-instance"]));
});

test("while instances are replaced one by one, those whose checks get no answer are called only where neither revision has one that is ready", () => {
  const chosen = (from: object, to: object): ReadonlySet<string> => {
    const core = coreOf(
      {
        generations: { 1: { portal: "portal-v1" }, 2: { portal: "portal-v2" } },
        stamp: { generation: 1 },
        services: { portal: { moves: [{ before: 2, from: "portal-v1", to: "portal-v2", isPartial: true }] } },
        routes: [{ service: "portal", path: { prefix: "/" } }],
        revisions: { "portal-v1": [{ instance: "old", port: 1000, ...from }], "portal-v2": [{ instance: "new", port: 1001, ...to }] },
      },
      1,
    );
    const calls = Array.from({ length: 20 }, (_, nowMs) => callEdge(core, nowMs));
    return new Set(calls.map((one) => (one.kind === "call" ? one.endpoint.instance : one.code)));
  };
  const unanswered = { ready: false, isUnanswered: true };
  assert.deepEqual(chosen({ ready: true }, { ready: true }), new Set(["old", "new"]));
  assert.deepEqual(chosen(unanswered, { ready: true }), new Set(["new"]));
  assert.deepEqual(chosen(unanswered, { ready: false }), new Set(["old"]));
  assert.deepEqual(chosen({ ready: false }, { ready: false }), new Set(["gateway/no-instance"]));
});

test("a ramp puts its share of keys on the new generation, the same keys on every edge, and never takes one back as it rises", () => {
  const table = (share: number): TableSketch => ({
    generations: { 1: { portal: "portal-v1" }, 2: { portal: "portal-v1" } },
    stamp: { generation: 1, ramp: { to: 2, share, key: "cookie:user" } },
    revisions: { "portal-v1": [{ instance: "p", port: 1 }] },
    services: { portal: { port: 2 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
  });
  const moved = (share: number, seed: number): ReadonlySet<number> => {
    const core = coreOf(table(share), seed);
    const users = new Set<number>();
    for (let user = 0; user < 3000; user++) {
      const call = callEdge(core, 0, ["Cookie", `a=b; user=u${user}`]);
      if (call.kind !== "call") continue;
      if (call.generation === 2) users.add(user);
      core.end(call, 200, 0);
    }
    return users;
  };
  let former: ReadonlySet<number> = new Set();
  for (const share of [0, 0.01, 0.1, 0.5, 1]) {
    const now = moved(share, 1);
    assert.deepEqual(now, moved(share, 2));
    assert.ok([...former].every((user) => now.has(user)));
    assert.ok(Math.abs(now.size / 3000 - share) < 0.03, `${share}: ${now.size}`);
    former = now;
  }
  assert.notEqual(rampPoint("one", "k"), rampPoint("two", "k"));
});

test("a table kept by changes routes as one that came whole", () => {
  fc.assert(
    fc.property(sketch, sketch, (first, second) => {
      const from = sketchTable(first);
      const to = sketchTable({ ...second, version: 2 });
      const whole = new LiveTable({ host: "h", incarnation: 1 });
      whole.apply({ table: to });
      const kept = new LiveTable({ host: "h", incarnation: 1 });
      kept.apply({ table: from });
      const changes = (["site", "stamp", "generation", "revision", "service", "caller", "route"] as const).flatMap((section) => [
        ...Object.keys(from.entries[section]).map((name) => ({ section, key: name, value: null as unknown })),
        ...Object.entries(to.entries[section]).map(([name, value]) => ({ section, key: name, value: value as unknown })),
      ]);
      assert.equal(kept.apply({ change: { base: from.position, position: to.position, changes } }), "applied");
      const shown = (table: LiveTable): unknown => ({
        table: table.table,
        generations: table.generations,
        callers: [...table.callers].sort(),
        endpoints: [...table.revisions]
          .map((one) => [one.name, one.endpoints.map((endpoint) => [endpoint.instance, endpoint.isReady, endpoint.upTo, endpoint.isGone])])
          .sort(),
        ports: Array.from({ length: 20 }, (_, index) => table.endpointAt(1000 + index)?.instance),
      });
      assert.deepEqual(shown(kept), shown(whole));
    }),
    { numRuns: 100 },
  );
});

test("the most specific route wins: exact path, longest prefix, host, methods, headers, the older", () => {
  const table: TableSketch = {
    generations: { 1: Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`s${index}`, `s${index}-v1`])) },
    revisions: Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`s${index}-v1`, [{ instance: `i${index}`, port: index + 1 }]])),
    services: {},
    routes: [
      { service: "s0", path: { prefix: "/" }, createdMs: 5 },
      { service: "s1", path: { prefix: "/api" } },
      { service: "s2", path: { exact: "/api/x" } },
      { service: "s3", path: { prefix: "/api/" }, host: "a.example.org" },
      { service: "s4", path: { prefix: "/api" }, host: "*.example.org" },
      { service: "s5", path: { prefix: "/api" }, host: "a.example.org", methods: ["POST"] },
      { service: "s6", path: { prefix: "/api" }, host: "a.example.org", methods: ["POST"], headers: [{ name: "X-Kind", value: "1" }] },
      { service: "s7", path: { prefix: "/" }, createdMs: 4 },
      { service: "s8", path: { prefix: "/api/x/y" } },
    ],
  };
  const core = coreOf(table, 1);
  const at = (method: string, host: string, path: string, more: readonly string[] = []): string => {
    const decision = core.edge(new RequestHead(method, path, ["Host", host, ...more]), "1.1.1.1", 0);
    return decision.kind === "admitted" ? decision.call.service : decision.kind === "refusal" ? decision.code : decision.kind;
  };
  assert.equal(at("GET", "other", "/"), "s7");
  assert.equal(at("GET", "other", "/apix"), "s7");
  assert.equal(at("GET", "other", "/api"), "s1");
  assert.equal(at("GET", "other", "/api?x=/y"), "s1");
  assert.equal(at("GET", "other", "/api/x"), "s2");
  assert.equal(at("GET", "other", "/api/x/"), "s1");
  assert.equal(at("GET", "other", "/api/x/y/z"), "s8");
  assert.equal(at("GET", "A.example.org:8080", "/api/z"), "s3");
  assert.equal(at("GET", "b.example.org", "/api/z"), "s4");
  assert.equal(at("GET", "b.c.example.org", "/api/z"), "s1");
  assert.equal(at("POST", "a.example.org", "/api/z"), "s5");
  assert.equal(at("POST", "a.example.org", "/api/z", ["x-kind", "1"]), "s6");
});

test("whatever the target and headers, a request is decided without an exception", () => {
  const table: TableSketch = {
    generations: { 1: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "p", port: 1 }] },
    services: { portal: { port: 2 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
  };
  const names = fc.constantFrom(
    "Host",
    "host",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Upgrade",
    "traceparent",
    "b3",
    "x-b3-traceid",
    "x-orrery-generation",
    "Forwarded",
    "Expect",
    "Cookie",
    "X",
  );
  fc.assert(
    fc.property(
      fc.constantFrom("GET", "POST", "OPTIONS"),
      fc.oneof(
        fc.string(),
        fc.webPath().map((path) => `/${path}`),
        fc.webUrl(),
      ),
      fc.array(fc.tuple(names, fc.string())),
      (method, target, list) => {
        const core = coreOf(table, 1);
        const raw = list.flat();
        const edge = core.edge(new RequestHead(method, target, raw), "::1", 0);
        assert.ok(edge.kind === "admitted" || (edge.kind === "refusal" && edge.status >= 400));
        const head = new RequestHead(method, target, raw);
        for (const kind of ["proxy", "service"] as const) {
          const inlet: Inlet = { kind, address: "127.20.0.1", port: 2 };
          const found = core.target(inlet, head);
          if (found.kind === "service") core.host(inlet, found, head, 0);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("streams of older generations end as the last update of their service says, whatever their revision says", () => {
  const revisions = Object.fromEntries(
    ["portal", "auth"].flatMap((service) => [1, 2].map((v) => [`${service}-v${v}`, [{ instance: `${service}-v${v}-0`, port: 1 }]])),
  );
  const maps = [1, 2, 3].map(
    (number) => [number, { portal: number === 3 ? "portal-v2" : "portal-v1", auth: number === 1 ? "auth-v1" : "auth-v2" }] as const,
  );
  const table = (version: number, streamEnds: Readonly<Record<string, TableSketch["services"][string]["streamEnds"]>>): TableSketch => ({
    version,
    generations: Object.fromEntries(maps.slice(0, version)),
    revisions,
    streamsEndAfterMs: 5000,
    services: Object.fromEntries(
      ["portal", "auth"].map((service) => [service, { port: 1, ...(streamEnds[service] === undefined ? {} : { streamEnds: streamEnds[service] }) }]),
    ),
    routes: ["portal", "auth"].map((service) => ({ service, path: { prefix: `/${service}` } })),
  });
  const core = coreOf(table(1, {}), 1);
  const open = (service: string): Call => {
    const decision = core.edge(new RequestHead("GET", `/${service}`, ["Host", "a"]), "1.2.3.4", 0);
    assert.equal(decision.kind, "admitted");
    const { call } = decision as Extract<typeof decision, { kind: "admitted" }>;
    core.stream(call);
    return call;
  };
  const [portal, auth] = [open("portal"), open("auth")];
  const endsAt = (nowMs: number): readonly number[] => {
    core.boundStreams(nowMs);
    return [portal.deadlineMs, auth.deadlineMs];
  };
  const never = Number.POSITIVE_INFINITY;
  assert.deepEqual(endsAt(1000), [never, never]);
  core.update({ table: sketchTable(table(2, { auth: { before: 2, afterMs: 100 } })) });
  assert.deepEqual(endsAt(2000), [7000, 2100]);
  // Asked again, and once more by itself: the time goes on.
  assert.deepEqual(endsAt(2050), [7000, 2100]);
  const fresh = open("auth");
  const told = core.report({ position: { history: "", epoch: 0, version: 0 }, round: 0, nowMs: 2050, listenFailures: [] }).counts;
  assert.deepEqual(
    told.map((one) => one.streamEnds),
    [{ ended: 2, lastInMs: 4950, waited: 0 }, undefined],
  );
  // Another update of portal says that it is waited for; that of auth is forgotten.
  core.update({ table: sketchTable(table(3, { portal: { before: 3 } })) });
  assert.deepEqual(endsAt(2080), [never, 2100]);
  assert.equal(fresh.deadlineMs, 7080);
  core.endStreams(3000);
  assert.deepEqual(endsAt(3001), [3000, 2100]);
});

test("a call of a transaction from before the store was put back is refused, not taken for one without a context", () => {
  const former = "ffeeddccbbaa99887766554433221100";
  const site = {
    generations: { 1: { portal: "portal-v1", auth: "auth-v1" } },
    revisions: Object.fromEntries(
      ["portal-v1", "auth-v1"].map((name, index) => [name, [{ instance: `${name}-0`, port: 1000 + index, caller: `127.20.${index}.1` }]]),
    ),
    services: { portal: { port: 20_000 }, auth: { port: 20_001 } },
  };
  const told = (own: Partial<TableSketch["site"]>, madeWith: string): string => {
    const traceId = makeTraceId(parseTraceKey(madeWith), { generation: 1, incarnation: 1 }, seededRandom(1));
    const head = new RequestHead("GET", "/", ["Host", "auth", "traceparent", formatTraceparent({ traceId, spanId: makeSpanId(seededRandom(2)) })]);
    const core = coreOf({ ...site, site: own ?? {} }, 1);
    const decision = core.host(proxyOf("127.20.0.1"), { kind: "service", service: "auth", host: "auth", path: "/" }, head, 0);
    if (decision.kind !== "admitted") return decision.kind === "refusal" ? decision.code : decision.kind;
    return decision.call.traceId === traceId ? "labelled" : "unlabelled";
  };
  const own = { formerTraceKeys: ["0".repeat(32), former] };
  assert.equal(told(own, former), "gateway/unknown-generation");
  assert.equal(told(own, "00112233445566778899aabbccddeeff"), "labelled");
  // Of a history that nobody remembers, as any forged one: no context.
  assert.equal(told({}, former), "unlabelled");
});
