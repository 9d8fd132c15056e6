import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { SITE_NAME, site as siteKind, update } from "#/model/index.ts";
import { putRelay, untilGatewayBlamed } from "./gateway-relay.ts";
import { judge, newLoad } from "./ground-station-load.ts";
import { RunningSite } from "./running-site.ts";
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
  untilUpdatesEnd,
  untilWait,
} from "./updating-site.ts";

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("ground-station");
  await shortenTransactions(site);
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
});

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
    const waited = await untilGatewayBlamed(site, name, cutMs, reasons);
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
