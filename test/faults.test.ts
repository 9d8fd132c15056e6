import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { describeError, isOrreryError, type Random, randomBelow, seededRandom } from "#/base/index.ts";
import { type Instance, resource } from "#/model/index.ts";
import { askPasses, seedOf } from "./ground-station-load.ts";
import { median } from "./killing.ts";
import { type Kill, type PlatformProcess, RunningSite, slowness } from "./running-site.ts";
import { refusedForMs, SteadyLoad, summarize, unexcused } from "./steady-load.ts";

/** What is promised after a process was killed. */
const BACK_WITHIN_MS = 5000;
const REFUSED_WITHIN_MS = 1000;

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("ground-station");
  await site.untilWhole();
});
after(() => site.close());

/** Pids of the programs of all instances, by name. */
async function pidsByName(): Promise<Record<string, number | undefined>> {
  const programs = site.programs();
  return Object.fromEntries((await site.instances()).map((one) => [one.metadata.name, programs.get(one.metadata.uid)?.[0]]));
}

/** Creates objects as fast as they are acknowledged, until `stop`, and remembers which were. */
class SteadyWriter {
  readonly acknowledged: string[] = [];
  readonly #unexpected: unknown[] = [];
  readonly #running: Promise<void>;
  #isStopping = false;

  constructor(prefix: string, context: TestContext) {
    this.#running = this.#run(prefix);
    context.after(() => {
      this.#isStopping = true;
      return this.#running;
    });
  }

  async #run(prefix: string): Promise<void> {
    for (let count = 0; !this.#isStopping; count++) {
      const name = `${prefix}-${count}`;
      try {
        await site.store.create(resource, { metadata: { name }, spec: { id: `person/${name}`, type: "human" } });
        this.acknowledged.push(name);
      } catch (error) {
        if (!isOrreryError(error, "store/unavailable")) this.#unexpected.push(error);
      }
      await wait(10);
    }
  }

  /** Stops, and fails if something that was acknowledged is not there. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    assert.deepEqual(this.#unexpected.map(describeError), []);
    const there = new Set((await site.store.list(resource)).items.map((one) => one.metadata.name));
    const lost = this.acknowledged.filter((name) => !there.has(name));
    assert.deepEqual(lost, [], `lost although acknowledged, of ${this.acknowledged.length}`);
    assert.ok(this.acknowledged.length > 20, `only ${this.acknowledged.length} writes were acknowledged`);
  }
}

function shuffle<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

function newLoad(context: TestContext): SteadyLoad {
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 20 });
  context.after(() => load.stop());
  return load;
}

/** Fails unless every request of `load` was well, but for those that `kills` excuse. */
async function judge(load: SteadyLoad, kills: readonly Kill[], context: TestContext): Promise<void> {
  const sent = await load.stop();
  context.diagnostic(`${sent.length} requests, ${sent.filter((one) => one.outcome === "failed").length} failed`);
  assert.deepEqual(
    sent.filter((one) => one.outcome === "mixed"),
    [],
    summarize(sent, kills),
  );
  const bad = unexcused(sent, kills);
  assert.equal(bad.length, 0, `failed without a killed process in the way:\n${summarize(bad, kills)}`);
  assert.ok(sent.filter((one) => one.outcome === "ok").length > sent.length / 2, summarize(sent, kills));
}

