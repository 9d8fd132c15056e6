import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { gateway, type Instance, instance, SITE_NAME, site as siteKind, type Update, update } from "#/model/index.ts";
import { putRelay } from "./gateway-relay.ts";
import { judge, newLoad } from "./ground-station-load.ts";
import { RunningSite } from "./running-site.ts";
import {
  assertCallsConsistent,
  createUpdate,
  getUpdate,
  otherVersion,
  type SeenWait,
  serviceNamed,
  setPolicy,
  untilPhase,
  untilSettled,
  untilUpdatesEnd,
  untilWait,
} from "./updating-site.ts";

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("ground-station");
  await setPolicy(site, { maxTransaction: "5s" });
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
});

/** Waits until an Update says that it waits for one of `reasons` because of the gateway, no longer than since `cutMs`; then `update show` says it, too. */
async function untilGatewayBlamed(name: string, cutMs: number, reasons: readonly string[]): Promise<SeenWait> {
  const blamed = await untilWait(site, name, (one) => reasons.includes(one.reason) && one.message.includes("gateway main is not connected"));
  const sinceMs = Date.parse(blamed.since);
  assert.ok(sinceMs <= Date.now() && sinceMs >= cutMs - 1000, `since ${blamed.since}, cut at ${new Date(cutMs).toISOString()}`);
  const shown = JSON.parse((await site.orrery("update", "show", name, "-o", "json")).out) as {
    readonly generations: readonly { readonly waits: readonly SeenWait[] }[];
    readonly updates: readonly Update[];
  };
  const all = [...shown.generations.flatMap((one) => one.waits), ...shown.updates.flatMap((one) => one.status?.waits ?? [])];
  assert.ok(
    all.some((one) => one.reason === blamed.reason && one.object === blamed.object && one.since === blamed.since),
    JSON.stringify(all),
  );
  const { out } = await site.orrery("update", "show", name);
  assert.match(out, new RegExp(`${blamed.object} \\(${blamed.reason}, `));
  return blamed;
}

/** In each phase: what the Update then waits for, and on what. */
const CUT_IN = {
  // It is ready, but the table cannot be handed out.
  Preparing: { reasons: ["TableNotAcknowledged"], object: "gateway/main" },
  Distributing: { reasons: ["TableNotAcknowledged"], object: "gateway/main" },
  // What it has in flight is not known.
  Ramping: { reasons: ["GatewayLost"], object: "gateway/main" },
  Draining: { reasons: ["GatewayLost"], object: "gateway/main" },
} as const;

test("a gateway cut off from the centre in each phase serves on as before; the update waits for it by name, and ends when it is back", async (context) => {
  const load = newLoad(site, context);
  const relay = await putRelay(site, context);
  for (const phase of ["Preparing", "Distributing", "Ramping", "Draining"] as const) {
    const name = `cut-in-${phase.toLowerCase()}`;
    await createUpdate(
      site,
      name,
      { auth: await otherVersion(site, "auth") },
      {
        ...(phase === "Distributing" ? { paused: true } : {}),
        ...(phase === "Ramping" ? { ramp: { steps: [{ share: 0.5, hold: "1s" }] } } : {}),
      },
    );
    assert.equal((await untilPhase(site, name, phase, "Complete")).status?.phase, phase);
    const cutMs = Date.now();
    relay.cut();
    if (phase === "Distributing") await site.store.patch(update, { name }, { type: "merge", body: { spec: { paused: false } } });
    const { reasons, object } = CUT_IN[phase];
    const waited = await untilGatewayBlamed(name, cutMs, reasons);
    context.diagnostic(`${phase}: ${waited.reason}: ${waited.message}`);
    assert.equal(waited.object, object);
    assert.equal((await fetch(`${site.edge}/api/passes?satellite=ISS`)).status, 200, `${phase}: it serves on`);
    // Nothing new is put into service without it: no other host is there.
    if (phase === "Preparing" || phase === "Distributing")
      await untilWait(site, name, (one) => one.reason === "TooFewReady" && one.message.includes("orrery gateway forget main"));
    assert.notEqual((await getUpdate(site, name))?.status?.phase, "Complete", phase);
    relay.heal();
    await untilPhase(site, name, "Complete");
  }
  await judge(load, relay.kills);

  // While it holds new transactions it cannot know how the handover ends: it refuses them in time, and the update is gone back from.
  await setPolicy(site, { linger: "2s" });
  await site.store.create(update, {
    metadata: { name: "cut-in-holding" },
    spec: { services: [{ name: "auth", to: await otherVersion(site, "auth") }], strategy: "quiescence" },
  });
  assert.equal((await untilPhase(site, "cut-in-holding", "Holding", "Complete")).status?.phase, "Holding");
  // The gateway may not hold yet when the site already says so.
  await wait(300);
  relay.cut();
  const refused = await fetch(`${site.edge}/api/passes?satellite=ISS`);
  assert.deepEqual(
    [refused.status, ((await refused.json()) as { code: string }).code, refused.headers.get("retry-after")],
    [503, "gateway/held", "1"],
  );
  const back = await untilPhase(site, "cut-in-holding", "RolledBack");
  context.diagnostic(`Holding: ${JSON.stringify(back.status?.conditions)}`);
  relay.heal();
  await site.until("requests are served again", async () =>
    (await fetch(`${site.edge}/api/passes?satellite=ISS`)).status === 200 ? true : undefined,
  );
  await site.until("the refusal names the gateway", async () => {
    const [refusal] = (await site.store.get(siteKind, { name: SITE_NAME }))?.status?.refused ?? [];
    return refusal !== undefined && /gateway main/.test(refusal.reason) ? true : undefined;
  });
  await setPolicy(site, { linger: "500ms" });
  const auth = await serviceNamed(site, "auth");
  await createUpdate(site, "as-served", { auth: auth.status?.servedVersion ?? "" });
  await untilUpdatesEnd(site);

  // No gateway at all: nothing new is put into service, and it is said why.
  await relay.end(async () => {
    await createUpdate(site, "without-edge", { auth: await otherVersion(site, "auth") });
    await untilWait(site, "without-edge", (one) => one.object === "gateway/main" || one.message.includes("gateway main"));
  });
  await untilPhase(site, "without-edge", "Complete");
  await untilSettled(site);
});

