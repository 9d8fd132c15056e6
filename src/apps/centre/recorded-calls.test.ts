import assert from "node:assert/strict";
import { test } from "node:test";
import { type Microservice, type ServiceDomain, serviceDomain } from "#/model/index.ts";
import type { PathCaller } from "#/state/reconcile/index.ts";
import type { CallNode, CallRecord } from "#/watch/calls/index.ts";
import { startCentre } from "./lead-rig.ts";

const TRACE = `6f72${"0".repeat(28)}`;
const record = (service: string, caller: string, second: number, more: Partial<CallRecord> = {}): CallRecord => ({
  time: `2030-01-01T00:00:0${second}.000Z`,
  durationMs: 10_000 - second * 1_000,
  role: caller === "" ? "edge" : "host",
  method: "GET",
  host: service,
  path: "/",
  status: 200,
  bytesOut: 1,
  traceId: TRACE,
  caller,
  ...(caller !== "" && { callerInstance: `${caller}-0` }),
  service,
  instance: `${service}-0`,
  ...more,
});

test("calls of all gateways are told to everybody by what they see: all, their services, or those of a domain; the rest is hidden", async () => {
  const asked: Record<string, unknown>[] = [];
  const centre = await startCentre({
    askGateway: async (name, method, params) => {
      assert.equal(method, "calls/find");
      const query = params as { readonly services?: readonly string[] };
      asked.push({ name, ...query });
      if (name === "away") throw new Error("the link is down");
      const all = name === "main" ? [record("portal", "", 0), record("auth", "portal", 1)] : [record("store", "auth", 2)];
      return { records: all.filter(({ service = "" }) => query.services?.includes(service) !== false), isCut: false };
    },
  });
  for (const [name, host] of [
    ["other", "there"],
    ["away", "gone"],
  ] as const)
    centre.addGateway(name, host);
  for (const name of ["portal", "auth", "store"]) await centre.apply(name, { template: centre.template("v1") });
  await centre.store.create(serviceDomain, { metadata: { name: "back" }, spec: { services: ["auth", "store"] } });
  await centre.service("store", () => true, "the service");
  const ask = async <T>(path: string, query: string, caller: Partial<PathCaller> = {}): Promise<T> => {
    const found = centre.lead.paths.find((one) => one.path === path) ?? assert.fail(path);
    assert.equal(found.isByObject, true);
    return (await found.serve({
      query: new URLSearchParams(query),
      body: undefined,
      signal: new AbortController().signal,
      caller: { name: "anna", sees: () => true, seesAll: () => true, act: () => assert.fail("nothing is done"), ...caller },
    })) as T;
  };
  interface List {
    readonly items: readonly (CallRecord & { readonly gateway: string })[];
    readonly missing: readonly { readonly gateway: string }[];
  }
  const names = ({ items }: List): readonly string[] => items.map(({ caller, service, gateway }) => `${caller}>${service}@${gateway}`);

  const all = await ask<List>("/calls", "slow=1s&errors=true&limit=7");
  assert.deepEqual(names(all), ["auth>store@other", "portal>auth@main", ">portal@main"]);
  assert.deepEqual(
    all.missing.map((one) => one.gateway),
    ["away"],
  );
  const [{ services, slowMs, isError, limit } = {}] = asked;
  assert.deepEqual([services, slowMs, isError, limit], [undefined, 1_000, true, 7]);

  // Who sees everything sees it in a domain, too.
  assert.deepEqual(names(await ask<List>("/calls", "domain=back")), ["auth>store@other", "portal>auth@main"]);
  const only = (...seen: string[]): Partial<PathCaller> => ({
    seesAll: () => false,
    sees: (_, object) => seen.includes((object as Microservice | ServiceDomain).metadata.name),
  });
  assert.deepEqual(names(await ask<List>("/calls", "", only("auth"))), ["(hidden)>auth@main"]);
  assert.deepEqual(names(await ask<List>("/calls", "service=store", only("auth"))), []);
  assert.deepEqual(names(await ask<List>("/calls", "", only())), []);
  assert.deepEqual(names(await ask<List>("/calls", "domain=back", only("back"))), ["auth>store@other", "(hidden)>auth@main"]);
  assert.deepEqual(names(await ask<List>("/calls", "domain=back&service=portal", only("back"))), []);
  await assert.rejects(ask("/calls", "domain=back", only("auth")), { code: "store/missing" });
  await assert.rejects(ask("/calls", "domain=none"), { code: "store/missing" });

  const draw = (nodes: readonly CallNode[]): unknown =>
    nodes.map(({ call, hole, children }) => [call?.service ?? hole?.message, ...(draw(children) as unknown[])]);
  const tree = async (caller?: Partial<PathCaller>): Promise<unknown> =>
    draw((await ask<{ readonly items: readonly CallNode[] }>("/calls/tree", `trace=${TRACE.toUpperCase()}`, caller)).items);
  assert.deepEqual(await tree(), [["portal", ["auth", ["store"]]]]);
  assert.deepEqual(await tree(only("portal", "store")), [["portal", ["a call that you may not see", ["store"]]]]);
  assert.deepEqual(await tree(only("store")), [["a call that you may not see", ["a call that you may not see", ["store"]]]]);
  assert.deepEqual(await tree(only()), []);

  for (const query of [
    "trace=x",
    "limit=0",
    "limit=1001",
    "slow=fast",
    "errors=yes",
    "from=yesterday",
    "strange=1",
    "from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z",
    "generation=-1",
  ])
    await assert.rejects(ask(query.startsWith("trace") ? "/calls/tree" : "/calls", query), { code: "calls/bad-request" }, query);
});