test("whatever is killed at a random moment under load is back by itself in time, harms only what was in it, and nothing acknowledged is lost", async (context) => {
  const random = seededRandom(seedOf(context));
  const load = newLoad(context);
  const writer = new SteadyWriter("operator", context);
  const kills: Kill[] = [];
  const tookMs = new Map<string, number[]>();
  const slow: number[] = [];
  const what = shuffle(
    ["centre", "agent", "gateway", "instance"].flatMap((name) => [name, name, name] as (PlatformProcess | "instance")[]),
    random,
  );
  for (const name of what) {
    await wait(200 + randomBelow(random, 1000));
    const pidsBefore = await site.until("the instances are listed", pidsByName).then(({ found }) => found);
    let kill: Kill;
    if (name === "instance") {
      const all = (await site.instances()).filter((one) => one.spec.service !== undefined);
      kill = site.killInstance(all[randomBelow(random, all.length)] as Instance, all);
    } else kill = site.killPlatform(name);
    kills.push(kill);
    const took = await site.untilWhole();
    tookMs.set(name, [...(tookMs.get(name) ?? []), took]);
    slow.push(await slowness());
    context.diagnostic(`${kill.name}: back after ${Math.round(took)} ms`);
    const pidsAfter = await pidsByName();
    if (name === "instance") {
      assert.notEqual(pidsAfter[kill.name], pidsBefore[kill.name]);
      delete pidsAfter[kill.name];
      delete pidsBefore[kill.name];
    }
    assert.deepEqual(pidsAfter, pidsBefore, `instances were started again after ${kill.name} was killed`);
  }
  await writer.stop();
  const { sent } = load;
  await judge(load, kills, context);
  const patience = median(slow);
  context.diagnostic(`the machine was ${patience.toFixed(1)} times slower than an idle one`);
  for (const [name, times] of tookMs) assert.ok(median(times) <= BACK_WITHIN_MS * patience, `${name} was back after ${times.map(Math.round)} ms`);
  const refused = kills.filter((kill) => kill.what === "gateway").map((kill) => refusedForMs(sent, kill));
  context.diagnostic(`connections refused for ${refused.map(Math.round)} ms`);
  assert.ok(median(refused) <= REFUSED_WITHIN_MS * patience, `connections were refused for ${refused.map(Math.round)} ms`);
});

test("an agent and an instance killed together: the instance is started again once, and no other", async (context) => {
  const load = newLoad(context);
  const all = await site.instances();
  const one = all.find((each) => each.spec.service === "predictor") as Instance;
  const pidsBefore = await pidsByName();
  const kills = [site.killPlatform("agent"), site.killInstance(one, all)];
  await site.untilWhole();
  const pidsAfter = await pidsByName();
  assert.notEqual(pidsAfter[one.metadata.name], pidsBefore[one.metadata.name]);
  assert.deepEqual({ ...pidsAfter, [one.metadata.name]: 0 }, { ...pidsBefore, [one.metadata.name]: 0 });
  await judge(load, kills, context);
});

test("a second up on the same data folder is refused and says who runs", async () => {
  const { status, err } = await site.up();
  assert.equal(status, 1);
  assert.match(err, new RegExp(`a site runs on ${site.data} already \\(supervisor: process ${site.platformPids("supervisor")[0]}\\)`));
  assert.equal(await site.findFault(), undefined);
});

test("a killed supervisor harms nothing, and the next up adopts its children", async (context) => {
  const load = newLoad(context);
  const children = (): number[][] => (["centre", "agent", "gateway"] as const).map((name) => site.platformPids(name));
  const [childrenBefore, pidsBefore] = [children(), await pidsByName()];
  const kill = site.killPlatform("supervisor");
  await wait(500);
  assert.deepEqual(children(), childrenBefore);
  const { status, out, err } = await site.up();
  assert.equal(status, 0, out + err);
  await site.untilWhole();
  assert.deepEqual(children(), childrenBefore);
  assert.deepEqual(await pidsByName(), pidsBefore);
  await judge(load, [kill], context);
});

