import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { systemRandom } from "#/base/index.ts";
import {
  gateway,
  generation,
  type Instance,
  instance,
  type Microservice,
  microservice,
  SITE_NAME,
  site as siteKind,
  type Update,
  update,
} from "#/model/index.ts";
import { formatGenerationHeader, makeTraceId, parseTraceKey, type TraceKey } from "#/trace/index.ts";
import { putRelay } from "./gateway-relay.ts";
import { askPasses } from "./ground-station-load.ts";
import { type Kill, RunningSite } from "./running-site.ts";
import { type AccessLine, readAccessLog, SteadyLoad, summarize, unexcused } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, setPolicy, untilSettled, untilUpdatesEnd } from "./updating-site.ts";

const KEPT = "example.org/kept";

let site: RunningSite;

before(async () => {
  site = await RunningSite.start("ground-station");
  await setPolicy(site, { maxTransaction: "5s" });
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
});

function newLoad(context: TestContext): SteadyLoad {
  const load = new SteadyLoad({ ...askPasses(site), perSecond: 10 });
  context.after(() => load.stop());
  return load;
}

/** Fails unless nothing mixed and nothing failed, but for what `kills` excuse. */
async function judge(load: SteadyLoad, kills: readonly Kill[] = []): Promise<void> {
  const sent = await load.stop();
  assert.equal(sent.filter((one) => one.outcome === "mixed").length, 0, summarize(sent, kills));
  assert.equal(unexcused(sent, kills).length, 0, summarize(sent, kills));
  assert.ok(sent.length > 0);
}

async function getUpdate(name: string): Promise<Update | undefined> {
  return await site.store.get(update, { name });
}

/** Waits until an Update is in one of `phases`. */
async function untilPhase(name: string, ...phases: string[]): Promise<Update> {
  const { found } = await site.until(`${name} is ${phases.join(" or ")}`, async () => {
    const one = await getUpdate(name);
    return phases.includes(one?.status?.phase ?? "") ? one : undefined;
  });
  return found;
}

/** Waits until an Update says that it waits for what `isIt` tells. */
async function untilWait(name: string, isIt: (one: { reason: string; object: string; message: string }) => boolean): Promise<SeenWait> {
  let last: Update | undefined;
  try {
    const { found } = await site.until(`${name} waits`, async () => {
      last = await getUpdate(name);
      return last?.status?.waits?.find(isIt);
    });
    return found;
  } catch (error) {
    const { items } = await site.store.list(generation);
    throw new Error(`${JSON.stringify(last?.status)}\n${JSON.stringify(items.slice(-2).map((one) => one.status))}\n${(error as Error).message}`);
  }
}

async function serviceNamed(name: string): Promise<Microservice> {
  const { found } = await site.until(`${name} is read`, () => site.store.get(microservice, { name }));
  return found;
}

/** The version of a service that its template does not say. */
async function otherVersion(service: string): Promise<string> {
  return (await serviceNamed(service)).spec.template.version === "v1" ? "v2" : "v1";
}

function instancePids(): string {
  return JSON.stringify([...site.programs()].sort());
}

test("a version that never gets healthy is given up with its last lines quoted, and nothing has changed for anybody", async (context) => {
  await setPolicy(site, { readyWithin: "4s" });
  const load = newLoad(context);
  const auth = await serviceNamed("auth");
  const [pids, map] = [instancePids(), auth.status?.servedRevision];
  const run = { command: ["node", "-e", "console.error('the key store is locked: ask the operator'); process.exit(3)"] };
  await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { template: { version: "v9", run } } } });
  const aborted = await site.until("it is given up", async () =>
    (await site.store.list(update)).items.find((one) => one.status?.phase === "Aborted"),
  );
  await site.until("auth says why", async () => {
    const condition = (await serviceNamed("auth")).status?.conditions?.find((one) => one.type === "Diverged");
    return condition?.status === "True" &&
      /not ready within 4 s/.test(condition.message) &&
      /the key store is locked: ask the operator/.test(condition.message)
      ? true
      : undefined;
  });
  const described = await site.orrery("describe", "update", aborted.found.metadata.name);
  assert.match(described.out, /Aborted/);
  await site.until("its instances are gone", () => (instancePids() === pids ? true : undefined));
  assert.equal((await serviceNamed("auth")).status?.servedRevision, map);
  // Who asks for it by hand wants it tried again: whatever was in its way may be mended.
  await createUpdate(site, "refused-again", { auth: "v9" });
  const again = await untilPhase("refused-again", "Aborted");
  assert.ok((again.status?.generation ?? 0) > (aborted.found.status?.generation ?? 0));
  assert.match(again.status?.waits?.[0]?.message ?? "", /not ready within 4 s: .*the key store is locked/);
  await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { template: auth.spec.template } } });
  await setPolicy(site, { readyWithin: "2m" });
  await site.until("auth is as wanted again", async () =>
    (await serviceNamed("auth")).status?.conditions?.some((one) => one.type === "Diverged" && one.status === "True") === true ? undefined : true,
  );
  await untilSettled(site);
  assert.equal(instancePids(), pids);
  await judge(load);
});

