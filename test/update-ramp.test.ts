import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { gateway, type Update, update } from "#/model/index.ts";
import { OPERATORS, onNew, startRampSite, untilUpdate } from "./ramp-site.ts";
import { type RunningSite, slowness } from "./running-site.ts";
import { assertCallsConsistent, createUpdate, setPolicy, untilSettled } from "./updating-site.ts";

let site: RunningSite;

before(async () => {
  site = await startRampSite();
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
});

test("a ramp keeps each operator on one side and takes nobody back as it rises; it is held, let on, promoted and rolled back by command", async (context) => {
  // All operators ask within one step, also on a busy machine.
  const holdMs = Math.round(4000 * (await slowness()));
  const asked = await site.orrery(
    ...[
      "update",
      "auth",
      "--to",
      "v2",
      "--ramp",
      "25,60",
      "--hold",
      `${holdMs}ms`,
      "--key",
      "header:x-operator",
      "--message",
      "keys of 2027",
      "--no-wait",
    ],
  );
  assert.equal(asked.status, 0, asked.err);
  const name = /^update (\S+): auth to v2/.exec(asked.out)?.[1] ?? assert.fail(asked.out);
  await untilUpdate(site, name, "ramps", ({ status }) => status?.phase === "Ramping");
  const paused = await site.orrery("update", "pause", name);
  assert.match(paused.out, /is held at step 1 of 2 \(25 % of new transactions\)/);
  // Every edge hears of the stamp within some milliseconds of its being written.
  await wait(300);
  const first = await onNew(site);
  context.diagnostic(`${first.size} of ${OPERATORS.length} operators at 25 %`);
  assert.ok(first.size >= 8 && first.size <= 36, `${first.size} of ${OPERATORS.length} operators have 25 %`);
  assert.deepEqual(await onNew(site), first, "who asks again has the same version");
  await wait(holdMs + 500);
  assert.equal((await site.store.get(update, { name }))?.status?.share, 0.25, "a ramp that is held does not rise");
  const shown = await site.orrery("update", "show", name);
  assert.match(shown.out, /auth +v1 .* 75 %/);
  assert.match(shown.out, /\n +v2 .* 25 % +Ramping/);
  assert.match(shown.out, /Paused/);
  const view = JSON.parse((await site.orrery("update", "show", name, "-o", "json")).out) as {
    readonly lanes: readonly {
      readonly service: string;
      readonly bars: readonly { readonly version: string; readonly phase: string; readonly share: number }[];
    }[];
  };
  assert.deepEqual(
    view.lanes.find((one) => one.service === "auth")?.bars.map((bar) => [bar.version, bar.phase, bar.share]),
    [
      ["v1", "Active", 0.75],
      ["v2", "Ramping", 0.25],
    ],
  );

  assert.equal((await site.orrery("update", "pause", name, "--off")).status, 0);
  await untilUpdate(site, name, "rises", ({ status }) => status?.share === 0.6);
  await wait(300);
  const second = await onNew(site);
  context.diagnostic(`${second.size} of ${OPERATORS.length} operators at 60 %`);
  assert.ok(
    [...first].every((one) => second.has(one)),
    "nobody goes back",
  );
  assert.ok(second.size > first.size);

  assert.equal((await site.orrery("update", "promote", name)).status, 0);
  const kubectl = await site.kubectl("wait", "--for=condition=Complete", `update/${name}`, "--timeout=60s");
  assert.equal(kubectl.status, 0, kubectl.err);
  assert.equal((await onNew(site)).size, OPERATORS.length);
  const listed = await site.kubectl("get", "generations,updates");
  assert.match(listed.out, new RegExp(`update.*/${name} +Complete`));
  assert.match(listed.out, /generation.*\/g2 .*Active/);
  const refused = await site.kubectl("delete", "generation", "g2");
  assert.equal(refused.status, 1);
  assert.match(refused.err, /generation g2 is not deleted: it is Active: it says which revisions its transactions meet/);

  const back = await site.orrery("update", "rollback", name);
  assert.equal(back.status, 0, back.err);
  await untilSettled(site);
  assert.equal((await onNew(site)).size, 0);
  const history = await site.orrery("update", "history", "auth");
  assert.match(history.out, /keys of 2027/);
});

