import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { STORED_KINDS } from "#/apps/centre/parts.ts";
import { seededRandom, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { alarm, alarmChannel, host, timestamp } from "#/model/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";

const CENTRE = fileURLToPath(new URL("alarms-centre.ts", import.meta.url));
/** The whole trial takes 100; continuous integration has time for fewer. */
const KILLS = Number(process.env["ORRERY_TEST_KILLS"] ?? 10);
const SEED = Number(process.env["ORRERY_TEST_SEED"] ?? 7);

interface Alert {
  readonly status: string;
  readonly startsAt: string;
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Somebody outside, who is told. */
async function startListener(t: TestContext) {
  const told: { readonly id: string; readonly atMs: number; readonly alerts: readonly Alert[] }[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    told.push({ id: String(request.headers["webhook-id"]), atMs: performance.now(), alerts: (JSON.parse(text) as { alerts: Alert[] }).alerts });
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

async function openStore(file: string) {
  const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
  const close = async (): Promise<void> => {
    await store.close();
    await tree.close();
  };
  return { store, close };
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-alarms-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, "tree.db");
}

function startCentre(t: TestContext, file: string, disturbed: boolean): { readonly child: ChildProcess; until(word: string): Promise<void> } {
  const child = spawn(process.execPath, [CENTRE, file, disturbed ? "yes" : "no"], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const until = async (word: string): Promise<void> => {
    while (!text.includes(word)) {
      assert.equal(child.exitCode, null, "it has ended by itself");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { child, until };
}

const ready = (status: "True" | "Unknown") => ({
  conditions: [
    { type: "Ready", status, reason: status === "True" ? "Ready" : "AgentLost", message: "told", lastTransitionTime: timestamp(Date.now()) },
  ],
});

test(`a centre that is killed ${KILLS} times raises, clears and tells what happened, once each, and forgets nothing that people said`, async (t) => {
  const file = makeFolder(t);
  const { told, url } = await startListener(t);
  const random = seededRandom(SEED);
  {
    const { store, close } = await openStore(file);
    await store.create(alarmChannel, { metadata: { name: "all" }, spec: { webhook: { url }, every: "100ms", labels: "made=here" } });
    for (const [name, status] of [
      ["quiet", "True"],
      ["known", "Unknown"],
      ["shelved", "Unknown"],
    ] as const) {
      await store.create(host, { metadata: { name }, spec: {} });
      await store.patch(host, { name }, { type: "merge", body: { status: ready(status) } }, { subresource: "status" });
    }
    await close();
  }
  for (let round = 0; round < KILLS; round++) {
    const { child, until } = startCentre(t, file, true);
    await until("ready");
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.floor(random.next() * 800)));
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  const last = startCentre(t, file, false);
  await last.until("calm");
  last.child.kill("SIGKILL");
  await once(last.child, "exit");

  const end = await openStore(file);
  const alarms = (await end.store.list(alarm)).items.filter(({ spec }) => spec.type === "host-lost");
  const hosts = (await end.store.list(host, { labelSelector: "made=here" })).items;
  await end.close();
  assert.ok(hosts.length > KILLS, String(hosts.length));
  for (const { spec, status } of alarms) {
    const { name } = spec.resource;
    const words = (status?.history ?? []).map(({ what }) => what).filter((what) => !["unobserved", "observed"].includes(what));
    const said = name === "known" ? ["acknowledged"] : name === "shelved" ? ["shelved"] : [];
    const isOver = name.startsWith("made-") && Number(name.slice(5)) % 2 === 0;
    assert.deepEqual([name, status?.occurrence, words], [name, 1, isOver ? ["raised", "cleared"] : ["raised", ...said]]);
    if (said.length > 0) assert.equal(status?.stands, name === "known" ? "Acknowledged" : "Shelved");
  }
  assert.equal(alarms.length, hosts.length + 2, "one for each that was lost, and none for the one that was not");
  // A message that was sent again after a crash has the same id, so that who got it knows it.
  const ids = new Map<string, Set<string>>();
  for (const { id, alerts } of told)
    for (const { status, startsAt, fingerprint } of alerts) {
      const key = `${fingerprint} ${startsAt} ${status}`;
      ids.set(key, (ids.get(key) ?? new Set()).add(id));
    }
  assert.deepEqual(
    [...ids].filter(([, those]) => those.size > 1),
    [],
  );
  const raised = [...ids.keys()].filter((key) => key.endsWith("firing")).length;
  assert.equal(raised, hosts.length);
});

test("a centre that is stopped is noticed outside by its heartbeat, which comes again with it", async (t) => {
  const file = makeFolder(t);
  const { told, url } = await startListener(t);
  const { store, close } = await openStore(file);
  await store.create(alarmChannel, { metadata: { name: "beat" }, spec: { webhook: { url }, heartbeat: "1s", labels: "no=such" } });
  await close();
  const { child, until } = startCentre(t, file, false);
  await until("calm");
  const beats = async (count: number): Promise<void> => {
    const wanted = told.length + count;
    while (told.length < wanted) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await beats(2);
  assert.ok(told.every(({ alerts: [one] }) => one?.labels["alertname"] === "Watchdog"));
  child.kill("SIGSTOP");
  // As who listens would: nothing for three times as long as it should be.
  let noticedMs = Number.POSITIVE_INFINITY;
  const stoppedMs = performance.now();
  while (noticedMs > performance.now()) {
    const sinceMs = performance.now() - Math.max(stoppedMs, told.at(-1)?.atMs ?? 0);
    if (sinceMs > 3_000) noticedMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(noticedMs - stoppedMs < 60_000);
  child.kill("SIGCONT");
  await beats(1);
});