test("an update of a service that is not there any more, or to a revision that was pruned, is refused in words", async () => {
  const extra = { template: { version: "v1", run: { command: ["node", "-e", "setInterval(() => {}, 1000)"] }, ports: [] } };
  await site.store.create(microservice, { metadata: { name: "extra" }, spec: extra });
  await site.until("extra is served", async () => (await serviceNamed("extra")).status?.servedRevision);
  await site.store.delete(microservice, { name: "extra" });
  await createUpdate(site, "gone", { extra: "v2" });
  const gone = await untilPhase("gone", "Aborted");
  assert.match(gone.status?.waits?.[0]?.message ?? "", /there is no Microservice extra/);
  assert.equal(gone.status?.waits?.[0]?.reason, "CannotBegin");
  await createUpdate(site, "pruned", { auth: "auth-v0-00000000" });
  const pruned = await untilPhase("pruned", "Aborted");
  assert.match(
    pruned.status?.waits?.[0]?.message ?? "",
    /auth has no version or revision auth-v0-00000000 \(it may have been pruned\); known are .*v1/,
  );
  await untilSettled(site);
});

test("two updates of one service are made one after the other, and the later one wins", async (context) => {
  const load = newLoad(context);
  const [first, second] = [await otherVersion("auth"), (await serviceNamed("auth")).spec.template.version];
  await Promise.all([createUpdate(site, "first", { auth: first }), wait(50).then(() => createUpdate(site, "second", { auth: second }))]);
  await untilUpdatesEnd(site);
  assert.deepEqual([(await getUpdate("first"))?.status?.phase, (await getUpdate("second"))?.status?.phase], ["Complete", "Complete"]);
  assert.equal((await serviceNamed("auth")).spec.template.version, second);
  await untilSettled(site);
  await judge(load);
});

test("an update that is deleted under way is given up first, and what is under way does not become something else", async (context) => {
  const load = newLoad(context);
  const before = (await serviceNamed("auth")).status?.servedVersion;
  await site.store.create(update, {
    metadata: { name: "deleted" },
    spec: { services: [{ name: "auth", to: await otherVersion("auth") }], paused: true },
  });
  await untilPhase("deleted", "Distributing");
  await assert.rejects(
    site.store.patch(update, { name: "deleted" }, { type: "merge", body: { spec: { strategy: "rolling" } } }),
    /never changes after creation \(but for paused, promoted, aborted, message\)/,
  );
  await site.store.delete(update, { name: "deleted" });
  await site.until("it is gone", async () => ((await getUpdate("deleted")) === undefined ? true : undefined));
  const { status } = (await site.store.get(siteKind, { name: SITE_NAME })) ?? {};
  assert.deepEqual(
    status?.generations?.map((one) => one.phase),
    ["Active"],
  );
  assert.match(status?.refused?.[0]?.reason ?? "", /given up on request/);
  assert.equal((await serviceNamed("auth")).status?.servedVersion, before);
  await createUpdate(site, "as-before", { auth: before ?? "" });
  await untilUpdatesEnd(site);
  await untilSettled(site);
  await judge(load);
});

