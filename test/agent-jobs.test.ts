import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { type Instance, instance, microservice } from "#/model/index.ts";
import { decodeLines } from "#/state/link/index.ts";
import { PROXY_PORT } from "#/traffic/routing/index.ts";
import { TestSite } from "./agent-site.ts";

let site: TestSite;

/** A run of `script`, which writes a line to `$TRACE` at its start. */
const create = (name: string, script: string, once: object = {}, more: object = {}): Promise<Instance> =>
  site.create(
    {
      service: undefined,
      version: undefined,
      revision: undefined,
      job: "nightly",
      jobRun: name,
      ports: [],
      health: {},
      run: { command: ["sh", "-c", `echo start $ORRERY_RUN $ORRERY_TRY >> ${traceOf(name)}; ${script}`] },
      grace: "1s",
      once,
      ...more,
    },
    name,
  );
const traceOf = (name: string): string => path.join(site.folder, `${name}.trace`);
const starts = (name: string): number =>
  readFileSync(traceOf(name), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("start")).length;
const over = (name: string): Promise<Instance> => site.until(name, (status) => status.outcome !== undefined);
const folderOf = (one: Instance): string => path.join(site.data, "agent", "instances", one.metadata.uid);

async function logOf(name: string): Promise<string> {
  const params = { namespace: "default", instance: name };
  let text = "";
  for await (const item of site.agent?.handlers.streams?.["log/lines"]?.(params, new AbortController().signal) ?? [])
    text += decodeLines(item)
      .map((line) => `${line.text}\n`)
      .join("");
  return text;
}