test("a gateway cut off while it is counted, or before it has forgotten former instances, keeps these and their addresses until it is back; during their grace nobody waits for it", async (context) => {
  const load = newLoad(site, context);
  const relay = await putRelay(site, context);
  const former = async (): Promise<readonly Instance[]> => {
    const served = (await serviceNamed(site, "auth")).status?.servedRevision;
    return (await site.instances()).filter((one) => one.spec.revision === served);
  };
  /** Fails unless all of them run where they did, and are registered. */
  const assertKept = async (kept: readonly Instance[]): Promise<void> => {
    assert.ok(kept.length > 0);
    for (const { metadata, status } of kept) {
      const present = await site.store.get(instance, metadata);
      assert.deepEqual(present?.status?.ports, status?.ports, `${metadata.name} has its address`);
      assert.deepEqual(site.programs().get(metadata.uid), [status?.pid], `${metadata.name} runs`);
    }
  };
  const run = async (name: string): Promise<void> => createUpdate(site, name, { auth: await otherVersion(site, "auth") });

  // Nothing, or next to nothing, is in flight, but that is not shown yet.
  await setPolicy(site, { linger: "6s" });
  const counted = await former();
  await run("cut-in-linger");
  await untilWait(site, "cut-in-linger", (one) => one.reason === "Counting" || one.reason === "TransactionsOpen");
  let cutMs = Date.now();
  relay.cut();
  assert.equal((await untilGatewayBlamed("cut-in-linger", cutMs, ["GatewayLost"])).object, "gateway/main");
  // Longer than the linger.
  await wait(6500);
  assert.equal((await getUpdate(site, "cut-in-linger"))?.status?.phase, "Draining");
  await assertKept(counted);
  relay.heal();
  await setPolicy(site, { linger: "500ms" });
  await untilPhase(site, "cut-in-linger", "Complete");

  // Its generation is closed, but the table without the former instances is on its way.
  const leaving = await former();
  relay.delay(1500);
  await run("cut-in-withdrawing");
  const onItsWay = await untilWait(site, "cut-in-withdrawing", (one) => one.reason === "Withdrawing" && one.message.includes("not yet acknowledged"));
  assert.match(onItsWay.object, /^instance\/auth-/);
  cutMs = Date.now();
  relay.cut();
  relay.delay(0);
  const kept = await untilGatewayBlamed("cut-in-withdrawing", cutMs - 3000, ["Withdrawing"]);
  context.diagnostic(`Withdrawing: ${kept.message}`);
  await wait(1500);
  assert.equal((await getUpdate(site, "cut-in-withdrawing"))?.status?.phase, "Draining");
  await assertKept(leaving);
  relay.heal();
  await untilPhase(site, "cut-in-withdrawing", "Complete");
  for (const { metadata } of leaving) assert.equal(site.programs().get(metadata.uid), undefined, `${metadata.name} has ended`);

  // All gateways have forgotten them: while they end, nobody asks a gateway. A process that stands still does not hear that it is to end.
  const ending = await former();
  relay.delay(1500);
  await run("cut-in-grace");
  await untilWait(site, "cut-in-grace", (one) => one.reason === "Withdrawing" && one.message.includes("not yet acknowledged"));
  for (const { status } of ending) process.kill(status?.pid ?? Number.NaN, "SIGSTOP");
  relay.delay(0);
  await untilWait(
    site,
    "cut-in-grace",
    (one) => one.reason === "Withdrawing" && /is told to end; it is killed when its grace \(\w+\) is over$/.test(one.message),
  );
  relay.cut();
  for (const { status } of ending) process.kill(status?.pid ?? Number.NaN, "SIGCONT");
  await untilPhase(site, "cut-in-grace", "Complete");
  await judge(load, relay.kills);
  await relay.end();
  await untilSettled(site);
});