describe("what a caller says of its transaction, while an older generation is still open", () => {
  let key: TraceKey;
  /** Open generations: the older one is held by a stream. They differ in the version of auth. */
  let older = 0;
  let current = 0;
  const versions = { older: "", current: "" };
  let callerName = "";
  let callerAddress = "";
  let port = 0;
  const stream = new AbortController();

  before(async () => {
    const { body } = await fetch(`${site.edge}/api/track?satellite=ISS&intervalMs=500`, { signal: stream.signal });
    void body?.pipeTo(new WritableStream(), { signal: stream.signal }).catch(() => undefined);
    versions.older = (await serviceNamed("auth")).spec.template.version;
    versions.current = await otherVersion("auth");
    await createUpdate(site, "leaves-one-open", { auth: versions.current });
    await untilPhase("leaves-one-open", "Draining");
    const status = (await site.store.get(siteKind, { name: SITE_NAME }))?.status;
    key = parseTraceKey(/"traceKey":"([0-9a-f]{32})"/.exec(readFileSync(path.join(site.data, "gateway", "table.json"), "utf8"))?.[1] ?? "");
    current = status?.stamp?.generation ?? 0;
    older = status?.generations?.find((one) => one.phase === "Draining")?.number ?? 0;
    assert.ok(older > 0 && older < current, JSON.stringify(status?.generations));
    const portal = (await site.store.list(instance)).items.find((one) => one.spec.service === "portal");
    callerName = portal?.metadata.name ?? "";
    callerAddress = portal?.status?.callerAddress ?? "";
    port = (await serviceNamed("auth")).status?.port ?? 0;
  });
  after(async () => {
    stream.abort();
    await untilPhase("leaves-one-open", "Complete");
    await untilSettled(site);
  });

  /** Calls auth as the portal's instance does. `headers`: header lines, as they go over the wire; `host`: stands in the access log. */
  function call(headers: readonly string[], host = `${callerAddress}:${port}`): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: callerAddress, port, path: "/health", headers: ["Host", host, ...headers], agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  const versionIn = (body: string): string => (JSON.parse(body) as { version: string }).version;
  const id = (number: number): string => makeTraceId(key, { generation: number, incarnation: 1 }, systemRandom);
  const traceparent = (traceId: string): string[] => ["traceparent", `00-${traceId}-00f067aa0ba902b7-01`];
  const mark = (number: number): string => formatGenerationHeader(key, { generation: number, incarnation: 1 });
  const unlabelled = (): Promise<number> => site.metric('orrery_calls_unlabelled_total{service="portal"}');

  /** Lines of the access log of requests with this Host. */
  async function linesOf(host: string): Promise<readonly AccessLine[]> {
    const { found } = await site.until(`${host} stands in the access log`, () => {
      const lines = readAccessLog(site.data).filter((line) => line.host === host);
      return lines.length > 0 ? lines : undefined;
    });
    return found;
  }

  test("its generation, by either carrier, is followed", async () => {
    for (const [number, version] of [
      [older, versions.older],
      [current, versions.current],
    ] as const) {
      const own = id(number);
      for (const headers of [traceparent(own), ["b3", `${own}-00f067aa0ba902b7-1`], ["x-orrery-generation", mark(number)]]) {
        const { status, body } = await call(headers);
        assert.deepEqual([status, versionIn(body)], [200, version], headers.join(": "));
      }
      await site.until("it stands in the access log", () =>
        readAccessLog(site.data).some((line) => line.traceId === own && line.generation === number) ? true : undefined,
      );
    }
  });

  test("forged, foreign, truncated, malformed and repeated trace ids are no context: they are not believed, and the call counts as one without", async () => {
    const own = id(older);
    const forged = `${own.slice(0, 16)}${own.slice(16, 18) === "00" ? "01" : "00"}${own.slice(18)}`;
    const cases = {
      absent: [],
      forged: traceparent(forged),
      "forged-mark": ["x-orrery-generation", mark(older).replace(/..$/, (check) => (check === "00" ? "01" : "00"))],
      future: traceparent(`6f72000fffff${own.slice(12)}`),
      foreign: traceparent("4bf92f3577b34da6a3ce929d0e0e4736"),
      truncated: ["X-B3-TraceId", own.slice(16), "X-B3-SpanId", "00f067aa0ba902b7"],
      malformed: ["traceparent", `00-${own}`],
      repeated: [...traceparent(own), ...traceparent(id(older))],
    };
    const before = await unlabelled();
    for (const [name, headers] of Object.entries(cases)) {
      const { status, body } = await call(headers, name);
      // Not that of the generation that they name.
      assert.deepEqual([status, versionIn(body)], [200, versions.current], `${name}: ${body}`);
      for (const line of await linesOf(name)) {
        assert.deepEqual([line.role, line.caller, line.service, line.generation], ["host", callerName, "auth", current], name);
        assert.equal(parseGeneration(line.traceId), current, name);
        assert.ok(!headers.some((text) => text.includes(line.traceId ?? "-")), `${name}: ${line.traceId} was taken over`);
      }
    }
    const count = Object.keys(cases).length;
    await site.until(`${count} calls are counted as unlabelled`, async () => ((await unlabelled()) === before + count ? true : undefined));
    assert.equal((await call(traceparent(own))).status, 200);
    await wait(1000);
    assert.equal(await unlabelled(), before + count, "one with a context is not");
  });

  test("a generation from the future, though signed rightly, is refused, and so is one that is closed, and two at once", async () => {
    const future = await call(traceparent(id(current + 1000)));
    assert.deepEqual([future.status, (JSON.parse(future.body) as { code: string }).code], [503, "gateway/unknown-generation"], future.body);
    const closed = (await site.store.list(generation)).items.find((one) => one.status?.phase === "Closed")?.spec.number ?? 0;
    assert.ok(closed > 0);
    const late = await call(traceparent(id(closed)));
    assert.ok(late.status === 503 || late.status === 409, late.body);
    const both = await call([...traceparent(id(current)), "x-orrery-generation", mark(older)]);
    const { code, detail } = JSON.parse(both.body) as { code: string; detail: string };
    assert.deepEqual([both.status, code], [409, "gateway/conflict"]);
    assert.equal(detail, `the trace headers name the generations ${current} and ${older}: send those of the request that you serve, and no others`);
  });

  test("from outside no context is believed: whatever a request says, it is a new transaction of the present generation", async () => {
    for (const [name, traceId] of Object.entries({
      older: id(older),
      current: id(current),
      future: id(current + 1000),
      foreign: "4bf92f3577b34da6a3ce929d0e0e4736",
    })) {
      const host = `${name}.outside`;
      const carriers = [...traceparent(traceId), "b3", `${traceId}-00f067aa0ba902b7-1`, "x-orrery-generation", mark(older)];
      const servedBy = (await ask(`${site.edge}/api/passes?satellite=ISS`, ["Host", host, ...carriers])) as Readonly<Record<string, string>>;
      assert.deepEqual([servedBy["authIssued"], servedBy["authVerified"]], [versions.current, versions.current], name);
      const [root, ...more] = await linesOf(host);
      assert.equal(more.length, 0, name);
      assert.equal(root?.role, "edge", name);
      assert.notEqual(root?.traceId, traceId, name);
      assert.deepEqual([root?.generation, parseGeneration(root?.traceId)], [current, current], name);
      const within = readAccessLog(site.data).filter((line) => line.traceId === root?.traceId && line.role === "host");
      assert.deepEqual(new Set(within.map((line) => line.generation)), new Set([current]), name);
      assert.ok(!readAccessLog(site.data).some((line) => line.traceId === traceId), `${name}: ${traceId} was taken over`);
    }
  });

  /** The generation that a trace id of ours says. */
  const parseGeneration = (traceId = ""): number => {
    assert.match(traceId, /^6f72[0-9a-f]{28}$/);
    return Number.parseInt(traceId.slice(4, 12), 16);
  };

  function ask(url: string, headers: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const sent = request(url, { headers }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () =>
          response.statusCode === 200
            ? resolve((JSON.parse(body) as { servedBy: unknown }).servedBy)
            : reject(new Error(`${response.statusCode} ${body}`)),
        );
      });
      sent.on("error", reject).end();
    });
  }
});

