import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, type TestContext, test } from "node:test";
import { generation, type Update, update } from "#/model/index.ts";
import { ExclusiveSite } from "./exclusive-site.ts";
import { putRelay } from "./gateway-relay.ts";
import { type RunningSite, slowness } from "./running-site.ts";
import { type Judgement, type Sent, SteadyLoad, summarize } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, setPolicy, untilSettled } from "./updating-site.ts";

// How long what is held takes beyond the Site's hold is measured, and that nobody else is slower.
// lane: alone

/** The Site's hold. */
const HOLD_MS = 3000;
/** What is answered takes this much longer than it was held. */
const ANSWERED_MS = 700;
/** What is not held is answered in this, at the 90th percentile, on a machine that has time for it; were it held, a third of it would take longer. */
const PROMPT_MS = 250;

let exclusive: ExclusiveSite;
let site: RunningSite;

before(async () => {
  exclusive = await ExclusiveSite.start(mkdtempSync(path.join(tmpdir(), "orrery-exclusive-")), HOLD_MS);
  site = exclusive.running;
});
after(() => site.close());

afterEach(() => {
  const log = exclusive.log();
  for (const [index, line] of log.entries()) {
    const [what, version, pid] = line.split(" ");
    assert.equal(what, index % 2 === 0 ? "taken" : "released", `the thing had not one user at a time:\n${log.join("\n")}`);
    if (what === "released") assert.equal(log[index - 1], `taken ${version} ${pid}`);
  }
});

const readUpdate = async (name: string): Promise<Update> => {
  const found = await site.store.get(update, { name });
  assert.ok(found, `update ${name} is gone`);
  return found;
};

const untilUpdate = async (name: string, what: string, isSo: (one: Update) => boolean): Promise<Update> =>
  (
    await site.until(`update ${name} ${what}`, async () => {
      const one = await readUpdate(name);
      return isSo(one) ? one : undefined;
    })
  ).found;

const endOf = (name: string): Promise<Update> =>
  untilUpdate(name, "has ended", (one) => ["Complete", "Aborted", "RolledBack", "Superseded"].includes(one.status?.phase ?? ""));

/** Waits until everything is as templates want; those of an update that was gone back from are put back first. */
async function settle(ended: Update): Promise<void> {
  const from = ended.status?.revisions?.[0]?.from;
  if (ended.status?.phase === "RolledBack" && from !== undefined) {
    const name = `back-from-${ended.metadata.name}`;
    await createUpdate(site, name, { pointing: from });
    assert.equal((await endOf(name)).status?.phase, "Complete");
  }
  await untilSettled(site);
}

const consistencyOf = (one: Update): string => {
  const found = one.status?.conditions?.find(({ type }) => type === "Consistent");
  return `${found?.status} ${found?.reason}`;
};

function judgePointing(body: string): Judgement {
  const { first, second } = JSON.parse(body) as { first: string; second: string };
  return { servedBy: second, ...(first === second ? {} : { mix: `${first}, then ${second}` }) };
}

interface Loads {
  /** What was sent to pointing until now, and answered. */
  readonly sent: readonly Sent[];
  /** How many of those to pointing wait for their answers. */
  readonly waiting: () => number;
  /** Ends both; what was sent to each. */
  readonly stop: () => Promise<{ readonly pointing: readonly Sent[]; readonly news: readonly Sent[] }>;
}

function underLoad(context: TestContext): Loads {
  const pointing = new SteadyLoad({ url: () => `${site.edge}/point`, perSecond: 30, judge: judgePointing });
  const news = new SteadyLoad({ url: () => `${site.edge}/news`, perSecond: 30, judge: () => ({ servedBy: "news" }) });
  const stop = async (): ReturnType<Loads["stop"]> => ({ pointing: await pointing.stop(), news: await news.stop() });
  context.after(stop);
  return { sent: pointing.sent, waiting: () => pointing.begun - pointing.sent.length, stop };
}

const slowest = (sent: readonly Sent[]): number => Math.max(...sent.map((one) => one.endMs - one.startMs));
const percentile90 = (sent: readonly Sent[]): number =>
  sent.map((one) => one.endMs - one.startMs).sort((a, b) => a - b)[Math.floor(sent.length * 0.9)] ?? 0;

function assertAllOk(sent: readonly Sent[]): void {
  assert.equal(sent.filter((one) => one.outcome !== "ok").length, 0, summarize(sent));
}

