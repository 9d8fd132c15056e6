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

/** Updates go on until so many instances were killed under them, or so many updates were made. */
const INSTANCES_KILLED_LEAST = 3;
const UPDATES_MOST = 30;

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

test("updates of many services that forward only B3 or only W3C headers, parallel, repeated and in a cycle, with processes killed at random: no answer mixes, but below the one that forwards nothing, and that one is named; nothing fails but what was in a killed process", async (context) => {
  const random = seededRandom(seedOf(context));
  const load = new SteadyLoad({ url: () => `${site.edge}/?ttl=4`, perSecond: 5, judge });
  context.after(() => load.stop());
  const killing = new Killing({
    site,
    random,
    among: ["centre", "agent", "gateway", "instance", "instance", "instance"],
    mayDie: (one) => one.spec.service !== undefined,
    pauseMs: { least: 500, most: 4000 },
  });
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
  ];
  await site.until("what is served at the beginning is met", () => load.sent.some((one) => one.outcome === "ok") || undefined);
  const instancesKilled = (): number => killing.kills.filter((one) => one.what === "instance").length;
  for (let count = 0; count <= changes.length || (instancesKilled() < INSTANCES_KILLED_LEAST && count < UPDATES_MOST); count++) {
    const names = changes[count] ?? [...wish.keys()].filter((name) => name === "basket" || random.next() < 0.4);
    await createUpdate(site, `m${count}`, toggle(names));
    // Some overlap with the drain of the one before.
    if (randomBelow(random, 2) === 0) await untilUpdatesEnd(site, 90_000);
  }
  const updates = await untilUpdatesEnd(site, 90_000);
  await killing.stop();
  await untilSettled(site);
  const settledMs = performance.now();
  await site.until("what is served at the end is met", () => load.sent.some((one) => one.outcome === "ok" && one.startMs > settledMs) || undefined);
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
  const bad = unexcused(sent, kills);
  assert.equal(bad.length, 0, `failed without a killed process in the way:\n${summarize(bad, kills)}`);
  assert.ok(instancesKilled() >= INSTANCES_KILLED_LEAST, `${instancesKilled()} instances were killed`);
  const met = new Set(sent.flatMap((one) => one.servedBy.split(", ")));
  const missed = [...wish.keys()].flatMap((name) => [`${name} v1`, `${name} v2`]).filter((one) => !met.has(one));
  assert.deepEqual(missed, [], "versions that no request has met");
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
  let end: string | undefined;
  const reading = (async () => {
    let text = "";
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString("utf8");
      trees.splice(0, trees.length, ...[...text.matchAll(/^event: tree\ndata: (.*)\n/gm)].map(([, data]) => data ?? ""));
    }
    end = "it was ended";
  })().catch((error: Error) => {
    end = `it broke: ${error.message}`;
  });
  await site.until("the stream has begun", () => (trees.length > 0 ? true : undefined));
  const { items } = await site.store.list(microservice);
  const others = items
    .filter((one) => one.metadata.name !== "front")
    .map((one) => [one.metadata.name, one.spec.template.version === "v1" ? "v2" : "v1"]);
  await createUpdate(site, "stream", Object.fromEntries(others));
  const held = await site.until("the drain waits for the stream", async () => {
    assert.equal(end, undefined);
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

test("where unlabelled calls are rejected, those of the service that forwards nothing are refused with what to send, and all others are served", async (context) => {
  const figure = (): Promise<number> => site.metric(`orrery_calls_refused_total{service="${FORGETFUL}",reason="unlabelled"}`);
  assert.equal(await figure(), 0);
  await setPolicy(site, { unlabelled: "reject" });
  context.after(() => setPolicy(site, { unlabelled: "allow" }));
  // The refusal begins when the gateway has the policy.
  const refused = await site.until("it is refused", async () => {
    const answer = await fetch(`${site.edge}/?ttl=4`);
    return answer.status === 200 ? undefined : { status: answer.status, text: ((await answer.json()) as { detail: string }).detail };
  });
  assert.equal(refused.found.status, 502);
  assert.match(
    refused.found.text,
    /profile called legacy: 502 legacy called tax: 403 the site's policy is unlabelled: reject; forward traceparent \(or b3, or x-orrery-generation\) from the request that you serve$/,
  );
  // So far down that all but legacy still call: everybody else forwards what it got.
  const answer = await fetch(`${site.edge}/?ttl=2`);
  const body = await answer.text();
  assert.equal(answer.status, 200, body);
  assert.ok(versionsIn(JSON.parse(body) as Tree).has(FORGETFUL));
  await site.until("the refusals are counted", async () => (await figure()) > 0 || undefined);
});