test("a stream that does not end keeps the versions it began with and holds the drain, which says so; requests beside it have the new version", async (context) => {
  const load = newLoad(context);
  const controller = new AbortController();
  context.after(() => controller.abort());
  const response = await fetch(`${site.edge}/api/track?satellite=ISS&intervalMs=100`, { signal: controller.signal });
  const events: string[] = [];
  const reading = (async () => {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) events.push(Buffer.from(chunk).toString("utf8"));
  })().catch(() => undefined);
  await site.until("the stream has begun", () => (events.length > 0 ? true : undefined));
  const version = await otherVersion("auth");
  await createUpdate(site, "beside-a-stream", { auth: version, predictor: await otherVersion("predictor") });
  const { found } = await site.until("the drain waits for the stream", async () =>
    (await untilPhase("beside-a-stream", "Draining")).status?.waits?.find((one) => one.reason === "TransactionsOpen"),
  );
  assert.match(found.message, /stream/);
  // Much longer than a transaction may take, and than the linger.
  const before = events.length;
  await wait(6000);
  assert.ok(events.length > before + 10);
  assert.equal((await getUpdate("beside-a-stream"))?.status?.phase, "Draining");
  const beside = (await (await fetch(`${site.edge}/api/passes?satellite=ISS`)).json()) as { servedBy: { authIssued: string } };
  assert.equal(beside.servedBy.authIssued, version);
  controller.abort();
  await reading;
  const text = events.join("");
  assert.doesNotMatch(text, /event: problem/);
  assert.equal(new Set([...text.matchAll(/"servedBy":(\{[^}]*\})/g)].map(([, servedBy]) => servedBy)).size, 1);
  await untilPhase("beside-a-stream", "Complete");
  await untilSettled(site);
  await judge(load);
});