/** Nothing failed but what was refused because it had waited for `hold`, and it ended well. */
function assertHeldAtMost(sent: readonly Sent[], holdMs = HOLD_MS): void {
  for (const one of sent) {
    if (one.outcome === "ok") continue;
    assert.match(one.detail, /gateway\/held/, summarize(sent));
    assert.ok(one.endMs - one.startMs > holdMs - 100, summarize(sent));
  }
  assert.ok(slowest(sent) < holdMs + ANSWERED_MS, `the slowest took ${slowest(sent)} ms`);
  assert.equal(sent.at(-1)?.outcome, "ok", summarize(sent));
}

async function assertPrompt(context: TestContext, news: readonly Sent[], slow?: number): Promise<void> {
  assertAllOk(news);
  const [took, allowed] = [percentile90(news), PROMPT_MS * Math.max(slow ?? 1, await slowness())];
  context.diagnostic(`${news.length} requests to news, p90 ${Math.round(took)} ms`);
  assert.ok(took < allowed, `news took ${took} ms at the 90th percentile, allowed are ${allowed} ms`);
}

test("an exclusive service is handed over: its thing has one user at a time, requests that can reach it wait, others do not, and none fails", async (context) => {
  const loads = underLoad(context);
  for (const version of ["v2", "v1"]) {
    await createUpdate(site, `hold-${version}`, { pointing: version });
    const ended = await endOf(`hold-${version}`);
    assert.equal(ended.status?.phase, "Complete");
    assert.equal(consistencyOf(ended), "True OneGeneration");
    assert.ok(ended.status.phases?.some(({ phase }) => phase === "Holding"));
    await untilSettled(site);
  }
  // While the machine is as busy as it was for the requests.
  const slow = await slowness();
  const allowedMs = HOLD_MS * slow;
  const { pointing, news } = await loads.stop();
  context.diagnostic(`${pointing.length} requests to pointing, the slowest took ${Math.round(slowest(pointing))} ms`);
  assertAllOk(pointing);
  assert.deepEqual([...new Set(pointing.map((one) => one.servedBy))], ["v1", "v2"]);
  assert.ok(slowest(pointing) > 300 && slowest(pointing) < allowedMs, `the slowest took ${slowest(pointing)} ms`);
  await assertPrompt(context, news, slow);
  await assertCallsConsistent(site);
  assert.equal(exclusive.log().length, 5, "v1, v2 and v1 again had the thing");
});

test("a request that lasts longer than hold sends the update back: it succeeds, and so does what was held", async (context) => {
  const loads = underLoad(context);
  const slow = new SteadyLoad({ url: () => `${site.edge}/point?ms=${HOLD_MS + 2500}`, perSecond: 1, judge: judgePointing });
  await site.until("the slow one is under way", () => (slow.begun > 0 ? true : undefined));
  const answered = slow.stop();
  await createUpdate(site, "too-long", { pointing: "v2" });
  const ended = await endOf("too-long");
  assert.equal(ended.status?.phase, "RolledBack");
  assert.match(ended.status.waits?.[0]?.message ?? "", /not over in time \(hold is 3 s\)/);
  assertAllOk(await answered);
  const { pointing, news } = await loads.stop();
  assertAllOk(pointing);
  assert.deepEqual([...new Set(pointing.map((one) => one.servedBy))], ["v1"]);
  assert.ok(slowest(pointing) > HOLD_MS / 2 && slowest(pointing) < HOLD_MS + ANSWERED_MS, `the slowest took ${slowest(pointing)} ms`);
  await assertPrompt(context, news);
  await settle(ended);
});

test("an interlock holds the update back, says so, and lets it go on by itself", async (context) => {
  exclusive.track(true);
  context.after(() => exclusive.track(false));
  await createUpdate(site, "interlocked", { pointing: "v2" });
  const waiting = await untilUpdate("interlocked", "waits", (one) => one.status?.waits?.[0]?.reason === "Interlocked");
  assert.match(waiting.status?.waits?.[0]?.message ?? "", /pointing is not updated while antenna is tracking/);
  const { out } = await site.orrery("update", "show", "interlocked");
  assert.match(out, /pointing is not updated while antenna is tracking/);
  exclusive.track(false);
  assert.equal((await endOf("interlocked")).status?.phase, "Complete");
  await untilSettled(site);
});

test("a transaction that cannot reach the thing does not hold its handover up, however long it lasts", async (context) => {
  const before = (await site.instances()).find((one) => one.spec.service === "pointing")?.spec.version;
  const to = before === "v1" ? "v2" : "v1";
  let isOver = false;
  const slow = fetch(`${site.edge}/news?ms=12000`).then(async (answer) => {
    await answer.text();
    isOver = true;
    return answer.status;
  });
  await site.until("it runs", async () => ((await (await fetch(`${site.edge}/news`)).text()) === "" ? undefined : true));
  const loads = underLoad(context);
  await createUpdate(site, "beside-slow-news", { pointing: to });
  await site.until(`only ${to} is there`, async () => {
    const versions = (await site.instances()).filter((one) => one.spec.service === "pointing").map((one) => one.spec.version);
    return versions.length > 0 && versions.every((one) => one === to) ? true : undefined;
  });
  assert.equal(isOver, false, "the slow request was over before the handover");
  const { pointing } = await loads.stop();
  assertAllOk(pointing);
  assert.equal(pointing.at(-1)?.servedBy, to);
  assert.equal((await readUpdate("beside-slow-news")).status?.phase, "Draining");
  assert.equal(await slow, 200);
  assert.equal((await endOf("beside-slow-news")).status?.phase, "Complete");
  await untilSettled(site);
});