test("a gateway that stays away is waited for by name until a person forgets it; then the update goes on, and it is recorded", async (context) => {
  const forget = (name: string): ReturnType<RunningSite["orrery"]> => site.orrery("gateway", "forget", name);
  const stream = new AbortController();
  context.after(() => stream.abort());
  const { body } = await fetch(`${site.edge}/api/track?satellite=ISS&intervalMs=200`, { signal: stream.signal });
  void body?.pipeTo(new WritableStream(), { signal: stream.signal }).catch(() => undefined);
  const connected = await forget("main");
  assert.equal(connected.status, 1);
  assert.match(connected.err, /gateway main is connected \(\w+\): only one that is surely dead may be forgotten; stop it first/);
  const unknown = await forget("mian");
  assert.equal(unknown.status, 1);
  assert.match(unknown.err, /there is no gateway called "mian"; known: main/);
  await site.until("it is still connected", async () => (await gatewayReason()) === "Ready" || undefined);

  const old = (await site.instances()).filter((one) => one.spec.service === "auth");
  await createUpdate(site, "forgotten", { auth: await otherVersion(site, "auth") });
  await untilWait(site, "forgotten", (one) => one.reason === "TransactionsOpen");
  const killedMs = Date.now();
  // Who would start it again dies first.
  for (const name of ["supervisor", "gateway"] as const) site.killPlatform(name);
  const lost = await untilGatewayBlamed("forgotten", killedMs, ["GatewayLost"]);
  assert.equal(lost.object, "gateway/main");
  assert.match(lost.message, /what it has in flight is unknown\. Bring it back, or, if it is surely dead, run: orrery gateway forget main$/);
  // Much longer than the linger and than a transaction may last: no clock decides.
  await wait(6000);
  assert.deepEqual(site.platformPids("gateway"), []);
  assert.equal((await getUpdate(site, "forgotten"))?.status?.phase, "Draining");
  for (const { metadata } of old) assert.ok(site.programs().has(metadata.uid), `${metadata.name} is kept`);
  // One that has not begun to be served waits, too.
  await createUpdate(site, "forgotten-before-switch", { predictor: await otherVersion(site, "predictor") });
  await untilWait(site, "forgotten-before-switch", (one) => one.reason === "TooFewReady" && /orrery gateway forget main$/.test(one.message));

  const done = await forget("main");
  assert.deepEqual([done.status, done.out.trim()], [0, "gateway main is forgotten: 1 gateway less is waited for"], done.err);
  await untilPhase(site, "forgotten", "Complete");
  await untilPhase(site, "forgotten-before-switch", "Complete");
  await site.until("the former instances have ended", () => (old.every(({ metadata }) => !site.programs().has(metadata.uid)) ? true : undefined));
  const again = await forget("main");
  assert.equal(again.status, 1);
  assert.match(again.err, /there is no gateway called "main"; known: none/);
  const dead = (await site.store.events({ fieldSelector: "reason=DeclaredDead" })).at(-1);
  assert.match(
    dead?.message ?? "",
    /^gateway main was declared dead by hand: what it had in flight of generations \d+, \d+.* is not waited for any more$/,
  );

  // One that comes back registers itself again, and serves what is served now.
  const { status, out, err } = await site.up();
  assert.equal(status, 0, out + err);
  await site.until("it is registered", async () => (await gatewayReason()) === "Ready" || undefined);
  const passes = (await (await fetch(`${site.edge}/api/passes?satellite=ISS`)).json()) as { servedBy: { authIssued: string } };
  assert.equal(passes.servedBy.authIssued, (await serviceNamed(site, "auth")).spec.template.version);
  await untilSettled(site);
});

async function gatewayReason(): Promise<string | undefined> {
  const one = await site.store.get(gateway, { name: "main" });
  return one?.status?.conditions?.find(({ type }) => type === "Ready")?.reason;
}
