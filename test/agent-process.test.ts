import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { INSTANCE_FINALIZER, type Instance, instance } from "#/model/index.ts";
import { decodeLines } from "#/state/link/index.ts";
import { findMarkedProcesses, killMembers } from "#/work/process/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const APP = new URL("../src/apps/agent.ts", import.meta.url).pathname;
const HOST = "h1";

/** The agent's own program, against a real API. */
class AgentProcess {
  readonly site: ApiSite;
  readonly data: string;
  child: ChildProcess | undefined;
  /** What the newest one has logged. */
  output = "";

  constructor(site: ApiSite, data: string) {
    this.site = site;
    this.data = data;
  }

  static async open(context: TestContext): Promise<AgentProcess> {
    const site = await openApiSite(context);
    const data = mkdtempSync(path.join(tmpdir(), "orrery-agent-app-"));
    mkdirSync(path.join(data, "pki"));
    mkdirSync(path.join(data, "tokens"));
    writeFileSync(path.join(data, "pki", "ca.crt"), site.ca);
    writeFileSync(path.join(data, "tokens", "agent"), site.token("agent"));
    writeFileSync(path.join(data, "endpoints.json"), JSON.stringify({ api: site.url }));
    const agent = new AgentProcess(site, data);
    context.after(async () => {
      await agent.end("SIGKILL");
      await killMembers({ marks: { ORRERY_DATA: data } });
      rmSync(data, { recursive: true, force: true });
    });
    return agent;
  }

  /** Starts it and waits for its ready sign. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [APP, "--data", this.data, "--host", HOST], { stdio: ["ignore", "pipe", "inherit"] });
    this.child = child;
    const ready = Promise.withResolvers<void>();
    this.output = "";
    child.stdout?.on("data", (chunk) => {
      this.output = (this.output + String(chunk)).slice(-100_000);
      if (this.output.includes('"ready"')) ready.resolve();
    });
    child.once("exit", () => ready.reject(new Error(`it ended: ${this.output}`)));
    await ready.promise;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const ended = once(child, "exit");
    child.kill(signal);
    const [code] = await ended;
    return code as number | null;
  }

  async create(name: string, script: string, more: object = {}): Promise<Instance> {
    return await this.site.store.create(instance, {
      metadata: { name, namespace: "default", finalizers: [INSTANCE_FINALIZER] },
      spec: { host: HOST, slot: 0, service: name, revision: name, run: { command: ["sh", "-c", script] }, grace: "5s", ...more },
    });
  }

  async until(name: string, isAsWanted: (one: Instance) => boolean): Promise<Instance> {
    const late = AbortSignal.timeout(20_000);
    for await (const event of this.site.store.watch(instance, { signal: late })) {
      if (event.type !== "BOOKMARK" && event.object.metadata.name === name && isAsWanted(event.object)) return event.object;
    }
    return assert.fail(`${name}: ${JSON.stringify(await this.site.store.get(instance, { name }))}\n${this.output}`);
  }

  /** Everything that runs for the Instance, without its shim. */
  pids(one: Instance): number[] {
    return findMarkedProcesses({ ORRERY_INSTANCE: one.metadata.uid, ORRERY_DATA: this.data })
      .filter(({ stat }) => stat.pid !== stat.session)
      .map(({ stat }) => stat.pid);
  }
}

const LOOP = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.01; done";

describe("the agent's process", () => {
  it("killed, leaves its instance running and writing; the next one adopts it, and its output has no gap", async (context) => {
    const agent = await AgentProcess.open(context);
    const made = await agent.create("loop", LOOP);
    await agent.start();
    const before = await agent.until("loop", (one) => one.status?.ready === true);
    await agent.end("SIGKILL");
    const log = path.join(agent.data, "agent", "instances", made.metadata.uid, "output.log");
    const linesThen = readFileSync(log, "utf8").length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(readFileSync(log, "utf8").length > linesThen);
    await agent.start();
    await agent.until(
      "loop",
      (one) => one.status?.pid === before.status?.pid && Date.parse(one.status?.observedAt ?? "") > Date.parse(before.status?.observedAt ?? ""),
    );
    const lines = readFileSync(log, "utf8").trimEnd().split("\n");
    assert.deepEqual(
      lines,
      Array.from({ length: lines.length }, (_, index) => `line ${index + 1}`),
    );
  });

  it("killed at any moment of a start, never leaves two processes in a slot, and never none for long", async (context) => {
    const agent = await AgentProcess.open(context);
    await agent.start();
    const names = Array.from({ length: 6 }, (_, index) => `many${index}`);
    for (const [round, name] of names.entries()) {
      // At other moments each time: before the record, before the process, before the status.
      const made = agent.create(name, `exec sleep 60`);
      await new Promise((resolve) => setTimeout(resolve, round * 12));
      await agent.end("SIGKILL");
      await made;
      await agent.start();
    }
    for (const name of names) {
      const one = await agent.until(name, (found) => found.status?.ready === true);
      assert.deepEqual(agent.pids(one), [one.status?.pid]);
    }
  });

  it("ended by SIGTERM leaves its instances, ended by SIGINT stops them", async (context) => {
    const agent = await AgentProcess.open(context);
    const made = await agent.create("calm", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    await agent.start();
    const before = await agent.until("calm", (one) => one.status?.ready === true);
    assert.equal(await agent.end("SIGTERM"), 0);
    assert.ok(agent.pids(made).includes(before.status?.pid ?? 0));
    await agent.start();
    assert.equal(await agent.end("SIGINT"), 0);
    assert.deepEqual(agent.pids(made), []);
    assert.equal((await agent.site.store.get(instance, { name: "calm" }))?.status?.phase, "Stopped");
    assert.match(readFileSync(path.join(agent.data, "agent", "instances", made.metadata.uid, "output.log"), "utf8"), /bye\n$/);
  });

  it("goes on without the centre, also when it is started then, and answers the centre's questions over the link", async (context) => {
    const agent = await AgentProcess.open(context);
    const made = await agent.create("alone", LOOP, { scripts: [{ name: "hello", command: ["echo", "hello"] }] });
    await agent.start();
    const before = await agent.until("alone", (one) => one.status?.ready === true);
    for (;;) {
      const peer = agent.site.hub.peer("agent", HOST);
      if (peer === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      const result = (await peer.link.call("script/run", { namespace: "default", instance: "alone", script: "hello" })) as { output: string };
      assert.equal(result.output, "hello\n");
      const log = path.join(agent.data, "agent", "instances", made.metadata.uid, "output.log");
      while (readFileSync(log, "utf8").split("\n").length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
      let text = "";
      for await (const chunk of peer.link.stream("log/lines", {
        namespace: "default",
        instance: "alone",
        follow: false,
        tailLines: 2,
        previous: false,
      }))
        text += decodeLines(chunk)
          .map((line) => `${line.text}\n`)
          .join("");
      assert.match(text, /^line \d+\nline \d+\n$/);
      break;
    }
    await agent.site.api.close();
    await agent.end("SIGKILL");
    await agent.start();
    assert.ok(agent.pids(made).includes(before.status?.pid ?? 0));
    // What ends is started again, without anybody to ask.
    process.kill(before.status?.pid ?? 0, "SIGKILL");
    for (const late = performance.now() + 10_000; ; ) {
      const [pid] = agent.pids(made).filter((one) => one !== before.status?.pid);
      if (pid !== undefined) break;
      assert.ok(performance.now() < late, "not started again");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await agent.end("SIGINT");
    assert.deepEqual(agent.pids(made), []);
  });
});