for (const phase of ["Preparing", "Distributing", "Ramping", "Draining"] as const) {
  test(`a centre killed in the phase ${phase} goes on with the update when it is back`, async (context) => {
    const load = newLoad(context);
    const name = `killed-in-${phase.toLowerCase()}`;
    const services = [{ name: "auth", to: await otherVersion("auth") }];
    await site.store.create(update, {
      metadata: { name },
      spec: {
        services,
        ...(phase === "Ramping" ? { ramp: { steps: [{ share: 0.5, hold: "2s" }] } } : {}),
        ...(phase === "Distributing" ? { paused: true } : {}),
      },
    });
    const reached = await untilPhase(name, phase, "Complete");
    assert.equal(reached.status?.phase, phase);
    const kill = await killCentre();
    if (phase === "Distributing")
      await site.until("it may go on", () => site.store.patch(update, { name }, { type: "merge", body: { spec: { paused: false } } }));
    const { status } = await untilPhase(name, "Complete");
    // It has not begun anew: one generation, each phase once, in order.
    assert.equal(status?.generation, reached.status?.generation ?? status?.generation);
    const phases = status?.phases?.map((one) => one.phase) ?? [];
    assert.deepEqual(
      phases,
      ["Pending", "Preparing", "Distributing", "Ramping", "Draining", "Complete"].filter((one) => phases.includes(one as never)),
    );
    assert.ok(phases.includes(phase), phases.join(", "));
    await untilSettled(site);
    assert.equal((await serviceNamed("auth")).spec.template.version, services[0]?.to);
    await judge(load, [kill]);
  });
}

/** Kills the centre, and waits until its supervisor has started another one. */
async function killCentre(): Promise<Kill> {
  const kill = site.killPlatform("centre");
  await site.until("another centre is there", () => {
    const present = site.record("centre")?.pid;
    return present === undefined || present === kill.pid ? undefined : true;
  });
  return kill;
}

test("a centre killed before anything is issued forgets no wish: neither an update that waits for its turn, since when it has waited, nor a template that was just changed", async (context) => {
  const load = newLoad(context);
  const [service, to] = ["predictor", await otherVersion("predictor")];
  await createUpdate(site, "goes-first", { auth: await otherVersion("auth") }, { paused: true });
  await untilWait("goes-first", (one) => one.reason === "Paused");
  await createUpdate(site, "killed-in-pending", { [service]: to });
  const before = await untilWait("killed-in-pending", (one) => one.reason === "OtherUpdateFirst");
  const { generation: first } = (await getUpdate("goes-first"))?.status ?? {};
  assert.equal(before.object, `generation/g${first}`);
  assert.match(before.message, /begins by itself after it; to end that one: orrery update abort goes-first$/);
  const kills = [await killCentre()];
  // Long enough for the new centre to have looked at both.
  await untilWait("goes-first", (one) => one.reason === "Paused");
  await wait(1000);
  assert.deepEqual(await untilWait("killed-in-pending", (one) => one.reason === "OtherUpdateFirst"), before);
  assert.equal((await getUpdate("killed-in-pending"))?.status?.phase, "Pending");
  await site.store.patch(update, { name: "goes-first" }, { type: "merge", body: { spec: { paused: false } } });
  await untilPhase("goes-first", "Complete");
  await untilPhase("killed-in-pending", "Complete");
  await untilSettled(site);

  // A changed template rests for so long before it is issued.
  await setPolicy(site, { settle: "3s" });
  const { counter = 0 } = (await site.store.get(siteKind, { name: SITE_NAME }))?.status ?? {};
  const { template } = (await serviceNamed("auth")).spec;
  const env = [...(template.env ?? []).filter((one) => one.name !== "RESTED"), { name: "RESTED", value: "1" }];
  await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { template: { ...template, env } } } });
  assert.equal((await site.store.get(siteKind, { name: SITE_NAME }))?.status?.counter, counter, "it is not issued yet");
  kills.push(await killCentre());
  const issued = `g${counter + 1}`;
  await site.until("its record is made", async () => await getUpdate(issued));
  const { spec } = await untilPhase(issued, "Complete");
  assert.deepEqual(
    spec.services.map((one) => one.name),
    ["auth"],
  );
  await setPolicy(site, { settle: "500ms" });
  await untilSettled(site);
  await judge(load, kills);
});

