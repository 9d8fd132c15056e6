import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CENTRE_PARTS } from "#/apps/centre/parts.ts";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { microservice, serviceDomain, user } from "#/model/index.ts";
import { Board } from "#/state/link/hub/index.ts";
import { startParts } from "#/state/reconcile/index.ts";
import type { CallRecord } from "#/watch/calls/index.ts";
import { openApiSite } from "./api-site.ts";

const TRACE = `6f72${"0".repeat(28)}`;
const record = (service: string | undefined, caller: string, second: number): CallRecord => ({
  time: `2030-01-01T00:00:0${second}.000Z`,
  durationMs: 9_000 - second * 1_000,
  role: caller === "" ? "edge" : "host",
  method: "GET",
  host: "h",
  path: "/",
  status: service === undefined ? 404 : 200,
  bytesOut: 1,
  ...(service !== undefined && { traceId: TRACE, service, instance: `${service}-0` }),
  caller,
  ...(caller !== "" && { callerInstance: `${caller}-0` }),
});
const RECORDS = [record("portal", "", 0), record("auth", "portal", 1), record("store", "auth", 2), record(undefined, "", 3)];

/** An API whose one gateway has recorded a request to `portal`, which calls `auth`, which calls `store`, and one that no Route takes. */
async function startSite(t: TestContext, people: Readonly<Record<string, readonly object[]>>) {
  const stopping = new AbortController();
  let ended: Promise<void> | undefined;
  const site = await openApiSite(t, {
    hasPeople: true,
    withLogin: async ({ store }) => {
      const running = await startParts({
        parts: CENTRE_PARTS.map((part) => (part.name === "call-records" ? part : { ...part, controllers: [] })),
        given: [],
        peers: {
          gateways: () => [{ name: "main", host: "h" }],
          listen: () => {},
          askGateway: async (_: string, __: string, { services, traceId }: { readonly services?: readonly string[]; readonly traceId?: string }) => ({
            records: RECORDS.filter((one) => services?.includes(one.service ?? "") !== false && (traceId === undefined || one.traceId === traceId)),
            isCut: false,
          }),
        } as never,
        board: new Board(systemClock),
        ...{ store, epoch: 1, onDeposed: () => {}, clock: systemClock, random: systemRandom, log: silentLog, signal: stopping.signal },
      });
      ended = running.ended;
      return { paths: running.paths };
    },
  });
  t.after(async () => {
    stopping.abort();
    await ended;
  });
  const spec = { template: { version: "v1", run: { command: ["true"] } } };
  for (const [name, team] of [
    ["portal", "front"],
    ["auth", "back"],
    ["store", "back"],
  ] as const)
    await site.store.create(microservice, { metadata: { name, labels: { team } }, spec });
  await site.store.create(serviceDomain, {
    metadata: { name: "shop", labels: { team: "shop" } },
    spec: { services: ["portal"], selector: "team=back" },
  });
  for (const [name, roles] of Object.entries(people)) await site.store.create(user, { metadata: { name }, spec: { roles: roles as never } });
  const calls = async (who: string, query = ""): Promise<readonly string[]> => {
    const { items } = (await site.client(who).request({ path: `/calls?${query}` })).body as { readonly items: readonly CallRecord[] };
    return items.map(({ caller, service }) => `${caller}>${service ?? "-"}`).toSorted();
  };
  return { site, calls };
}

test("recorded calls are told to each role by what it sees, over the API itself", async (t) => {
  const { site, calls } = await startSite(t, {
    vera: [{ role: "viewer" }],
    back: [{ role: "viewer", where: "team=back" }],
    shop: [{ role: "engineer", where: "team=shop" }],
    nobody: [],
  });
  const until = async (isSo: () => Promise<boolean>): Promise<void> => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await until(async () => (await calls("back")).length === 2);
  assert.deepEqual(await calls("vera"), [">-", ">portal", "auth>store", "portal>auth"]);
  assert.deepEqual(await calls("back"), ["(hidden)>auth", "auth>store"]);
  assert.deepEqual(await calls("nobody"), []);
  assert.deepEqual(await calls("shop"), []);
  assert.deepEqual(await calls("shop", "domain=shop"), [">portal", "auth>store", "portal>auth"]);
  await assert.rejects(calls("back", "domain=shop"), { code: "store/missing" });
  const tree = JSON.stringify((await site.client("back").request({ path: `/calls/tree?trace=${TRACE}` })).body);
  assert.match(tree, /"why":"hidden"/);
  assert.doesNotMatch(tree, /portal/);
  // A domain gives sight of calls: who has a role for a part of the site does not make one.
  const path = "/apis/orrery.dev/v1/servicedomains";
  const wish = {
    apiVersion: "orrery.dev/v1",
    kind: "ServiceDomain",
    metadata: { name: "mine", labels: { team: "shop" } },
    spec: { services: ["store"] },
  };
  await assert.rejects(site.client("shop").request({ method: "POST", path, body: wish }), { code: "api/forbidden" });
});
