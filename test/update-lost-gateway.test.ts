import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { gateway, type Instance, instance, TRAFFIC_FINALIZER } from "#/model/index.ts";
import { putRelay, untilGatewayBlamed } from "./gateway-relay.ts";
import { judge, newLoad } from "./ground-station-load.ts";
import { RunningSite, slowness } from "./running-site.ts";
import {
  assertCallsConsistent,
  createUpdate,
  getUpdate,
  otherVersion,
  serviceNamed,
  setPolicy,
  shortenTransactions,
  untilPhase,
  untilSettled,
  untilWait,
} from "./updating-site.ts";

let site: RunningSite;
let maxTransactionMs: number;

before(async () => {
  site = await RunningSite.start("ground-station");
  maxTransactionMs = await shortenTransactions(site);
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
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
  const lingerMs = Math.round(3000 * Math.min(2, await slowness()));
  await setPolicy(site, { linger: `${lingerMs}ms` });
  const counted = await former();
  await run("cut-in-linger");
  await untilWait(site, "cut-in-linger", (one) => one.reason === "Counting" || one.reason === "TransactionsOpen");
  let cutMs = Date.now();
  relay.cut();
  assert.equal((await untilGatewayBlamed(site, "cut-in-linger", cutMs, ["GatewayLost"])).object, "gateway/main");
  // Longer than the linger.
  await wait(lingerMs + 500);
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
  const kept = await untilGatewayBlamed(site, "cut-in-withdrawing", cutMs - 3000, ["Withdrawing"]);
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
  // Each of them: one whose turn has not come yet would wait for the gateway.
  await site.until("no gateway knows any of them", async () => {
    const present = await Promise.all(ending.map(({ metadata }) => site.store.get(instance, metadata)));
    return present.every((one) => one?.metadata.finalizers?.includes(TRAFFIC_FINALIZER) === false) ? true : undefined;
  });
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
  const lost = await untilGatewayBlamed(site, "forgotten", killedMs, ["GatewayLost"]);
  assert.equal(lost.object, "gateway/main");
  assert.match(lost.message, /what it has in flight is unknown\. Bring it back, or, if it is surely dead, run: orrery gateway forget main$/);
  // Longer than the linger and than a transaction may last: no clock decides.
  await wait(maxTransactionMs + 1000);
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