/** Somebody else's finalizer: what is deleted stays until `letGo`. Returns it. */
async function keepInstances(service: string): Promise<() => Promise<void>> {
  const kept = (await site.store.list(instance)).items.filter((one) => one.spec.service === service);
  for (const { metadata } of kept) {
    const finalizers = [...(metadata.finalizers ?? []), KEPT];
    await site.store.patch(instance, metadata, { type: "merge", body: { metadata: { finalizers } } });
  }
  return async () => {
    for (const { metadata } of kept) {
      const present = await site.store.get(instance, metadata);
      const finalizers = present?.metadata.finalizers?.filter((one) => one !== KEPT) ?? [];
      if (present !== undefined) await site.store.patch(instance, metadata, { type: "merge", body: { metadata: { finalizers } } });
    }
  };
}

test("a centre killed, and its gateway cut off by that, while former instances are withdrawn still says what is left, and ends when it is gone", async (context) => {
  const load = newLoad(context);
  const name = "killed-in-withdrawing";
  const letGo = await keepInstances("auth");
  await site.store.create(update, { metadata: { name }, spec: { services: [{ name: "auth", to: await otherVersion("auth") }] } });
  const isWithdrawn = (one: { reason: string; message: string }): boolean =>
    one.reason === "Withdrawing" && one.message.includes(`is kept by the finalizer ${KEPT}`);
  await untilWait(name, isWithdrawn);
  const kill = await killCentre();
  await wait(1000);
  await untilWait(name, isWithdrawn);
  assert.equal((await getUpdate(name))?.status?.phase, "Draining");
  await site.until("they may go", async () => {
    await letGo();
    return true;
  });
  await untilPhase(name, "Complete");
  await untilSettled(site);
  await judge(load, [kill]);
});

interface SeenWait {
  readonly reason: string;
  readonly object: string;
  readonly since: string;
  readonly message: string;
}

/** Waits until an Update says that it waits for one of `reasons` because of the gateway, no longer than since `cutMs`; then `update show` says it, too. */
async function untilGatewayBlamed(name: string, cutMs: number, reasons: readonly string[]): Promise<SeenWait> {
  const blamed = await untilWait(name, (one) => reasons.includes(one.reason) && one.message.includes("gateway main is not connected"));
  const sinceMs = Date.parse(blamed.since);
  assert.ok(sinceMs <= Date.now() && sinceMs >= cutMs - 1000, `since ${blamed.since}, cut at ${new Date(cutMs).toISOString()}`);
  const shown = JSON.parse((await site.orrery("update", "show", name, "-o", "json")).out) as {
    readonly generations: readonly { readonly waits: readonly SeenWait[] }[];
    readonly updates: readonly Update[];
  };
  const all = [...shown.generations.flatMap((one) => one.waits), ...shown.updates.flatMap((one) => one.status?.waits ?? [])];
  assert.ok(
    all.some((one) => one.reason === blamed.reason && one.object === blamed.object && one.since === blamed.since),
    JSON.stringify(all),
  );
  const { out } = await site.orrery("update", "show", name);
  assert.match(out, new RegExp(`${blamed.object} \\(${blamed.reason}, `));
  return blamed;
}

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
  const load = newLoad(context);
  const relay = await putRelay(site, context);
  for (const phase of ["Preparing", "Distributing", "Ramping", "Draining"] as const) {
    const name = `cut-in-${phase.toLowerCase()}`;
    await createUpdate(
      site,
      name,
      { auth: await otherVersion("auth") },
      {
        ...(phase === "Distributing" ? { paused: true } : {}),
        ...(phase === "Ramping" ? { ramp: { steps: [{ share: 0.5, hold: "1s" }] } } : {}),
      },
    );
    assert.equal((await untilPhase(name, phase, "Complete")).status?.phase, phase);
    const cutMs = Date.now();
    relay.cut();
    if (phase === "Distributing") await site.store.patch(update, { name }, { type: "merge", body: { spec: { paused: false } } });
    const { reasons, object } = CUT_IN[phase];
    const waited = await untilGatewayBlamed(name, cutMs, reasons);
    context.diagnostic(`${phase}: ${waited.reason}: ${waited.message}`);
    assert.equal(waited.object, object);
    assert.equal((await fetch(`${site.edge}/api/passes?satellite=ISS`)).status, 200, `${phase}: it serves on`);
    // Nothing new is put into service without it: no other host is there.
    if (phase === "Preparing" || phase === "Distributing")
      await untilWait(name, (one) => one.reason === "TooFewReady" && one.message.includes("orrery gateway forget main"));
    assert.notEqual((await getUpdate(name))?.status?.phase, "Complete", phase);
    relay.heal();
    await untilPhase(name, "Complete");
  }
  await judge(load, relay.kills);

  // While it holds new transactions it cannot know how the handover ends: it refuses them in time, and the update is gone back from.
  await setPolicy(site, { linger: "2s" });
  await site.store.create(update, {
    metadata: { name: "cut-in-holding" },
    spec: { services: [{ name: "auth", to: await otherVersion("auth") }], strategy: "quiescence" },
  });
  assert.equal((await untilPhase("cut-in-holding", "Holding", "Complete")).status?.phase, "Holding");
  // The gateway may not hold yet when the site already says so.
  await wait(300);
  relay.cut();
  const refused = await fetch(`${site.edge}/api/passes?satellite=ISS`);
  assert.deepEqual(
    [refused.status, ((await refused.json()) as { code: string }).code, refused.headers.get("retry-after")],
    [503, "gateway/held", "1"],
  );
  const back = await untilPhase("cut-in-holding", "RolledBack");
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
  const auth = await serviceNamed("auth");
  await createUpdate(site, "as-served", { auth: auth.status?.servedVersion ?? "" });
  await untilUpdatesEnd(site);

  // No gateway at all: nothing new is put into service, and it is said why.
  await relay.end(async () => {
    await createUpdate(site, "without-edge", { auth: await otherVersion("auth") });
    await untilWait("without-edge", (one) => one.object === "gateway/main" || one.message.includes("gateway main"));
  });
  await untilPhase("without-edge", "Complete");
  await untilSettled(site);
});