describe("a run of a job on its host", () => {
  before(async () => {
    site = await TestSite.open();
    await site.startAgent();
  });
  after(() => site.close());

  it("ends once, with its exit status, its times and its last lines; its log stays until it is deleted", async () => {
    await create("good", "echo done; exit 0");
    const bad = await create("bad", "echo broken >&2; exit 3");
    const { status } = await over("good");
    assert.deepEqual([status?.outcome, status?.phase, status?.lastExit?.code, status?.lastExit?.lines], ["Succeeded", "Succeeded", 0, ["done"]]);
    assert.ok(Date.parse(status?.startedAt ?? "") <= Date.parse(status?.lastExit?.at ?? ""));
    const failed = await over("bad");
    assert.deepEqual([failed.status?.outcome, failed.status?.lastExit?.code], ["Failed", 3]);
    assert.equal(await logOf("bad"), "broken\n");
    assert.equal(readFileSync(traceOf("bad"), "utf8"), "start bad 1\n");
    await site.store.delete(instance, { name: "bad" });
    await site.gone("bad");
    assert.equal(existsSync(folderOf(bad)), false);
  });

  it("is stopped at its timeout, and when it is cancelled; a program that is not there has failed", async () => {
    await create("slow", "sleep 60", { timeout: "300ms" });
    const cancelled = await create("cancelled", "trap 'exit 0' TERM; sleep 60 & wait");
    await site.until("cancelled", (status) => status.pid !== undefined);
    const asked = await site.agent?.handlers.calls?.["busy/ask"]?.({ instance: "cancelled" }, new AbortController().signal);
    assert.equal((asked as { readonly state?: string } | undefined)?.state, "busy");
    await site.store.patch(instance, { name: "cancelled" }, { type: "merge", body: { spec: { once: { isCancelled: true } } } });
    assert.equal((await over("cancelled")).status?.outcome, "Cancelled");
    assert.deepEqual(site.pids(cancelled), []);
    const slow = await over("slow");
    assert.equal(slow.status?.outcome, "TimedOut");
    assert.deepEqual(site.pids(slow), []);
    await create("nothing", "", {}, { run: { command: ["no-such-program"] } });
    assert.equal((await over("nothing")).status?.outcome, "Failed");
  });

  it("goes on without its agent, is found again, and is never started twice", async () => {
    const gate = path.join(site.folder, "gate");
    await create("long", `while [ ! -e ${gate} ]; do sleep 0.05; done; echo through; exit 0`);
    await create("short", "exit 0");
    await site.until("long", (status) => status.pid !== undefined);
    await over("short");
    await site.agent?.end("leave");
    await site.startAgent();
    await site.until("long", (status) => status.pid !== undefined);
    // It ends while no agent is there.
    await site.agent?.end("leave");
    writeFileSync(gate, "");
    const deadlineMs = Date.now() + 5000;
    while (site.pids(await found("long")).length > 0 && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 20));
    await site.startAgent();
    const { status } = await over("long");
    assert.deepEqual([status?.outcome, status?.lastExit?.lines], ["Succeeded", ["through"]]);
    assert.deepEqual([starts("long"), starts("short")], [1, 1]);
  });

  it("of which the agent has lost everything is unknown where the centre knows of its start, and not begun again", async () => {
    await create("lost", "sleep 60");
    const lost = await site.until("lost", (status) => status.startedAt !== undefined);
    await create("kept", "exit 4");
    const kept = await over("kept");
    await site.agent?.end("leave");
    for (const one of [lost, kept]) rmSync(folderOf(one), { recursive: true });
    await site.startAgent();
    const { status } = await over("lost");
    assert.equal(status?.outcome, "Unknown");
    assert.deepEqual(site.pids(lost), []);
    await site.until("kept", (seen) => seen.phase === "Failed" && seen.outcome === "Failed");
    assert.deepEqual([starts("lost"), starts("kept")], [1, 1]);
  });

  it("begins when the gateway of its host listens for it, as it may call at once", async () => {
    await site.store.create(microservice, {
      metadata: { name: "auth" },
      spec: { port: 19_999, template: { version: "v1", run: { command: ["x"] } } },
    });
    const known = path.join(site.data, "agent", "services.json");
    for (const lateMs = Date.now() + 5000; !existsSync(known) && Date.now() < lateMs; ) await new Promise((resolve) => setTimeout(resolve, 20));
    const caller = await create("caller", 'echo "$SERVICE_AUTH_HOST $SERVICE_AUTH_PORT"');
    const waiting = await site.until("caller", (status) => status.callerAddress !== undefined);
    assert.equal(waiting.status?.startedAt, undefined);
    assert.equal(existsSync(traceOf("caller")), false);
    const gateway = createServer((socket) => socket.destroy()).listen({ host: waiting.status?.callerAddress, port: PROXY_PORT });
    assert.equal((await over("caller")).status?.outcome, "Succeeded");
    gateway.close();
    assert.equal(await logOf("caller"), `${waiting.status?.callerAddress} 19999\n`);
    // What calls nobody need not wait.
    await create("alone", "exit 0", {}, { calls: [] });
    assert.equal((await over("alone")).status?.outcome, "Succeeded");
    await site.store.delete(instance, { name: caller.metadata.name });
  });

  it("has that from a service, too, which does not wait for a gateway that does not come", async () => {
    const service = {
      once: undefined,
      service: "portal",
      run: { command: ["sh", "-c", 'echo "$SERVICE_AUTH_PORT"; sleep 60'] },
      ports: [],
      health: {},
    };
    await site.create(service, "portal-v1-0");
    const waiting = await site.until("portal-v1-0", (status) => status.callerAddress !== undefined);
    assert.equal(waiting.status?.startedAt, undefined);
    const gateway = createServer((socket) => socket.destroy()).listen({ host: waiting.status?.callerAddress, port: PROXY_PORT });
    await site.until("portal-v1-0", (status) => status.pid !== undefined);
    gateway.close();
    const told = async (name: string): Promise<number> =>
      (await site.store.events({ fieldSelector: `involvedObject.name=${name}` })).filter(({ reason }) => reason === "GatewayAway").length;
    assert.equal(await told("portal-v1-0"), 0);
    await site.create({ ...service, slot: 1 }, "portal-v1-1");
    await site.until("portal-v1-1", (status) => status.pid !== undefined);
    assert.equal(await told("portal-v1-1"), 1);
    for (const name of ["portal-v1-0", "portal-v1-1"]) await site.store.delete(instance, { name });
  });

  it("is interrupted when everything on its host is stopped", async () => {
    await create("interrupted", "trap 'exit 0' TERM; sleep 60 & wait");
    await site.until("interrupted", (status) => status.pid !== undefined);
    await site.agent?.end("stop");
    assert.equal((await found("interrupted")).status?.outcome, "Interrupted");
    await site.startAgent();
    await site.until("interrupted", (status) => status.phase === "Failed" && status.outcome === "Interrupted");
    assert.equal(starts("interrupted"), 1);
  });
});

async function found(name: string): Promise<Instance> {
  return (await site.store.get(instance, { name })) ?? assert.fail(`${name} is not there`);
}
