import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { LastGuard, OrreryError, silentLog, systemClock } from "#/base/index.ts";
import { host, INSTANCE_FINALIZER, type Instance, instance, TRAFFIC_FINALIZER } from "#/model/index.ts";
import { decodeLines, type Link } from "#/state/link/index.ts";
import type { EventInput, Store } from "#/state/store/index.ts";
import type { AgentObservation, AgentReport } from "#/work/probes/index.ts";
import { findMembers } from "#/work/process/index.ts";
import { HOST, TestSite } from "./agent-site.ts";

let site: TestSite;
const condition = (one: Instance, type = "Ready") => one.status?.conditions?.find((found) => found.type === type);
const folderOf = (one: Instance): string => path.join(site.data, "agent", "instances", one.metadata.uid);

/** Stands for the open link: keeps what the agent says. */
class RecordingLink implements Link {
  readonly silentMs = (): number => 0;
  readonly closed = new Promise<string>(() => {});
  readonly reports: AgentReport[] = [];
  readonly observations: AgentObservation[] = [];
  #wake: () => void = () => {};

  notify(method: string, params: unknown): boolean {
    if (method === "agent/report") this.reports.push(params as AgentReport);
    else this.observations.push(...(params as AgentObservation[]));
    this.#wake();
    return true;
  }

  /** The first observation or report that is as wanted. */
  async until<T>(list: T[], isAsWanted: (one: T) => boolean): Promise<T> {
    for (const late = performance.now() + 15_000; performance.now() < late; ) {
      const found = list.find(isAsWanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1000);
      });
    }
    return assert.fail(`nothing as wanted: ${JSON.stringify(list.slice(-3))}`);
  }

  call(): Promise<unknown> {
    throw new Error("not asked here");
  }

  stream(): AsyncIterable<unknown> {
    throw new Error("not asked here");
  }

  close(): void {}
}

async function readLog(name: string, params: object = {}): Promise<string> {
  let text = "";
  for await (const lines of streamLines({ namespace: "default", instance: name, ...params }, new AbortController().signal)) text += lines;
  return text;
}

/** What the agent gives of a log, as text. */
async function* streamLines(params: object, signal: AbortSignal): AsyncGenerator<string> {
  for await (const item of site.agent?.handlers.streams?.["log/lines"]?.(params, signal) ?? [])
    yield decodeLines(item)
      .map((line) => `${line.text}${line.isOpen === true ? "" : "\n"}`)
      .join("");
}

const runScript = (name: string, script: string): Promise<unknown> =>
  Promise.resolve(site.agent?.handlers.calls?.["script/run"]?.({ instance: name, script }, new AbortController().signal));