test("a gateway cut off while it is counted, or before it has forgotten former instances, keeps these and their addresses until it is back; during their grace nobody waits for it", async (context) => {
  const load = newLoad(context);
  const relay = await putRelay(site, context);
  const former = async (): Promise<readonly Instance[]> => {
    const served = (await serviceNamed("auth")).status?.servedRevision;
    return (await site.instances()).filter((one) => one.spec.revision === served);
  };
  /** Fails unless all of them run where they did, and are registered. */
  const assertKept = async (kept: readonly Instance[]): Promise<void> => {
    assert.ok(kept.length > 0);
    for (const { metadata, status } of kept) {
      const present = await site.store.get(instance, metadata);
      assert.deepEqual(present?.status?.ports, status?.ports, `${metadata.name} has its address`);
      assert.deepEqual(site.programs().get(metadata.uid), [status?.pid], `${metadata.name} runs`);
    }
  };
  const run = async (name: string): Promise<void> => createUpdate(site, name, { auth: await otherVersion("auth") });

  // Nothing, or next to nothing, is in flight, but that is not shown yet.
  await setPolicy(site, { linger: "6s" });
  const counted = await former();
  await run("cut-in-linger");
  await untilWait("cut-in-linger", (one) => one.reason === "Counting" || one.reason === "TransactionsOpen");
  let cutMs = Date.now();
  relay.cut();
  assert.equal((await untilGatewayBlamed("cut-in-linger", cutMs, ["GatewayLost"])).object, "gateway/main");
  // Longer than the linger.
  await wait(6500);
  assert.equal((await getUpdate("cut-in-linger"))?.status?.phase, "Draining");
  await assertKept(counted);
  relay.heal();
  await setPolicy(site, { linger: "500ms" });
  await untilPhase("cut-in-linger", "Complete");

  // Its generation is closed, but the table without the former instances is on its way.
  const leaving = await former();
  relay.delay(1500);
  await run("cut-in-withdrawing");
  const onItsWay = await untilWait("cut-in-withdrawing", (one) => one.reason === "Withdrawing" && one.message.includes("not yet acknowledged"));
  assert.match(onItsWay.object, /^instance\/auth-/);
  cutMs = Date.now();
  relay.cut();
  relay.delay(0);
  const kept = await untilGatewayBlamed("cut-in-withdrawing", cutMs - 3000, ["Withdrawing"]);
  context.diagnostic(`Withdrawing: ${kept.message}`);
  await wait(1500);
  assert.equal((await getUpdate("cut-in-withdrawing"))?.status?.phase, "Draining");
  await assertKept(leaving);
  relay.heal();
  await untilPhase("cut-in-withdrawing", "Complete");
  for (const { metadata } of leaving) assert.equal(site.programs().get(metadata.uid), undefined, `${metadata.name} has ended`);

  // All gateways have forgotten them: while they end, nobody asks a gateway. A process that stands still does not hear that it is to end.
  const ending = await former();
  relay.delay(1500);
  await run("cut-in-grace");
  await untilWait("cut-in-grace", (one) => one.reason === "Withdrawing" && one.message.includes("not yet acknowledged"));
  for (const { status } of ending) process.kill(status?.pid ?? Number.NaN, "SIGSTOP");
  relay.delay(0);
  await untilWait(
    "cut-in-grace",
    (one) => one.reason === "Withdrawing" && /is told to end; it is killed when its grace \(\w+\) is over$/.test(one.message),
  );
  relay.cut();
  for (const { status } of ending) process.kill(status?.pid ?? Number.NaN, "SIGCONT");
  await untilPhase("cut-in-grace", "Complete");
  await judge(load, relay.kills);
  await relay.end();
  await untilSettled(site);
});

