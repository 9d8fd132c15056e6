import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { randomBelow, seededRandom } from "#/base/index.ts";
import { microservice } from "#/model/index.ts";
import { makeManifests } from "../sites/mesh/manifests.ts";
import { seedOf } from "./ground-station-load.ts";
import { Killing } from "./killing.ts";
import { RunningSite } from "./running-site.ts";
import { SteadyLoad, summarize, unexcused } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, setPolicy, untilSettled, untilUpdatesEnd } from "./updating-site.ts";

interface Tree {
  readonly service: string;
  readonly version: string;
  readonly calls: readonly Tree[];
}

/** The one service that forwards no trace headers: what stands below it belongs to nobody's transaction. */
const FORGETFUL = "legacy";

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("mesh");
  await setPolicy(site, { maxTransaction: "5s" });
});
after(() => site.close());

/** Versions by service in what is promised to be consistent. */
function versionsIn(tree: Tree, found = new Map<string, Set<string>>()): ReadonlyMap<string, Set<string>> {
  found.set(tree.service, (found.get(tree.service) ?? new Set()).add(tree.version));
  if (tree.service !== FORGETFUL) for (const call of tree.calls) versionsIn(call, found);
  return found;
}

function judge(body: string): { mix?: string; servedBy: string } {
  const versions = versionsIn(JSON.parse(body) as Tree);
  const mixed = [...versions].filter(([, seen]) => seen.size > 1).map(([service, seen]) => `${service} in ${[...seen].join(" and ")}`);
  const servedBy = [...versions]
    .map(([service, seen]) => `${service} ${[...seen].join("+")}`)
    .sort()
    .join(", ");
  return { servedBy, ...(mixed.length === 0 ? {} : { mix: mixed.join(", ") }) };
}

test("updates of many services that forward only B3 or only W3C headers, parallel, repeated and in a cycle: no answer mixes, but below the one that forwards nothing, and that one is named", async (context) => {
  const random = seededRandom(seedOf(context));
  const load = new SteadyLoad({ url: () => `${site.edge}/?ttl=4`, perSecond: 3, judge });
  context.after(() => load.stop());
  const killing = new Killing({ site, random, among: ["centre", "agent", "gateway"], mayDie: () => false, pauseMs: { least: 3000, most: 9000 } });
  context.after(() => killing.stop());
  const wish = new Map(
    [...makeManifests().keys()].filter((file) => file.startsWith("versions/")).map((file) => [path.basename(file, "-v2.yaml"), "v1"]),
  );
  assert.equal(wish.size, 15);
  const toggle = (names: readonly string[]): Record<string, string> => {
    for (const name of names) wish.set(name, wish.get(name) === "v1" ? "v2" : "v1");
    return Object.fromEntries(names.map((name) => [name, wish.get(name) as string]));
  };
  const changes = [
    ["tax", "price", "rates"], // a diamond, B3 and W3C
    ["stock", "warehouse"], // a cycle
    ["index"], // called three times in turn
    ["catalog", "profile", "ledger"], // B3 only
    ["front", "search", "orders", "notify"], // W3C only
    [FORGETFUL, "tax"],
    [...wish.keys()].filter(() => random.next() < 0.4),
  ];
  for (const [count, names] of changes.entries()) {
    await createUpdate(site, `m${count}`, toggle(names));
    // Some overlap with the drain of the one before.
    if (randomBelow(random, 2) === 0) await untilUpdatesEnd(site, 90_000);
  }
  const updates = await untilUpdatesEnd(site, 90_000);
  await killing.stop();
  await untilSettled(site);
  const sent = await load.stop();
  const { kills } = killing;
  context.diagnostic(
    `${sent.length} requests, ${new Set(sent.map((one) => one.servedBy)).size} sets of versions; killed: ${killing.backAfterMs.map(({ name, ms }) => `${name} (${ms} ms)`).join(", ")}`,
  );
  assert.deepEqual(
    updates.filter((one) => one.status?.phase !== "Complete").map((one) => `${one.metadata.name} ${one.status?.phase}`),
    [],
  );
  assert.equal(sent.filter((one) => one.outcome === "mixed").length, 0, summarize(sent, kills));
  assert.equal(unexcused(sent, kills).length, 0, summarize(sent, kills));
  context.diagnostic(`${await assertCallsConsistent(site)} calls compared with the maps of their generations`);

  const accused = (await site.store.list(microservice)).items.filter((one) =>
    one.status?.conditions?.some((condition) => condition.type === "PropagatesTrace" && condition.status === "False"),
  );
  assert.deepEqual(
    accused.map((one) => one.metadata.name),
    [FORGETFUL],
  );
  const { out } = await site.orrery("describe", "microservice", FORGETFUL);
  assert.match(out, /makes calls without one: for what it calls, consistency is not guaranteed/);
});

test("a stream of the mesh stays with the versions it began with while everything behind it is updated, and holds their generation visibly", async (context) => {
  const controller = new AbortController();
  context.after(() => controller.abort());
  const response = await fetch(`${site.edge}/stream?intervalMs=200&ttl=2`, { signal: controller.signal });
  const trees: string[] = [];
  const reading = (async () => {
    let text = "";
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString("utf8");
      trees.splice(0, trees.length, ...[...text.matchAll(/^event: tree\ndata: (.*)\n/gm)].map(([, data]) => data ?? ""));
    }
  })().catch((error: Error) => error);
  await site.until("the stream has begun", () => (trees.length > 0 ? true : undefined));
  const { items } = await site.store.list(microservice);
  const others = items
    .filter((one) => one.metadata.name !== "front")
    .map((one) => [one.metadata.name, one.spec.template.version === "v1" ? "v2" : "v1"]);
  await createUpdate(site, "stream", Object.fromEntries(others));
  const held = await site.until("the drain waits for the stream", async () => {
    const { out } = await site.orrery("get", "updates", "stream", "-o", "json");
    const one = JSON.parse(out) as { status?: { phase?: string; waits?: { reason: string; message: string; since: string }[] } };
    return one.status?.phase === "Draining" && one.status.waits?.some((wait) => wait.reason === "TransactionsOpen") ? one.status.waits : undefined;
  });
  assert.match(held.found.map((wait) => wait.message).join("\n"), /stream/);
  const before = trees.length;
  await site.until("the stream goes on", () => (trees.length > before + 5 ? true : undefined));
  controller.abort();
  await reading;
  const seen = new Set(trees.map((tree) => judge(tree).servedBy));
  assert.equal(seen.size, 1, [...seen].join("\n"));
  await untilUpdatesEnd(site);
  await untilSettled(site);
});