describe("an agent", () => {
  before(async () => {
    site = await TestSite.open();
    await site.startAgent();
  });
  after(() => site.close());

  it("starts an instance in its folder with its files, port, address and environment, and stops it when it is deleted", async () => {
    const made = await site.create({ env: [{ name: "COLOUR", value: "blue" }] }, "auth-v1-0");
    const one = await site.ready("auth-v1-0");
    const env = JSON.parse(await site.ask(one, "/env")) as Record<string, string>;
    assert.equal(env["COLOUR"], "blue");
    assert.equal(env["ORRERY_INSTANCE"], made.metadata.uid);
    assert.equal(env["ORRERY_SERVICE"], "auth");
    assert.equal(env["HTTP_PROXY"], `http://${one.status?.callerAddress}:3128`);
    assert.match(one.status?.callerAddress ?? "", /^127\.\d+\.\d+\.\d+$/);
    assert.equal(env["CWD"], path.join(folderOf(made), "work"));
    assert.equal(Number(env["PID"]), one.status?.pid);
    assert.equal(one.status?.phase, "Running");
    assert.equal(await site.ask(one, "/state"), "active");
    await site.store.delete(instance, { name: "auth-v1-0" });
    await site.gone("auth-v1-0");
    assert.deepEqual(site.pids(one), []);
    while (existsSync(folderOf(made))) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it("tells a crash loop with the last lines, restarts, and the exit", async () => {
    await site.create({ env: [{ name: "CRASH", value: "no database" }] }, "crash-v1-0");
    const one = await site.until("crash-v1-0", (status) => (status.restarts ?? 0) >= 3);
    assert.equal(one.status?.phase, "Backoff");
    assert.equal(condition(one)?.reason, "CrashLoop");
    assert.match(condition(one)?.message ?? "", /^exit status 3 after .* 3 times in a row; .* its last lines: about to crash \| Error: no database$/);
    assert.deepEqual([one.status?.lastExit?.code, one.status?.lastExit?.lines], [3, ["about to crash", "Error: no database"]]);
    const events = await site.store.events();
    assert.ok(events.some((event) => event.involvedObject.name === "crash-v1-0" && event.reason === "CrashLoop"));
  });

  it("sees a program that puts itself in the background, says what to write, and leaves no server at any retry", async () => {
    // As a daemon does: a session of its own, nothing of its environment left, its parent gone.
    const one = await site.create({ run: { command: ["sh", "-c", "(env -i setsid sleep 100 &) ; sleep 0.3"] } });
    const { status } = await site.until(one.metadata.name, (seen) => seen.restarts === 2);
    const ready = status?.conditions?.find((condition) => condition.type === "Ready");
    assert.equal(ready?.reason, "WentToBackground");
    assert.match(
      ready?.message ?? "",
      /^its program went to the background: it ended with 0 and left process \d+ \(.+\), which was ended, 2 times in a row; it is started again at .*Z\. A service must stay in the foreground: leave out /,
    );
    assert.deepEqual(findMembers({ marks: {}, home: path.join(site.data, "agent", "instances", one.metadata.uid) }), []);
    await site.store.delete(instance, { name: one.metadata.name, namespace: "default" });
  });

  it("goes on when something in the turn of one instance is not foreseen: the others do not notice, and that one is taken up again", async () => {
    await site.agent?.end("leave");
    const guard = new LastGuard({ clock: systemClock, log: silentLog, giveUp: () => undefined });
    let isBroken = true;
    // What an instance tells goes through here, in the midst of its turn.
    const store = Object.assign(Object.create(site.store) as Store, {
      emit: (event: EventInput) => {
        if (isBroken && event.object.metadata.name === "bad-v1-0") throw new TypeError("not foreseen");
      },
    });
    for (const name of ["get", "list", "watch", "create", "update", "patch", "delete", "events"] as const)
      Object.assign(store, { [name]: (site.store[name] as (...args: never[]) => unknown).bind(site.store) });
    await site.startAgent({ store, guard });
    await site.create({}, "bad-v1-0");
    await site.create({}, "well-v1-0");
    await site.ready("well-v1-0");
    assert.ok(guard.count > 0);
    assert.equal(guard.last, "instance bad-v1-0: not foreseen");
    isBroken = false;
    await site.ready("bad-v1-0");
  });

  it("calls a slow starter ready only when it is, and leaves it alone until its startup check has passed", async () => {
    await site.create(
      {
        env: [{ name: "SLOW_MS", value: "1500" }],
        health: {
          startup: { tcp: {}, interval: "1s", failureThreshold: 10 },
          liveness: { http: { path: "/healthz" }, interval: "200ms", failureThreshold: 1 },
        },
      },
      "slow-v1-0",
    );
    const starting = await site.until("slow-v1-0", (status) => status.phase === "Starting" && status.pid !== undefined);
    assert.equal(starting.status?.ready, false);
    const one = await site.ready("slow-v1-0");
    assert.deepEqual([one.status?.restarts, one.status?.pid], [0, starting.status?.pid]);
  });

  it("restarts what is not alive any more, on the same port and address", async () => {
    await site.create(
      { health: { readiness: { tcp: {} }, liveness: { http: { path: "/healthz" }, interval: "200ms", failureThreshold: 2 } } },
      "sick-v1-0",
    );
    const before = await site.ready("sick-v1-0");
    await site.ask(before, "/sicken");
    const one = await site.until("sick-v1-0", (status) => status.ready === true && status.restarts === 1);
    assert.notEqual(one.status?.pid, before.status?.pid);
    assert.deepEqual([one.status?.ports, one.status?.callerAddress], [before.status?.ports, before.status?.callerAddress]);
    assert.equal(await readLog("sick-v1-0", { previous: true }), `listening on ${one.status?.ports?.["http"]}\nbye\n`);
  });

  it("tells a changed duty by the file and by POST, without a restart", async () => {
    await site.create({ duty: "passive", stateUrl: { path: "/duty" } }, "duty-v1-0");
    const before = await site.ready("duty-v1-0");
    assert.equal(await site.ask(before, "/state"), "passive");
    await site.store.patch(instance, { name: "duty-v1-0" }, { type: "merge", body: { spec: { duty: "active" } } });
    const one = await site.until("duty-v1-0", (status) => status.duty === "active");
    assert.equal(await site.ask(one, "/state"), "active");
    assert.equal(one.status?.pid, before.status?.pid);
    // It is said of the instance only when the instance has answered.
    assert.equal(await site.ask(one, "/duties"), '["passive","active"]');
  });

  it("starts anew for a changed spec", async () => {
    await site.create({}, "changed-v1-0");
    const before = await site.ready("changed-v1-0");
    await site.store.patch(instance, { name: "changed-v1-0" }, { type: "merge", body: { spec: { env: [{ name: "COLOUR", value: "red" }] } } });
    const one = await site.until("changed-v1-0", (status) => status.ready === true && status.pid !== before.status?.pid);
    assert.equal((JSON.parse(await site.ask(one, "/env")) as Record<string, string>)["COLOUR"], "red");
    assert.deepEqual([one.status?.restarts, site.pids(one)], [0, [one.status?.pid]]);
  });

  it("lets calls end first: a deleted instance runs on until no gateway sends it calls", async () => {
    const made = await site.create({}, "traffic-v1-0");
    await site.store.patch(
      instance,
      { name: "traffic-v1-0" },
      { type: "merge", body: { metadata: { finalizers: [INSTANCE_FINALIZER, TRAFFIC_FINALIZER] } } },
    );
    const one = await site.ready("traffic-v1-0");
    await site.store.delete(instance, { name: "traffic-v1-0" });
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual(site.pids(made), [one.status?.pid]);
    await site.store.patch(instance, { name: "traffic-v1-0" }, { type: "merge", body: { metadata: { finalizers: [INSTANCE_FINALIZER] } } });
    await site.gone("traffic-v1-0");
    assert.deepEqual(site.pids(made), []);
  });

  it("says which files are missing and starts when they are there", async () => {
    await site.create({ artifact: "0".repeat(64) }, "nofiles-v1-0");
    const one = await site.until("nofiles-v1-0", (status) => status.phase === "Failed");
    assert.match(condition(one)?.message ?? "", /artifact 0{64}\) are not in .*artifacts/);
  });

  it("says which program is missing", async () => {
    await site.create({ run: { command: ["no-such-program"] } }, "noprogram-v1-0");
    const one = await site.until("noprogram-v1-0", (status) => status.phase === "Backoff");
    assert.match(condition(one)?.message ?? "", /^exit status 127: program not found .*no-such-program/);
  });

  it("refuses a working folder outside of the instance's", async () => {
    await assert.rejects(
      site.create({ run: { command: ["true"], workingDir: "../.." } }, "outside-v1-0"),
      /workingDir: give a relative path that stays inside/,
    );
  });

  it("goes on when its records cannot be written, and takes up what it could not as soon as it can", async () => {
    const running = await site.create({}, "disk-v1-0");
    const before = await site.ready("disk-v1-0");
    const folder = path.join(site.data, "agent", "instances");
    renameSync(folder, `${folder}.away`);
    writeFileSync(folder, "in the way");
    try {
      await site.ask(before, "/crash").catch(() => {});
      await site.until("disk-v1-0", (status) => status.restarts === 1);
      await site.create({}, "late-v1-0");
      const late = await site.until("late-v1-0", (status) => status.phase === "Failed");
      assert.match(condition(late)?.message ?? "", /^the agent cannot take it up: .*ENOTDIR|EEXIST/);
    } finally {
      rmSync(folder);
      renameSync(`${folder}.away`, folder);
    }
    await site.ready("late-v1-0");
    await site.ready("disk-v1-0");
    assert.equal(site.pids(running).length, 1);
  });

  it("makes a host with facts", async () => {
    for (;;) {
      const one = await site.store.get(host, { name: HOST });
      if (one?.status?.facts === undefined) continue;
      assert.ok(one.status.facts.cpus > 0 && one.status.facts.memoryBytes > 0);
      return;
    }
  });
});

describe("scripts", () => {
  before(async () => {
    site = await TestSite.open();
    await site.startAgent();
  });
  after(() => site.close());

  it("run in the instance's folder and environment, with output, exit status and time limit", async () => {
    await site.create(
      {
        scripts: [
          { name: "show", command: ["sh", "-c", "ls; echo $PORT; exit 2"] },
          { name: "stuck", command: ["sh", "-c", "echo begun; sleep 60"], timeout: "300ms" },
        ],
      },
      "script-v1-0",
    );
    const one = await site.ready("script-v1-0");
    assert.deepEqual(
      { ...((await runScript("script-v1-0", "show")) as object), durationMs: 0 },
      { exitCode: 2, signal: null, timedOut: false, durationMs: 0, output: `service.mjs\n${one.status?.ports?.["http"]}\n` },
    );
    const stuck = (await runScript("script-v1-0", "stuck")) as { timedOut: boolean; output: string };
    assert.deepEqual([stuck.timedOut, stuck.output], [true, "begun\n"]);
    await assert.rejects(runScript("script-v1-0", "other"), { code: "agent/no-script", message: /no script "other"; it has show, stuck/ });
    await assert.rejects(runScript("nobody", "show"), { code: "agent/no-instance" });
  });

  it("named start run before the process, and a failing one keeps it from starting", async () => {
    await site.create({ scripts: [{ name: "start", command: ["sh", "-c", "echo prepared > prepared.txt"] }] }, "prepared-v1-0");
    const one = await site.ready("prepared-v1-0");
    assert.equal(readFileSync(path.join(folderOf(one), "work", "prepared.txt"), "utf8"), "prepared\n");
    await site.create({ scripts: [{ name: "start", command: ["sh", "-c", "echo no licence; exit 1"] }] }, "unprepared-v1-0");
    const failed = await site.until("unprepared-v1-0", (status) => status.phase === "Failed");
    assert.match(condition(failed)?.message ?? "", /its script start ended with exit status 1.*no licence/);
    assert.deepEqual(site.pids(failed), []);
  });

  it("named stop run instead of SIGTERM", async () => {
    const told = path.join(site.files, "told");
    const made = await site.create(
      {
        run: { command: ["sh", "-c", "echo $$ > pid; exec node service.mjs"] },
        scripts: [{ name: "stop", command: ["sh", "-c", `echo "by script" > ${told}; kill -INT $(cat pid)`] }],
        grace: "60s",
      },
      "stopped-v1-0",
    );
    await site.ready("stopped-v1-0");
    await site.store.delete(instance, { name: "stopped-v1-0" });
    await site.gone("stopped-v1-0");
    assert.deepEqual(site.pids(made), []);
    assert.equal(readFileSync(told, "utf8"), "by script\n");
  });
});

describe("logs", () => {
  before(async () => {
    site = await TestSite.open();
    await site.startAgent();
  });
  after(() => site.close());

  it("give the last lines, follow, and tell the run before", async () => {
    await site.create({}, "log-v1-0");
    const one = await site.ready("log-v1-0");
    const port = one.status?.ports?.["http"];
    assert.equal(await readLog("log-v1-0"), `listening on ${port}\n`);
    await assert.rejects(readLog("log-v1-0", { previous: true }), { code: "agent/no-previous" });
    const stop = new AbortController();
    let text = "";
    for await (const chunk of streamLines({ instance: "log-v1-0", follow: true, tailLines: 1 }, stop.signal)) {
      if (text === "") await site.ask(one, "/crash").catch(() => {});
      text += chunk;
      if (text.endsWith(`to crash\nlistening on ${port}\n`)) stop.abort();
    }
    assert.equal(text, `listening on ${port}\ntold to crash\nlistening on ${port}\n`);
    assert.equal(await readLog("log-v1-0", { previous: true }), `listening on ${port}\ntold to crash\n`);
    assert.equal(await readLog("log-v1-0", { tailLines: 1 }), `listening on ${port}\n`);
    await assert.rejects(readLog("log-v1-0", { tailLines: -1 }), { code: "agent/bad-request" });
  });
});

describe("probes", () => {
  let link: RecordingLink;
  before(async () => {
    site = await TestSite.open();
    link = new RecordingLink();
    site.link = link;
    await site.startAgent();
  });
  after(() => site.close());

  const probe = (name: string, spec: object): Promise<Instance> =>
    site.store.create(instance, {
      metadata: { name: `probe-${name}`, namespace: "default", finalizers: [INSTANCE_FINALIZER] },
      spec: { host: HOST, slot: 0, resource: name, ...spec },
    });
  const of = (name: string) => (one: AgentObservation) => one.resource === name;

  it("that are built in look at their interval and tell what they see, also when it goes away", async () => {
    let azimuth = 10;
    const thing = createServer((_, reply) => reply.end(JSON.stringify({ azimuth: azimuth++ })));
    await new Promise<void>((resolve) => thing.listen(0, "127.0.0.1", resolve));
    await probe("antenna", { probe: { http: { url: `http://127.0.0.1:${(thing.address() as AddressInfo).port}/` }, interval: "100ms" } });
    await link.until(link.observations, (one) => of("antenna")(one) && one.observed?.["azimuth"] === 12);
    await site.ready("probe-antenna");
    thing.close();
    const lost = await link.until(link.observations, (one) => of("antenna")(one) && one.error !== undefined);
    assert.match(lost.error ?? "", /nothing listens on/);
    await site.store.delete(instance, { name: "probe-antenna" });
    await site.gone("probe-antenna");
  });

  it("that are programs are read from their output, and lines that are no observations are told", async () => {
    await probe("meter", {
      run: {
        command: [
          "sh",
          "-c",
          `echo hello; n=0; while :; do n=$((n+1)); echo "{\\"observed\\": {\\"n\\": $n, \\"every\\": $ORRERY_PROBE_INTERVAL_MS}}"; sleep 0.1; done`,
        ],
      },
      probe: { command: ["x"], interval: "3s" },
    });
    const seen = await link.until(link.observations, (one) => of("meter")(one) && Number(one.observed?.["n"]) >= 3);
    assert.equal(seen.observed?.["every"], 3000);
    const one = await site.ready("probe-meter");
    assert.match(one.status?.callerAddress ?? "", /^127\./);
    const events = await site.store.events();
    assert.match(
      events.find((event) => event.reason === "InvalidObservation")?.message ?? "",
      /^1 line of its output were no observations, the last one: "hello"/,
    );
  });

  it("that end well run again after their interval", async () => {
    await probe("clock", {
      run: { command: ["sh", "-c", `echo "{\\"observed\\": {\\"pid\\": $$}}"`] },
      probe: { command: ["x"], interval: "300ms" },
    });
    const first = await link.until(link.observations, of("clock"));
    await link.until(link.observations, (one) => of("clock")(one) && one.observed?.["pid"] !== first.observed?.["pid"]);
    const one = await site.ready("probe-clock");
    assert.deepEqual([one.status?.phase, one.status?.restarts], ["Running", 0]);
  });

  it("keep the newest observation of each resource while the centre is away", async () => {
    site.link = undefined;
    await probe("diary", {
      run: { command: ["sh", "-c", `for n in 1 2 3; do echo "{\\"observed\\": {\\"n\\": $n}}"; sleep 0.2; done; sleep 60`] },
      probe: { command: ["x"] },
    });
    await site.ready("probe-diary");
    while ((await readLog("probe-diary")).split("\n").length < 4) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 700));
    const later = new RecordingLink();
    site.link = later;
    site.agent?.connected();
    assert.deepEqual(
      later.observations.filter(of("diary")).map((one) => one.observed),
      [{ n: 3 }],
    );
  });

  it("and instances are measured in the agent's report", async () => {
    const reporting = new RecordingLink();
    site.link = reporting;
    await site.create({}, "used-v1-0");
    await site.ready("used-v1-0");
    const report = await reporting.until(reporting.reports, (one) => one.instances.some((use) => use.name === "used-v1-0" && use.memoryBytes > 0));
    const use = report.instances.find((one) => one.name === "used-v1-0");
    assert.equal(use?.processes, 1);
    assert.ok((use?.openFiles ?? 0) > 3 && (use?.memoryBytes ?? 0) > 10_000_000);
    assert.ok(report.usage.memory.totalBytes > 0 && report.usage.load.length === 3);
  });
});