test("a gateway that stays away is waited for by name until a person forgets it; then the update goes on, and it is recorded", async (context) => {
  const forget = (name: string): ReturnType<RunningSite["orrery"]> => site.orrery("gateway", "forget", name);
  const stream = new AbortController();
  context.after(() => stream.abort());
  const { body } = await fetch(`${site.edge}/api/track?satellite=ISS&intervalMs=200`, { signal: stream.signal });
  void body?.pipeTo(new WritableStream(), { signal: stream.signal }).catch(() => undefined);
  const connected = await forget("main");
  assert.equal(connected.status, 1);
  assert.match(connected.err, /gateway main is connected \(\w+\): only one that is surely dead may be forgotten; stop it first/);
  const unknown = await forget("mian");
  assert.equal(unknown.status, 1);
  assert.match(unknown.err, /there is no gateway called "mian"; known: main/);
  await site.until("it is still connected", async () => (await gatewayReason()) === "Ready" || undefined);

  const old = (await site.instances()).filter((one) => one.spec.service === "auth");
  await createUpdate(site, "forgotten", { auth: await otherVersion("auth") });
  await untilWait("forgotten", (one) => one.reason === "TransactionsOpen");
  const killedMs = Date.now();
  // Who would start it again dies first.
  for (const name of ["supervisor", "gateway"] as const) site.killPlatform(name);
  const lost = await untilGatewayBlamed("forgotten", killedMs, ["GatewayLost"]);
  assert.equal(lost.object, "gateway/main");
  assert.match(lost.message, /what it has in flight is unknown\. Bring it back, or, if it is surely dead, run: orrery gateway forget main$/);
  // Much longer than the linger and than a transaction may last: no clock decides.
  await wait(6000);
  assert.deepEqual(site.platformPids("gateway"), []);
  assert.equal((await getUpdate("forgotten"))?.status?.phase, "Draining");
  for (const { metadata } of old) assert.ok(site.programs().has(metadata.uid), `${metadata.name} is kept`);
  // One that has not begun to be served waits, too.
  await createUpdate(site, "forgotten-before-switch", { predictor: await otherVersion("predictor") });
  await untilWait("forgotten-before-switch", (one) => one.reason === "TooFewReady" && /orrery gateway forget main$/.test(one.message));

  const done = await forget("main");
  assert.deepEqual([done.status, done.out.trim()], [0, "gateway main is forgotten: 1 gateway less is waited for"], done.err);
  await untilPhase("forgotten", "Complete");
  await untilPhase("forgotten-before-switch", "Complete");
  await site.until("the former instances have ended", () => (old.every(({ metadata }) => !site.programs().has(metadata.uid)) ? true : undefined));
  const again = await forget("main");
  assert.equal(again.status, 1);
  assert.match(again.err, /there is no gateway called "main"; known: none/);
  const dead = (await site.store.events({ fieldSelector: "reason=DeclaredDead" })).at(-1);
  assert.match(
    dead?.message ?? "",
    /^gateway main was declared dead by hand: what it had in flight of generations \d+, \d+.* is not waited for any more$/,
  );

  // One that comes back registers itself again, and serves what is served now.
  const { status, out, err } = await site.up();
  assert.equal(status, 0, out + err);
  await site.until("it is registered", async () => (await gatewayReason()) === "Ready" || undefined);
  const passes = (await (await fetch(`${site.edge}/api/passes?satellite=ISS`)).json()) as { servedBy: { authIssued: string } };
  assert.equal(passes.servedBy.authIssued, (await serviceNamed("auth")).spec.template.version);
  await untilSettled(site);
});

async function gatewayReason(): Promise<string | undefined> {
  const one = await site.store.get(gateway, { name: "main" });
  return one?.status?.conditions?.find(({ type }) => type === "Ready")?.reason;
}
