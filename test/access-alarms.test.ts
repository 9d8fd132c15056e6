import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Alarm, alarm, alarmRule, host, role, user } from "#/model/index.ts";
import { startAlarmParts } from "./alarm-parts.ts";
import { openApiSite } from "./api-site.ts";

interface Operated {
  readonly items: readonly { readonly name: string; readonly outcome: string; readonly code?: string }[];
}

/** A site whose alarms work, with one alarm for each host (by its team), and people by their roles and where these hold. */
async function startSite(t: TestContext, hosts: Readonly<Record<string, string>>, people: Readonly<Record<string, readonly object[]>>) {
  const stopping = new AbortController();
  let ended: Promise<void> | undefined;
  const site = await openApiSite(t, {
    hasPeople: true,
    withLogin: async ({ store }) => {
      const running = await startAlarmParts(store, stopping.signal);
      ended = running.ended;
      return { paths: running.paths };
    },
  });
  t.after(async () => {
    stopping.abort();
    await ended;
  });
  const { store } = site;
  await store.create(role, { metadata: { name: "acknowledger" }, spec: { rules: [{ verbs: ["*"], kinds: ["Alarm"] }], actions: ["acknowledge"] } });
  for (const [name, roles] of Object.entries(people)) await store.create(user, { metadata: { name }, spec: { roles: roles as never } });
  await store.create(alarmRule, {
    metadata: { name: "many" },
    spec: { of: { kind: "Host" }, field: { path: ".spec.instancesMax", above: 10 }, delay: "0s" },
  });
  for (const [name, team] of Object.entries(hosts)) await store.create(host, { metadata: { name, labels: { team } }, spec: { instancesMax: 20 } });
  const all = async (): Promise<readonly Alarm[]> => (await store.list(alarm)).items.filter(({ spec }) => spec.type === "many");
  const until = async (isSo: (all: readonly Alarm[]) => boolean): Promise<readonly Alarm[]> => {
    for (;;) {
      const now = await all();
      if (isSo(now)) return now;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const raised = await until((now) => now.filter(({ status }) => status?.condition === "raised").length === Object.keys(hosts).length);
  const nameOf = new Map(raised.map(({ metadata, spec }) => [spec.resource.name, metadata.name]));
  const operate = async (who: string, operation: string, of: readonly string[]): Promise<Readonly<Record<string, string>>> => {
    const alarms = of.map((name) => ({ name: nameOf.get(name) ?? name }));
    const body = { operation, message: "a test", ...(operation === "shelve" && { for: "1h" }), alarms };
    const { items } = (await site.client(who).request({ method: "POST", path: "/alarms/operate", body })).body as Operated;
    return Object.fromEntries(items.map(({ outcome, code }, index) => [of[index] ?? "", code ?? outcome]));
  };
  return { site, all, operate };
}

const FORBIDDEN = "api/forbidden";
const OPERATIONS = ["acknowledge", "shelve", "unshelve", "close"] as const;

test("who may say what to alarms, by each built-in role, and by a role with a single action", async (t) => {
  const roles = ["viewer", "operator", "engineer", "admin", "acknowledger"];
  const hosts = Object.fromEntries(roles.flatMap((name) => OPERATIONS.map((one) => [`${name}-${one}`, "a"])));
  const people = { ...Object.fromEntries(roles.map((name) => [`one-${name}`, [{ role: name }]])), "one-nobody": [] };
  const { operate } = await startSite(t, hosts, people);
  for (const name of roles)
    for (const operation of OPERATIONS) {
      const of = `${name}-${operation}`;
      const may = ["operator", "engineer", "admin"].includes(name) || (name === "acknowledger" && operation === "acknowledge");
      const expected = may ? (operation === "unshelve" ? "already" : "done") : FORBIDDEN;
      assert.deepEqual(await operate(`one-${name}`, operation, [of]), { [of]: expected }, of);
    }
  // What one does not see is not there.
  assert.deepEqual(await operate("one-nobody", "acknowledge", ["viewer-close"]), { "viewer-close": "store/missing" });
});

test("a role that is for a label: the alarms of those objects alone are seen and answered, the audit tells who, and a role of another person's label adds nothing", async (t) => {
  const { site, all, operate } = await startSite(
    t,
    { a1: "a", a2: "a", b1: "b", b2: "b" },
    {
      anna: [{ role: "operator", where: "team=a" }],
      bela: [{ role: "viewer" }, { role: "operator", where: "team=b" }],
    },
  );
  assert.deepEqual(await operate("anna", "acknowledge", ["a1", "b1"]), { a1: "done", b1: "store/missing" });
  assert.deepEqual(await operate("bela", "close", ["b2", "a2"]), { b2: "done", a2: FORBIDDEN });
  assert.deepEqual(
    new Map((await all()).map(({ spec, status }) => [spec.resource.name, `${status?.operator?.state} ${status?.operator?.by ?? ""}`.trim()])),
    new Map([
      ["a1", "acknowledged anna"],
      ["a2", "unacknowledged"],
      ["b1", "unacknowledged"],
      ["b2", "closed bela"],
    ]),
  );
  const clients = { anna: site.client("anna"), bela: site.client("bela") };
  const seen = async (who: keyof typeof clients): Promise<readonly string[]> => {
    const { items } = (await clients[who].request({ path: `/apis/${alarm.apiVersion}/${alarm.plural}` })).body as {
      readonly items: readonly Alarm[];
    };
    return items
      .filter(({ spec }) => spec.type === "many")
      .map(({ spec }) => spec.resource.name)
      .toSorted();
  };
  assert.deepEqual(await seen("anna"), ["a1", "a2"]);
  assert.deepEqual(await seen("bela"), ["a1", "a2", "b1", "b2"]);
  // The object changes hands: so do its alarms.
  await site.store.patch(host, { name: "a2" }, { type: "merge", body: { metadata: { labels: { team: "b" } } } });
  while ((await seen("anna")).length !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await operate("anna", "acknowledge", ["a2"]), { a2: "store/missing" });
  assert.deepEqual(await operate("bela", "acknowledge", ["a2"]), { a2: "done" });
});