/** The store as an agent without the centre sees it. */
function unreachable(): Store {
  const fail = (): never => {
    throw new OrreryError("store/unavailable", "the centre cannot be reached", { retry: "backoff" });
  };
  const later = async (): Promise<never> => fail();
  return {
    get: later,
    list: later,
    watch: fail,
    create: later,
    update: later,
    patch: later,
    delete: later,
    emit() {},
    recordEvent: later,
    deleteEvent: later,
    events: later,
  };
}

describe("another agent on the same folder", () => {
  beforeEach(async () => {
    site = await TestSite.open();
    await site.startAgent();
  });
  afterEach(() => site.close());

  it("is refused while one works there", async () => {
    const first = site.agent;
    await assert.rejects(site.startAgent(), { code: "process/held" });
    site.agent = first;
  });

  it("adopts what runs, and nobody sees it unready", async () => {
    await site.create({}, "kept-v1-0");
    const before = await site.ready("kept-v1-0");
    await site.agent?.end("leave");
    assert.deepEqual(site.pids(before), [before.status?.pid]);
    let wasUnready = false;
    const watching = new AbortController();
    const watch = (async () => {
      for await (const event of site.store.watch(instance, { signal: watching.signal }))
        if (event.type !== "BOOKMARK" && event.object.status?.ready !== true) wasUnready = true;
    })();
    await site.startAgent();
    await site.ask(before, "/crash").catch(() => {});
    watching.abort();
    await watch;
    assert.equal(wasUnready, false);
    const one = await site.until("kept-v1-0", (status) => status.ready === true && status.restarts === 1);
    assert.deepEqual([one.status?.lastExit?.code, one.status?.ports], [4, before.status?.ports]);
  });

  it("counts what ended while no agent was there, and starts it again", async () => {
    await site.create({}, "lost-v1-0");
    const before = await site.ready("lost-v1-0");
    await site.agent?.end("leave");
    await site.ask(before, "/crash").catch(() => {});
    await site.startAgent();
    const one = await site.until("lost-v1-0", (status) => status.ready === true && status.restarts === 1);
    assert.equal(one.status?.lastExit?.code, 4);
  });

  it("works without the centre by its own records: adopts, restarts what ends, and catches up later", async () => {
    await site.create({}, "alone-v1-0");
    await site.create({}, "deleted-v1-0");
    const before = await site.ready("alone-v1-0");
    const doomed = await site.ready("deleted-v1-0");
    await site.agent?.end("leave");
    await site.startAgent({ store: unreachable() });
    assert.deepEqual(site.pids(before), [before.status?.pid]);
    await site.ask(before, "/crash").catch(() => {});
    for (;;)
      if (
        await site.ask(before, "/state").then(
          () => true,
          () => false,
        )
      )
        break;
    const [pid] = site.pids(before);
    assert.notEqual(pid, before.status?.pid);
    await site.agent?.end("leave");
    // Deleted while no agent could know.
    await site.store.patch(instance, { name: "deleted-v1-0" }, { type: "merge", body: { metadata: { finalizers: [] } } });
    await site.store.delete(instance, { name: "deleted-v1-0" });
    await site.startAgent();
    const one = await site.until("alone-v1-0", (status) => status.ready === true && status.pid === pid);
    assert.equal(one.status?.restarts, 1);
    while (site.pids(doomed).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it("leaves orphans alone while the centre is away, and ends them once it has the centre's list", async () => {
    await site.agent?.end("leave");
    const env = { ...process.env, ORRERY_INSTANCE: "11111111-2222-3333-4444-555555555555", ORRERY_DATA: site.data, ORRERY_SITE: site.data };
    const orphan = spawn("sleep", ["60"], { env, detached: true, stdio: "ignore" });
    const ended = new Promise((resolve) => orphan.once("exit", (_, signal) => resolve(signal)));
    await site.startAgent({ store: unreachable() });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(orphan.exitCode ?? orphan.signalCode, null);
    await site.agent?.end("leave");
    await site.startAgent();
    assert.equal(await ended, "SIGKILL");
  });

  it("starts again what the former one was told to stop with itself", async () => {
    const made = await site.create({}, "down-v1-0");
    const before = await site.ready("down-v1-0");
    await site.agent?.end("stop");
    assert.deepEqual(site.pids(made), []);
    assert.equal((await site.store.get(instance, { name: "down-v1-0" }))?.status?.phase, "Stopped");
    await site.startAgent();
    const one = await site.until("down-v1-0", (status) => status.ready === true);
    assert.deepEqual([one.status?.restarts, one.status?.ports], [0, before.status?.ports]);
  });

  it("gives a stranger's port up instead of never starting", async () => {
    await site.create({}, "moved-v1-0");
    const before = await site.ready("moved-v1-0");
    await site.agent?.end("stop");
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(before.status?.ports?.["http"], "127.0.0.1", resolve));
    try {
      await site.startAgent();
      const one = await site.until("moved-v1-0", (status) => status.ready === true);
      assert.notEqual(one.status?.ports?.["http"], before.status?.ports?.["http"]);
    } finally {
      stranger.close();
    }
  });

  it("warns of a service that listens outside of the loopback", async () => {
    await site.create({ env: [{ name: "LISTEN", value: "0.0.0.0" }] }, "open-v1-0");
    const before = await site.ready("open-v1-0");
    await site.agent?.end("leave");
    await site.startAgent();
    const one = await site.until("open-v1-0", (status) => status.conditions?.some((found) => found.type === "LoopbackOnly") === true);
    assert.match(condition(one, "LoopbackOnly")?.message ?? "", new RegExp(`it listens on 0\\.0\\.0\\.0:${before.status?.ports?.["http"]}`));
  });
});

describe("an exclusive thing", () => {
  const antenna = (version: string, duty: string): Record<string, unknown> => ({
    service: "antenna",
    version,
    revision: `antenna-${version}`,
    duty,
    exclusive: true,
    stateUrl: { path: "/duty" },
    run: { command: ["sh", path.join(site.files, "stubborn.sh")] },
    grace: "1500ms",
  });
  const active = (name: string): Promise<Instance> => site.until(name, (status) => status.duty === "active" && status.ready === true);
  before(async () => {
    site = await TestSite.open();
    // A service that takes its time to end.
    writeFileSync(path.join(site.files, "stubborn.sh"), "trap '' TERM\nnode service.mjs & wait\nwhile :; do sleep 0.05; done\n");
    await site.startAgent();
  });
  after(() => site.close());

  it("is given to another revision only when the process that used it is gone, whatever the store says", async () => {
    const former = await site.create(antenna("v2", "active"), "antenna-v2-0");
    await active("antenna-v2-0");
    await site.create(antenna("v1", "passive"), "antenna-v1-0");
    await site.ready("antenna-v1-0");
    await site.agent?.end("leave");
    // As after a restore: the store knows nothing of the one, and wants the other to be active.
    await site.store.patch(instance, { name: "antenna-v2-0" }, { type: "merge", body: { metadata: { finalizers: [] } } });
    await site.store.delete(instance, { name: "antenna-v2-0" });
    await site.store.patch(instance, { name: "antenna-v1-0" }, { type: "merge", body: { spec: { duty: "active" } } });
    await site.startAgent();
    for (let looks = 0; site.pids(former).length > 0; looks++) {
      const one = await site.store.get(instance, { name: "antenna-v1-0" });
      // An agent that has just begun anew does not know yet what was told.
      if (site.pids(former).length > 0) assert.ok([undefined, "passive"].includes(one?.status?.duty), `${one?.status?.duty} at look ${looks}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const one = await active("antenna-v1-0");
    // Each is told again where somebody begins anew, or becomes ready again.
    assert.match(await site.ask(one, "/duties"), /^\["passive"(,"passive")*(,"active")+\]$/);
    const event = (await site.store.events()).find(({ reason }) => reason === "StillInUse");
    assert.match(event?.message ?? "", new RegExp(`antenna-v2-0 .uid ${former.metadata.uid}.*nothing has to be done`));
  });

  it("is not taken from who uses it when the agent begins anew", async () => {
    await site.create(antenna("v3", "passive"), "antenna-v3-0");
    await site.ready("antenna-v3-0");
    const before = await active("antenna-v1-0");
    await site.agent?.end("leave");
    const told = (JSON.parse(await site.ask(before, "/duties")) as string[]).length;
    await site.startAgent();
    await site.until("antenna-v3-0", (status) => status.duty === "passive");
    const one = await active("antenna-v1-0");
    assert.equal(one.status?.pid, before.status?.pid);
    // The agent that has begun anew tells it again, soon.
    const toldSince = async (): Promise<string[]> => JSON.parse(await site.ask(one, "/duties")).slice(told);
    for (let tries = 0; tries < 200 && (await toldSince()).length === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 25));
    assert.deepEqual([...new Set(await toldSince())], ["active"]);
  });
});

describe("a slot", () => {
  before(async () => {
    site = await TestSite.open();
    await site.startAgent();
  });
  after(() => site.close());

  it("is given to a new Instance of the same name only when the old one's process is gone", async () => {
    const script = path.join(site.files, "stubborn.sh");
    writeFileSync(script, "trap '' TERM\necho up\nwhile :; do sleep 0.05; done\n");
    const spec = { run: { command: ["sh", script] }, ports: [], health: {}, grace: "1500ms" };
    const old = await site.create(spec, "slot-v1-0");
    await site.ready("slot-v1-0");
    // Without its finalizer the object goes at once; the process does not.
    await site.store.patch(instance, { name: "slot-v1-0" }, { type: "merge", body: { metadata: { finalizers: [] } } });
    await site.store.delete(instance, { name: "slot-v1-0" });
    const next = await site.create(spec, "slot-v1-0");
    const waiting = await site.until("slot-v1-0", (status) => status.phase === "Pending");
    assert.match(condition(waiting)?.message ?? "", new RegExp(`uid ${old.metadata.uid}.* is not gone yet`));
    assert.equal(site.pids(next).length, 0);
    assert.ok(site.pids(old).length > 0);
    await site.ready("slot-v1-0");
    assert.equal(site.pids(old).length, 0);
    assert.equal(readdirSync(path.join(site.data, "agent", "instances")).length, 1);
  });
});