test("a ramp that is aborted gives back what it had", async () => {
  await createUpdate(site, "given-up", { auth: "v2" }, { ramp: { steps: [{ share: 0.5, hold: "2m" }] } });
  await untilUpdate(site, "given-up", "ramps", ({ status }) => status?.phase === "Ramping");
  const aborted = await site.orrery("update", "abort", "given-up");
  assert.match(aborted.out, /update given-up is given up: new transactions have what was served before/);
  await untilUpdate(site, "given-up", "has ended", ({ status }) => status?.phase === "RolledBack");
  await wait(300);
  assert.equal((await onNew(site)).size, 0);
  await createUpdate(site, "as-before", { auth: "v1" });
  await untilUpdate(site, "as-before", "has ended", ({ status }) => status?.phase === "Complete");
  await untilSettled(site);
});

test("what was changed by a template alone is rolled back in one step, too", async () => {
  const applied = await site.orrery("apply", "-f", path.join(site.siteFolder, "versions", "auth-v2.yaml"));
  assert.equal(applied.status, 0, applied.err);
  let name = "";
  await site.until("an Update was made for it", async () => {
    const { items } = await site.store.list(update);
    const found = items.find(
      (one) => one.metadata.labels?.["orrery.dev/implicit"] === "true" && one.status?.phase === "Complete" && isLast(one, items),
    );
    name = found?.metadata.name ?? "";
    return found;
  });
  assert.equal((await onNew(site)).size, OPERATORS.length);
  const back = await site.orrery("update", "rollback", name);
  assert.equal(back.status, 0, back.err);
  assert.equal((await onNew(site)).size, 0);
  await untilSettled(site);
});

const isLast = (one: Update, all: readonly Update[]): boolean =>
  all.every((other) => (other.status?.generation ?? 0) <= (one.status?.generation ?? 0));

test("a gateway of a host that is gone for good holds the drain by name until somebody says so", async () => {
  await site.store.create(gateway, { metadata: { name: "burnt" }, spec: { host: "burnt-host", roles: ["edge", "host"] } });
  await createUpdate(site, "beside-burnt", { auth: "v2" });
  const waiting = await untilUpdate(
    site,
    "beside-burnt",
    "waits",
    ({ status }) => status?.phase === "Draining" && status.waits?.some((one) => one.reason === "GatewayLost") === true,
  );
  assert.match(waiting.status?.waits?.[0]?.message ?? "", /orrery gateway forget burnt/);
  assert.equal((await onNew(site)).size, OPERATORS.length, "the switch has not waited for it: its host has no instances");
  const connected = await site.orrery("gateway", "forget", "main");
  assert.notEqual(connected.status, 0);
  assert.match(connected.err, /gateway main is connected .*: only one that is surely dead may be forgotten/);
  const forgotten = await site.orrery("gateway", "forget", "burnt");
  assert.equal(forgotten.status, 0, forgotten.err);
  await untilUpdate(site, "beside-burnt", "has ended", ({ status }) => status?.phase === "Complete");
  await untilSettled(site);
  await untilTold(/gateway burnt was declared dead by hand: what it had in flight of generations /);
});

test("where the site says so, a gateway that stays away is declared dead by itself, and that is recorded", async () => {
  await site.store.create(gateway, { metadata: { name: "drowned" }, spec: { host: "drowned-host", roles: ["edge", "host"] } });
  await createUpdate(site, "beside-drowned", { auth: "v1" });
  await untilUpdate(site, "beside-drowned", "waits", ({ status }) => status?.waits?.some((one) => one.object === "gateway/drowned") === true);
  // Said only now, it holds for what is lost already.
  await setPolicy(site, { lostEdge: { assumeDeadAfter: "3s" } });
  await untilUpdate(site, "beside-drowned", "has ended", ({ status }) => status?.phase === "Complete");
  await untilTold(/gateway drowned was declared dead after 3s without it \(lostEdge\)/);
  assert.ok((await site.store.get(gateway, { name: "main" })) !== undefined);
});

/** Waits for an Event of the Site. */
async function untilTold(text: RegExp): Promise<void> {
  await site.until(
    `an Event says ${text}`,
    async () => text.test((await site.kubectl("get", "events", "-o", "yaml")).out.replace(/\s+/g, " ")) || undefined,
  );
}