test("rolling is refused for an exclusive service, with what to use instead", async () => {
  const { status, out, err } = await site.orrery("update", "pointing", "--to", "v1", "--strategy", "rolling");
  assert.notEqual(status, 0);
  assert.match(`${out}${err}`, /pointing is exclusive: .* rolling does not keep to; use consistent, quiescence or recreate/);
  await untilSettled(site);
});

test("a compatible handover holds nothing, and says that a transaction may meet two revisions", async (context) => {
  const loads = underLoad(context);
  await createUpdate(site, "compatible", { pointing: "v3" });
  const ended = await endOf("compatible");
  assert.equal(ended.status?.phase, "Complete");
  assert.equal(consistencyOf(ended), "False CompatibleHandover");
  assert.ok(!ended.status.phases?.some(({ phase }) => phase === "Holding"), JSON.stringify(ended.status.phases));
  await untilSettled(site);
  const { pointing, news } = await loads.stop();
  assert.equal(pointing.filter((one) => one.outcome === "failed").length, 0, summarize(pointing));
  await assertPrompt(context, news);
});

test("the centre is killed while transactions are held: they go on when it is back, or are refused after hold, and the update ends", async (context) => {
  const loads = underLoad(context);
  await createUpdate(site, "killed", { pointing: "v1" });
  await untilUpdate("killed", "holds", (one) => one.status?.phase === "Holding");
  const { pid } = site.killPlatform("centre");
  await site.until("the centre is back", () =>
    site.record("centre") !== undefined && !site.platformPids("centre").includes(pid) ? true : undefined,
  );
  const ended = await endOf("killed");
  assert.ok(["Complete", "RolledBack"].includes(ended.status?.phase ?? ""), `it ended as ${ended.status?.phase}`);
  const { pointing, news } = await loads.stop();
  context.diagnostic(
    `${ended.status?.phase}: ${pointing.length} requests, the slowest took ${Math.round(slowest(pointing))} ms, ${pointing.filter((one) => one.status === 503).length} were refused`,
  );
  assertHeldAtMost(pointing);
  await assertPrompt(context, news);
  await settle(ended);
});