test("where all instances of a service are too busy to answer their checks, calls wait for them instead of failing, and an operator sees why", async () => {
  const all = (await site.instances()).filter((one) => one.spec.service === "predictor");
  const pids = all.map((one) => site.programs().get(one.metadata.uid)?.[0] ?? Number.NaN);
  const now = async (): Promise<Instance[]> => (await site.instances()).filter((one) => one.spec.service === "predictor");
  assert.equal(pids.length, 2);
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  let answer: Promise<number>;
  try {
    await site.until("no check is answered", async () => (await now()).every((one) => one.status?.unanswered === true) || undefined);
    const { out } = await site.orrery("describe", "instance", all[0]?.metadata.name ?? "");
    assert.match((await site.orrery("status")).out, /^predictor-v1-\S+ .*NotReady$/m);
    assert.match(out, /no answer from \S+ within 1000 ms; it is called only while no other instance is ready/);
    answer = fetch(`${site.edge}/api/passes?satellite=ISS`).then(({ status }) => status);
    assert.equal(await Promise.race([answer, wait(1000, "waits")]), "waits");
  } finally {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  }
  assert.equal(await answer, 200);
  await site.untilWhole();
  const after = await now();
  assert.deepEqual(
    after.map((one) => one.status?.unanswered),
    [undefined, undefined],
  );
});

test("without the centre the gateway serves, an agent and a gateway that start anew go on from what is on disk, and an instance that dies is started again", async (context) => {
  const load = newLoad(context);
  const pidsBefore = await pidsByName();
  const words = { agent: site.commandOf("agent"), gateway: site.commandOf("gateway") };
  const all = await site.instances();
  const kills = [site.killPlatform("supervisor"), site.killPlatform("centre")];
  const startAgain = async (name: "agent" | "gateway"): Promise<void> => {
    const kill = site.killPlatform(name);
    kills.push(kill);
    site.spawnAgain(words[name]);
    await site.until(`${name} is ready`, () => (site.platformPids(name).length === 1 ? site.record(name) : undefined));
  };
  await startAgain("agent");
  await wait(1000);
  const programs = (): (number | undefined)[] => all.map((one) => site.programs().get(one.metadata.uid)?.[0]);
  assert.deepEqual(programs(), Object.values(pidsBefore), "the agent did not adopt what ran");

  const one = all.find((each) => each.spec.service === "auth") as Instance;
  kills.push(site.killInstance(one, all));
  const again = await site.until(`${one.metadata.name} runs again`, () => site.programs().get(one.metadata.uid), BACK_WITHIN_MS * 2);
  assert.equal(again.found.length, 1);

  await startAgain("gateway");
  const answer = await site.until(
    "the gateway answers",
    async () => (await fetch(`${site.edge}/api/passes?satellite=ISS`)).status,
    BACK_WITHIN_MS * 2,
  );
  assert.equal(answer.found, 200);

  const [agents, gateways] = [site.platformPids("agent"), site.platformPids("gateway")];
  const { status, out, err } = await site.up();
  assert.equal(status, 0, out + err);
  await site.untilWhole();
  assert.deepEqual(site.platformPids("gateway"), gateways, "the gateway was not adopted");
  // An agent that finds the centre at another port begins anew.
  if (agents[0] !== site.platformPids("agent")[0]) context.diagnostic("the agent has begun anew");
  assert.deepEqual({ ...(await pidsByName()), [one.metadata.name]: 0 }, { ...pidsBefore, [one.metadata.name]: 0 });
  await site.until("the gateway knows the new centre", async () =>
    (await site.orrery("status")).out.includes("new transactions go to the versions that are wanted") ? true : undefined,
  );
  await judge(load, kills, context);
});

test("all but the instances killed at one moment: the next up finds them again, and what was acknowledged", async (context) => {
  const writer = new SteadyWriter("visitor", context);
  await site.until("some are written", () => (writer.acknowledged.length > 30 ? true : undefined));
  const pidsBefore = await pidsByName();
  for (const name of ["supervisor", "gateway", "agent", "centre"] as const) site.killPlatform(name);
  const { status, out, err } = await site.up();
  assert.equal(status, 0, out + err);
  await site.untilWhole();
  assert.deepEqual(await pidsByName(), pidsBefore);
  await writer.stop();
  context.diagnostic(`${writer.acknowledged.length} acknowledged`);
});
