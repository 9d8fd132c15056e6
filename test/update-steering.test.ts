import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { isOrreryError, type Random, randomBelow, seededRandom } from "#/base/index.ts";
import { SITE_NAME, site as siteKind, update } from "#/model/index.ts";
import { askPasses, seedOf } from "./ground-station-load.ts";
import { Killing } from "./killing.ts";
import { RunningSite } from "./running-site.ts";
import { SteadyLoad, summarize, unexcused } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, setPolicy, untilSettled, untilUpdatesEnd } from "./updating-site.ts";

/** What people do in all; `npm run soak` makes more. */
const STEPS = Math.max(12, Number(process.env["ORRERY_TEST_UPDATES"] ?? 0));

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("ground-station");
  await setPolicy(site, { maxTransaction: "5s" });
});
after(() => site.close());

function pick<T>(random: Random, all: readonly T[]): T | undefined {
  return all[randomBelow(random, Math.max(1, all.length))];
}

/** What a person may say about an Update that is under way, or was. */
const WORDS: readonly Readonly<Record<string, unknown>>[] = [{ paused: true }, { paused: false }, { promoted: true }, { aborted: true }];

test(`${STEPS} times people ask for updates with ramps and holds, pause, promote, give up and roll back, or apply templates beside them, under load and with processes killed at random: nothing mixes, nothing fails but what was in a killed process, and it comes to rest`, async (context) => {
  const random = seededRandom(seedOf(context));
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 20 });
  context.after(() => load.stop());
  const killing = new Killing({
    site,
    random,
    among: ["centre", "centre", "agent", "gateway", "instance"],
    mayDie: (one) => one.spec.service === "auth" || one.spec.service === "predictor",
    pauseMs: { least: 1000, most: 6000 },
  });
  context.after(() => killing.stop());
  const done: string[] = [];
  const say = async (name: string, word: Readonly<Record<string, unknown>>): Promise<void> => {
    await site.until(`${name} is told`, async () => {
      try {
        await site.store.patch(update, { name }, { type: "merge", body: { spec: word } });
      } catch (error) {
        // It has been pruned, or may not be said of one that has ended: so it is with people.
        if (!isOrreryError(error) || error.code.startsWith("api/") || error.code.startsWith("client/")) throw error;
        done.push(`refused: ${error.message}`);
      }
      return true;
    });
  };
  const ask = async (count: number): Promise<void> => {
    const services = pick(random, [["auth"], ["predictor"], ["auth", "predictor"]]) ?? [];
    const to = Object.fromEntries(services.map((name) => [name, pick(random, ["v1", "v2"]) ?? "v1"]));
    const kind = random.next();
    const how =
      kind < 0.4
        ? {
            ramp: {
              steps: [
                { share: 0.2, hold: "400ms" },
                { share: 0.6, hold: "400ms" },
              ],
              ...(random.next() < 0.5 ? { key: "client" } : {}),
            },
          }
        : kind < 0.6
          ? { strategy: "quiescence" }
          : {};
    const paused = random.next() < 0.2 ? { paused: true } : {};
    done.push(`ask s${count} ${JSON.stringify({ ...to, ...how, ...paused })}`);
    await createUpdate(site, `s${count}`, to, { ...how, ...paused });
  };
  const steer = async (): Promise<void> => {
    const all = (await site.until("updates are read", () => site.store.list(update))).found.items;
    const one = pick(random, all.slice(-4));
    if (one === undefined) return;
    const word = pick(random, WORDS) ?? {};
    done.push(`say ${one.metadata.name} (${one.status?.phase}) ${JSON.stringify(word)}`);
    await say(one.metadata.name, word);
  };
  const rollBack = async (): Promise<void> => {
    const all = (await site.until("updates are read", () => site.store.list(update))).found.items;
    const one = pick(random, all.slice(-4));
    if (one === undefined) return;
    const { out, err } = await site.orrery("update", "rollback", one.metadata.name, "--no-wait");
    done.push(`roll back ${one.metadata.name} (${one.status?.phase}): ${out.trim()} ${err.trim()}`);
  };
  const apply = async (): Promise<void> => {
    const service = pick(random, ["auth", "predictor"]) ?? "";
    const file = pick(random, [`${service}.yaml`, `versions/${service}-v2.yaml`]) ?? "";
    done.push(`apply ${file}`);
    await site.until(`applied ${file}`, async () => {
      const { status, err } = await site.orrery("apply", "-f", path.join(site.siteFolder, file));
      if (status !== 0) throw new Error(err);
      return true;
    });
  };
  try {
    for (let count = 1; count <= STEPS; count++) {
      const lot = random.next();
      if (lot < 0.4) await ask(count);
      else if (lot < 0.75) await steer();
      else if (lot < 0.87) await rollBack();
      else await apply();
      await wait(randomBelow(random, 2000));
    }
    await killing.stop();
    // Nobody is left waiting for a person.
    for (const one of (await site.store.list(update)).items) if (one.spec.paused) await say(one.metadata.name, { paused: false });
    let updates = await untilUpdatesEnd(site);
    // What was held while a killed gateway's calls were unknown has been refused: it is asked for again, as people do.
    for (let again = 1; ; again++) {
      const refused = (await site.store.get(siteKind, { name: SITE_NAME }))?.status?.refused ?? [];
      if (refused.length === 0) break;
      assert.ok(again <= 3, `refused all the same: ${JSON.stringify(refused)}`);
      await createUpdate(site, `again${again}`, Object.fromEntries(refused.map((one) => [one.service, one.revision])));
      updates = await untilUpdatesEnd(site);
    }
    await untilSettled(site);
    const sent = await load.stop();
    const { kills } = killing;
    context.diagnostic(
      `${sent.length} requests; killed: ${kills.map((one) => one.name).join(", ")}; updates: ${updates.map((one) => one.status?.phase).join(", ")}`,
    );
    assert.equal(sent.filter((one) => one.outcome === "mixed").length, 0, summarize(sent, kills));
    const bad = unexcused(sent, kills);
    assert.equal(bad.length, 0, `failed without a killed process in the way:\n${summarize(bad, kills)}`);
    assert.ok((await assertCallsConsistent(site)) > sent.length / 2);
  } catch (error) {
    context.diagnostic(done.join("\n"));
    throw error;
  }
});