test("a centre that stands still holds nobody longer than hold: requests are refused then, and the update goes on when it does", async (context) => {
  const loads = underLoad(context);
  // The hold lasts as long as one of these works.
  const working = new SteadyLoad({ url: () => `${site.edge}/point?ms=2000`, perSecond: 2, judge: judgePointing });
  context.after(() => working.stop());
  await createUpdate(site, "stopped", { pointing: "v2" });
  await untilUpdate("stopped", "holds", (one) => one.status?.phase === "Holding");
  // The gateway hears of it a little later than the store.
  await site.until("requests are held", () => loads.waiting() > 10 || undefined);
  const worked = working.stop();
  const [pid] = site.platformPids("centre");
  assert.ok(pid !== undefined);
  process.kill(pid, "SIGSTOP");
  try {
    await site.until("requests are refused", () => (loads.sent.some((one) => one.status === 503) ? true : undefined), 2 * HOLD_MS);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  const ended = await endOf("stopped");
  assert.ok(["Complete", "RolledBack"].includes(ended.status?.phase ?? ""), `it ended as ${ended.status?.phase}`);
  assert.equal((await worked).filter((one) => one.outcome === "mixed").length, 0, summarize(await worked));
  const { pointing, news } = await loads.stop();
  context.diagnostic(`${ended.status?.phase}: ${pointing.length} requests, ${pointing.filter((one) => one.status === 503).length} were refused`);
  assertHeldAtMost(pointing);
  await assertPrompt(context, news);
  await settle(ended);
});

interface ToldWait {
  readonly reason: string;
  readonly object: string;
  readonly since: string;
  readonly message: string;
}

/** Has version v4 serve, which needs long to let its thing go, and asks for v1: returns what is told while the thing is handed over. */
async function handOver(name: string): Promise<ToldWait> {
  await createUpdate(site, `${name}-from`, { pointing: "v4" });
  assert.equal((await endOf(`${name}-from`)).status?.phase, "Complete");
  await untilSettled(site);
  await createUpdate(site, name, { pointing: "v1" });
  return (await site.until("it is handed over", () => handingOver())).found;
}

/** That v1 is to take the thing. */
async function handingOver(): Promise<ToldWait | undefined> {
  const { items } = await site.store.list(generation);
  return items
    .flatMap((one) => one.status?.waits ?? [])
    .find((one) => one.reason === "HandingOver" && one.object.startsWith("revision/pointing-v1-"));
}

/** Waits that \`update show\` tells. */
async function shownWaits(): Promise<readonly ToldWait[]> {
  const shown = JSON.parse((await site.orrery("update", "show", "-o", "json")).out) as {
    readonly generations: readonly { readonly waits: readonly ToldWait[] }[];
    readonly updates: readonly Update[];
  };
  return [...shown.generations.flatMap((one) => one.waits), ...shown.updates.flatMap((one) => one.status?.waits ?? [])];
}

test("a centre killed while a thing is handed over finishes that when it is back: the thing has one user at a time, and nobody waits longer than hold", async (context) => {
  // A centre needs its time to come back on a busy machine.
  const holdMs = Math.round(2 * HOLD_MS * (await slowness()));
  await setPolicy(site, { hold: `${holdMs}ms` });
  const told = await handOver("killed-handing-over");
  const loads = underLoad(context);
  assert.match(told.object, /^revision\/pointing-v1-/);
  assert.match(told.message, /becomes active when the instances of the revision before are gone; .* at most until \d.* orrery logs pointing$/);
  assert.ok(Date.now() - Date.parse(told.since) < 5000, told.since);
  const { pid } = site.killPlatform("centre");
  assert.equal(exclusive.log().at(-1)?.split(" ")[1], "v4", "the thing has its former user yet");
  await site.until("the centre is back", () =>
    site.record("centre") !== undefined && !site.platformPids("centre").includes(pid) ? true : undefined,
  );
  const ended = await endOf("killed-handing-over");
  // It is switched: there is no going back any more.
  assert.equal(ended.status?.phase, "Complete");
  assert.deepEqual(
    ended.status.phases?.map(({ phase }) => phase),
    ["Preparing", "Distributing", "Holding", "Draining", "Complete"],
  );
  await untilSettled(site);
  const { pointing, news } = await loads.stop();
  assertHeldAtMost(pointing, holdMs);
  await assertPrompt(context, news);
  await setPolicy(site, { hold: `${HOLD_MS}ms` });
  assert.equal(exclusive.log().at(-1)?.split(" ")[1], "v1");
});

test("a gateway cut off while a thing is handed over keeps the former user, of which it may know, until it is back; it refuses whom it has held for long, and serves all others", async (context) => {
  await setPolicy(site, { maxTransaction: "5s", hold: "10s" });
  const relay = await putRelay(site, context);
  await createUpdate(site, "cut-from", { pointing: "v4" });
  assert.equal((await endOf("cut-from")).status?.phase, "Complete");
  const [former] = (await site.instances()).filter((one) => one.spec.service === "pointing");
  assert.ok(former !== undefined);
  // The table without the former user is on its way when the wire is cut.
  relay.delay(500);
  await createUpdate(site, "cut-handing-over", { pointing: "v1" });
  await site.until("it is handed over", () => handingOver());
  relay.cut();
  relay.delay(0);
  const news = new SteadyLoad({ url: () => `${site.edge}/news`, perSecond: 30, judge: () => ({ servedBy: "news" }) });
  context.after(() => news.stop());
  const held = fetch(`${site.edge}/point`);
  const { found } = await site.until("it is told who holds the former user", async () => {
    const waits = await shownWaits();
    const left = waits.find((one) => one.reason === "Withdrawing" && one.object === `instance/${former.metadata.name}`);
    return left !== undefined && /gateway main is not connected/.test(left.message) ? { left, waits } : undefined;
  });
  assert.match(found.left.message, /still in use: gateway main is not connected and may still know it/);
  assert.ok(found.waits.some((one) => one.reason === "HandingOver"));
  const refused = await held;
  assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [503, "gateway/held"]);
  assert.match(exclusive.log().at(-1) ?? "", /^taken v4 /, "nobody else may have the thing yet");
  relay.heal();
  assert.equal((await endOf("cut-handing-over")).status?.phase, "Complete");
  await site.until("pointing is served again", async () => {
    const answer = await fetch(`${site.edge}/point`);
    return answer.status === 200 && ((await answer.json()) as { first: string }).first === "v1" ? true : undefined;
  });
  assert.match(exclusive.log().at(-1) ?? "", /^taken v1 /);
  assertAllOk(await news.stop());
  await relay.end();
  await untilSettled(site);
});
