import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { randomBelow, seededRandom } from "#/base/index.ts";
import { SITE_NAME, site as siteKind } from "#/model/index.ts";
import { askPasses, seedOf } from "./ground-station-load.ts";
import { Killing, median } from "./killing.ts";
import { lacksKubectl, RunningSite } from "./running-site.ts";
import { SteadyLoad, summarize, unexcused } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, shortenTransactions, untilSettled, untilUpdatesEnd } from "./updating-site.ts";

/** `npm run soak` makes more. */
const UPDATES = Number(process.env["ORRERY_TEST_UPDATES"] ?? 20);

/** What is promised after a process was killed. */
const BACK_WITHIN_MS = 5000;

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("ground-station");
  await shortenTransactions(site);
});
after(() => site.close());

type Version = "v1" | "v2";

/** The manifest of a service in a version. */
function manifest(service: string, version: Version): string {
  return path.join(site.siteFolder, version === "v1" ? `${service}.yaml` : `versions/${service}-v2.yaml`);
}

const noKubectl = await lacksKubectl();

/** Writes templates as a user does. The centre may just be away: then again. */
async function apply(to: Readonly<Record<string, Version>>): Promise<void> {
  const files = Object.entries(to).flatMap(([service, version]) => ["-f", manifest(service, version)]);
  await site.until(`applied ${JSON.stringify(to)}`, async () => {
    const { status, err } = noKubectl === false ? await site.kubectl("apply", ...files) : await site.orrery("apply", ...files);
    if (status !== 0) throw new Error(err);
    return true;
  });
}

test(`${UPDATES} updates of auth and of auth with predictor, forward and back, overlapping, under load and with processes killed at random: no transaction mixes, and nothing fails but what was in a killed process`, async (context) => {
  const random = seededRandom(seedOf(context));
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 20 });
  context.after(() => load.stop());
  const killing = new Killing({
    site,
    random,
    among: ["centre", "centre", "agent", "gateway", "instance", "instance"],
    mayDie: (one) => one.spec.service === "auth" || one.spec.service === "predictor",
    pauseMs: { least: 500, most: 6000 },
  });
  context.after(() => killing.stop());
  const wish: Record<string, Version> = { auth: "v1", predictor: "v1" };
  const counter = async (): Promise<number> =>
    (await site.until("the site is read", () => site.store.get(siteKind, { name: SITE_NAME }))).found.status?.counter ?? 0;
  const before = await counter();
  // Changes that come at once become one update: asked are as many as it takes.
  for (let count = 1; (await counter()) < before + UPDATES && count <= 3 * UPDATES; count++) {
    const services = random.next() < 0.5 ? ["auth"] : ["auth", "predictor"];
    for (const service of services) wish[service] = wish[service] === "v1" ? "v2" : "v1";
    const to = Object.fromEntries(services.map((service) => [service, wish[service] as Version]));
    if (random.next() < 0.5) await apply(to);
    else await createUpdate(site, `u${count}`, to);
    // Some come while the one before is still being made, some while it drains, some after it.
    const pace = random.next();
    if (pace < 0.3) await wait(randomBelow(random, 1500));
    else if (pace < 0.8) await wait(1500 + randomBelow(random, 2500));
    else await untilUpdatesEnd(site);
  }
  assert.ok((await counter()) >= before + UPDATES, "as many generations were issued");
  const updates = await untilUpdatesEnd(site);
  await killing.stop();
  await untilSettled(site);
  const sent = await load.stop();
  const { kills, backAfterMs } = killing;
  context.diagnostic(
    `${sent.length} requests, ${sent.filter((one) => one.outcome === "failed").length} failed; killed: ${backAfterMs.map(({ name, ms }) => `${name} (${ms} ms)`).join(", ")}`,
  );
  context.diagnostic(
    `updates: ${JSON.stringify(
      Object.fromEntries(
        Map.groupBy(updates, (one) => one.status?.phase ?? "")
          .entries()
          .map(([phase, all]) => [phase, all.length]),
      ),
    )}`,
  );
  assert.deepEqual(sent.filter((one) => one.outcome === "mixed").length, 0, summarize(sent, kills));
  const bad = unexcused(sent, kills);
  assert.equal(bad.length, 0, `failed without a killed process in the way:\n${summarize(bad, kills)}`);
  const seen = new Set(sent.map((one) => one.servedBy));
  assert.ok(seen.has("auth v1, predictor v1") && [...seen].some((served) => served.startsWith("auth v2")), `served by: ${[...seen].join("; ")}`);
  const compared = await assertCallsConsistent(site);
  context.diagnostic(`${compared} calls compared with the maps of their generations; served by: ${[...seen].join("; ")}`);
  assert.ok(compared > sent.length / 2, `${compared} calls compared`);
  assert.ok(updates.filter((one) => one.status?.phase === "Complete").length > UPDATES / 4);
  for (const name of ["centre", "agent", "gateway"]) {
    const times = backAfterMs.filter((one) => one.name === name).map(({ ms }) => ms);
    const allowed = BACK_WITHIN_MS * median(killing.slowness);
    assert.ok(times.length === 0 || median(times) <= allowed, `${name} was back after ${times} ms, allowed are ${Math.round(allowed)}`);
  }
});
